"""The targets: each published experiment by name, the runs it needs, and what is made of their records.

A name such as A6 is the item's number among the published experiments: A of AutoSSVH, S of S5VH, C of ConMH; W is
about the embedded worlds. Runs that several targets need are trained once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from ..data import TRANSFER, WORLDS
from ..errors import unknown
from ..literature.names import printed_name
from ..methods import ClassicalMethod, available, method_class
from ..nn.backbones import BACKBONES
from . import code_maps, convergence, efficiency, float_features
from .experiment import Experiment, Row, grid, sized
from .results import Record

_ROW = ("method", "variant", "label")
SYSTEMS = ("conmh", "s5vh", "autossvh")


@dataclass(frozen=True)
class Target:
    """A published experiment: ``heading`` says what it shows, ``item`` where it is published.

    It needs each of ``rows`` at each of ``bits`` from ``seeds`` seeds, or from the number that the row gives. Its
    records are those of its runs, or what ``collect(runs, records, preset)`` makes of them; or, if it names another
    target as its ``data``, the records of that target that belong to its rows.
    """

    heading: str
    item: str = ""
    rows: tuple[Row, ...] = ()
    bits: tuple[int, ...] = (32,)
    seeds: int = 3
    data: str = ""
    datasets: tuple[str, ...] = ()  # on which it is measured, all of them, if that is not the one asked for
    by_epoch: bool = False  # measured after every epoch
    transfer: bool = False  # measured on another dataset than trained on, too
    collect: Callable[[list[Experiment], list[Record], str], list[Record]] | None = None

    def order(self) -> list[str]:
        """Return the printed names of the rows in order, or none if the results decide the order."""
        given = any(row.label or row.variant != "paper" for row in self.rows)
        return [printed_name(row.method, row.variant, row.label) for row in self.rows] if given else []

    def runs(
        self, dataset: str, preset: str, bits: Iterable[int] = (), seeds: int | None = None, root: str | None = None
    ) -> list[Experiment]:
        """Return the runs it needs on a dataset, transfers included; ``bits`` and ``seeds`` replace its own."""
        rows = [replace(row, seeds=seeds) for row in self.rows] if seeds else self.rows
        wanted = partial(grid, rows, preset=preset, bits=bits or self.bits, seeds=seeds or self.seeds, root=root)
        runs = [run for one in self.datasets or (dataset,) for run in wanted(dataset=one, by_epoch=self.by_epoch)]
        if self.transfer and dataset in TRANSFER:
            runs += wanted(dataset=dataset, tested_on=sized(TRANSFER[dataset], preset))
        return runs

    def shows(self, record: Record) -> bool:
        """Return whether a record is of one of its rows."""
        return any((row.method, row.variant, row.label) == tuple(map(record.get, _ROW)) for row in self.rows)

    def lacks(self, dataset: str) -> str:
        """Return why it cannot be made of a dataset, or "" if it can."""
        if self.datasets and dataset not in self.datasets:
            return "it is about the embedded datasets"
        if self.transfer and dataset not in TRANSFER:
            return f"no dataset to transfer to from {dataset}"
        return "" if self.rows or self.collect else "nothing to run"


def ablations(method: str, changes: Mapping[str, Mapping[str, object]], seeds: int | None = None) -> tuple[Row, ...]:
    """Return a row of ``method`` for each label of ``changes``, with the fields of its Config that are changed."""
    return tuple(Row(method, label, changes=tuple(fields.items()), seeds=seeds) for label, fields in changes.items())


def _every_method() -> tuple[Row, ...]:
    """Return a row for each method, with two seeds unless it is one of the three systems or trains in seconds."""
    several = {name for name in available() if name in SYSTEMS or issubclass(method_class(name), ClassicalMethod)}
    return tuple(Row(name, seeds=None if name in several else 2) for name in available())


_AUTOSSVH_ABLATIONS = ablations("autossvh", {
    "I without gradient reversal": {"reversal": False},
    "II random frames": {"sampler": "random"},
    "III AttMask": {"sampler": "attmask"},
    "IV AdaMAE": {"sampler": "adamae"},
    "V ADIOS": {"sampler": "adios"},
    "VI without reconstruction (FR)": {"reconstruction_weight": 0.0},
    "VII without view contrast (VC)": {"contrast_weight": 0.0},
    "VIII without point-to-set (P2Set)": {"set_weight": 0.0},
    "IX AutoSSVH": {},
})  # fmt: skip
_TABLE_3 = {row.label.partition(" ")[0]: row for row in _AUTOSSVH_ABLATIONS}  # by their numbers in AutoSSVH's table
_WHOLE_S5VH = ablations("s5vh", {"S5VH": {}})
_NO_CENTRES = ablations("s5vh", {"without centre alignment (global)": {"centre_weight": 0.0}})
_BACKBONES = [*(name for name in BACKBONES if name != "mamba"), "mamba"]  # S5VH's own last
_ALL, _LENGTHS = _every_method(), (16, 32, 64)
_UP_TO_S5VH = tuple(row for row in _ALL if row.method != "autossvh")
_UP_TO_CONMH = tuple(row for row in _UP_TO_S5VH if row.method != "s5vh")

TARGETS: dict[str, Target] = {
    "main": Target("Every method.", rows=_ALL, bits=_LENGTHS),
    "A1": Target(
        "mAP at 5 to 100 of AutoSSVH and the others.", "AutoSSVH, Figure 3", _ALL, _LENGTHS, data="main",
    ),
    "A2": Target(
        "GMAP in both of its meanings.", "AutoSSVH, equation 21", _ALL, _LENGTHS, data="main",
    ),
    "A3": Target(
        "mAP at 60, 80 and 100.", "AutoSSVH, Table 1",
        (Row("mcmsh", seeds=2), Row("conmh"), Row("autossvh")), _LENGTHS,
    ),
    "A4": Target(
        "Precision against recall.", "AutoSSVH, Figure 4", _ALL, _LENGTHS, data="main",
    ),
    "A5": Target(
        "Trained on one dataset, asked on another.", "AutoSSVH, Table 2",
        (*(Row(name, seeds=2) for name in ("bth", "dkph", "mcmsh", "bervae")), Row("conmh"), Row("autossvh")), _LENGTHS,
        transfer=True,
    ),
    "A6": Target(
        "AutoSSVH without its parts, and with other samplers.", "AutoSSVH, Table 3",
        _AUTOSSVH_ABLATIONS,
    ),
    "A7": Target(
        "Convergence with and without the sampler and the point-to-set loss.", "AutoSSVH, Figure 5",
        (_TABLE_3["II"], _TABLE_3["VIII"], _TABLE_3["IX"]),
        by_epoch=True, collect=convergence.collect_levels(_TABLE_3["VIII"].label),
    ),
    "A8": Target(
        "What the point-to-set loss adds after the warm-up.", "AutoSSVH, training schedule",
        (_TABLE_3["VIII"], _TABLE_3["IX"]),
        by_epoch=True, collect=convergence.collect_gains,
    ),
    "A9": Target("The majority vote is the nearest code.", "AutoSSVH, appendix"),
    "S1": Target(
        "mAP at 5 to 100 of S5VH and those before it.", "S5VH, Figure 3", _UP_TO_S5VH, _LENGTHS, data="main",
    ),
    "S2": Target(
        "Memory, operations and time of encoding longer videos.", "S5VH, Figure 1a", collect=efficiency.collect,
    ),
    "S3": Target(
        "Convergence with and without the alignment to centres.", "S5VH, Figure 1b", _NO_CENTRES + _WHOLE_S5VH,
        by_epoch=True, collect=convergence.collect_levels(_NO_CENTRES[0].label),
    ),
    "S4": Target(
        "Precision against recall.", "S5VH, Figure 4", _UP_TO_S5VH, _LENGTHS, data="main",
    ),
    "S5": Target(
        "Codes of ten classes in the plane, by t-SNE and UMAP.", "S5VH, Figure 5",
        tuple(Row(name) for name in ("itq", *SYSTEMS)), (64,), 1, collect=code_maps.collect,
    ),
    "S6": Target("Tables that could not be read.", "S5VH, Tables 1 and 2"),
    "S7": Target(
        "S5VH with other backbones, each trained in its place.", "S5VH, backbones",
        ablations("s5vh", {f"S5VH, {name}": {"backbone": name} for name in _BACKBONES}),
    ),
    "S8": Target(
        "S5VH without its losses.", "S5VH, losses",
        (
            *ablations("s5vh", {
                "without reconstruction (self)": {"reconstruction_weight": 0.0},
                "without contrast (local)": {"contrast_weight": 0.0},
            }),
            *_NO_CENTRES, *_WHOLE_S5VH,
        ),
    ),
    "S9": Target(
        "How the hash centres are made.", "S5VH, hash centres",
        (
            *ablations("s5vh", {
                "random centres, not optimised": {"hadamard_start": False, "optimised_centres": False},
                "Hadamard centres, not optimised": {"optimised_centres": False},
            }),
            *_WHOLE_S5VH,
        ),
    ),
    "S10": Target(
        "S5VH by mask ratio, number of centres, and width.", "S5VH, hyper-parameters",
        (
            *ablations("s5vh", {f"mask ratio {ratio}": {"mask_ratio": ratio} for ratio in (0.25, 0.5, 0.75)}, 2),
            *ablations("s5vh", {f"centres {count}": {"clusters": count} for count in (50, 100, 200)}, 2),
            *ablations("s5vh", {f"width {width}": {"width": width} for width in (32, 64)}, 2),
        ),
    ),
    "C1": Target(
        "mAP at 5 to 100 of ConMH and those before it.", "ConMH, main table", _UP_TO_CONMH, _LENGTHS, data="main",
    ),
    "C2": Target(
        "ConMH by the share of frames that a view does not see.", "ConMH, mask ratio",
        ablations("conmh", {f"mask ratio {ratio}": {"mask_ratio": ratio} for ratio in (0.25, 0.5, 0.75, 0.9)}),
    ),
    "C3": Target(
        "ConMH without its losses, with plain contrast, and with views drawn each by itself.", "ConMH, losses",
        ablations("conmh", {
            "reconstruction only": {"contrast_weight": 0.0},
            "contrast only": {"reconstruction_weight": 0.0},
            "contrast not debiased": {"positive_prior": 0.0},
            "independent views": {"independent_views": True},
            "ConMH": {},
        }),
    ),
    "C4": Target(
        "One stage of training against two.", "ConMH, Figure 1",
        (
            *(Row(name) for name in ("bth", *SYSTEMS)),
            *(Row(name, seeds=2) for name in ("ssth", "ssvh", "dkph", "mcmsh", "bervae", "chain")),
        ),
    ),
    "C5": Target(
        "ConMH by its layers.", "ConMH, size",
        ablations("conmh", {f"layers {count}": {"layers": count} for count in (1, 2, 4)}, 2),
    ),
    "systems": Target(
        "The three systems as their papers describe them and as their released code computes them.",
        rows=tuple(Row(method, variant=variant) for method in SYSTEMS for variant in method_class(method).VARIANTS),
    ),
    "W2": Target(
        "The embedded worlds: what simple codes retrieve, and what the features themselves do.", "",
        (Row("lsh"), Row("itq")), (64,), datasets=tuple(WORLDS), collect=float_features.collect,
    ),
    "rejection": Target(
        "Retrieval without the videos of most uncertain codes.", "BerVAE, uncertainty", (Row("bervae", seeds=2),),
        _LENGTHS, data="main",
    ),
}  # fmt: skip


def target(name: str) -> Target:
    """Return the target called ``name``; SSVHError if there is none."""
    if name not in TARGETS:
        raise unknown("target", name, TARGETS)
    return TARGETS[name]
