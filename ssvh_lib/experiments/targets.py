"""What can be reproduced, by name: each published experiment, the runs it needs, and what it draws.

A name such as A6 is the item's number among the published experiments: A of AutoSSVH, S of S5VH, C of ConMH. Runs that
several targets need are trained once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..data import TRANSFER
from ..errors import unknown
from ..literature.names import printed_name
from ..methods import ClassicalMethod, available, method_class
from ..nn.backbones import BACKBONES
from . import code_maps, convergence, efficiency
from .runner import Experiment, Row, grid, sized

Records = list[dict]
_ROW = ("method", "variant", "label")
SYSTEMS = ("conmh", "s5vh", "autossvh")


@dataclass(frozen=True)
class Target:
    """A published experiment: ``heading`` says what it shows, ``item`` where it is published.

    It needs each of ``rows`` at each of ``bits`` from ``seeds`` seeds, or from as many as a row says. Its records are
    those of its runs, or what ``collect(runs, records, preset)`` makes of them; or, of those of the target ``data``,
    the ones of its rows.
    """

    heading: str
    item: str = ""
    rows: tuple[Row, ...] = ()
    bits: tuple[int, ...] = (32,)
    seeds: int = 3
    data: str = ""
    by_epoch: bool = False  # measured after every epoch
    transfer: bool = False  # measured on another dataset than trained on, too
    collect: Callable[[list[Experiment], Records, str], Records] | None = None

    def order(self) -> list[str]:
        """The printed names of the rows in order, or none: then the results give the order."""
        given = any(row.label or row.variant != "paper" for row in self.rows)
        return [printed_name(row.method, row.variant, row.label) for row in self.rows] if given else []

    def runs(
        self, dataset: str, preset: str, bits: Iterable[int] = (), seeds: int | None = None, root: str | None = None
    ) -> list[Experiment]:
        """The runs it needs on a dataset, transfers among them; ``bits`` and ``seeds`` take the place of its own."""
        rows = [replace(row, seeds=seeds) for row in self.rows] if seeds else self.rows
        wanted = partial(grid, rows, dataset, preset, bits or self.bits, seeds or self.seeds, root)
        runs = wanted(by_epoch=self.by_epoch)
        if self.transfer and dataset in TRANSFER:
            runs += wanted(tested_on=sized(TRANSFER[dataset], preset))
        return runs

    def shows(self, record: dict) -> bool:
        """Whether a record is of one of its rows."""
        return any((row.method, row.variant, row.label) == tuple(map(record.get, _ROW)) for row in self.rows)

    def lacks(self, dataset: str) -> str:
        """Why it cannot be made of a dataset, or ""."""
        if self.transfer and dataset not in TRANSFER:
            return f"no dataset to transfer to from {dataset}"
        return "" if self.rows or self.collect else "nothing to run"


def _changed(method: str, changes: Iterable[tuple[str, dict[str, Any]]], seeds: int | None = None) -> tuple[Row, ...]:
    return tuple(Row(method, label, changes=tuple(fields.items()), seeds=seeds) for label, fields in changes)


def _every() -> tuple[Row, ...]:
    """Every method; one that is neither of the three systems nor trained in seconds, from two seeds."""
    several = {name for name in available() if name in SYSTEMS or issubclass(method_class(name), ClassicalMethod)}
    return tuple(Row(name, seeds=None if name in several else 2) for name in available())


_I, _II, _III, _IV, _V, _VI, _VII, _VIII, _IX = _changed(
    "autossvh",
    [
        ("I without gradient reversal", {"reversal": False}),
        ("II random frames", {"sampler": "random"}),
        ("III AttMask", {"sampler": "attmask"}),
        ("IV AdaMAE", {"sampler": "adamae"}),
        ("V ADIOS", {"sampler": "adios"}),
        ("VI without reconstruction (FR)", {"reconstruction_weight": 0.0}),
        ("VII without view contrast (VC)", {"contrast_weight": 0.0}),
        ("VIII without point-to-set (P2Set)", {"set_weight": 0.0}),
        ("IX AutoSSVH", {}),
    ],
)
_WHOLE_S5VH = _changed("s5vh", [("S5VH", {})])
_NO_CENTRES = _changed("s5vh", [("without centre alignment (global)", {"centre_weight": 0.0})])
_ALL, _LENGTHS = _every(), (16, 32, 64)
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
        (_I, _II, _III, _IV, _V, _VI, _VII, _VIII, _IX),
    ),
    "A7": Target(
        "Convergence with and without the sampler and the point-to-set loss.", "AutoSSVH, Figure 5", (_II, _VIII, _IX),
        by_epoch=True, collect=convergence.collect_levels(_VIII.label),
    ),
    "A8": Target(
        "What the point-to-set loss adds after the warm-up.", "AutoSSVH, training schedule", (_VIII, _IX),
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
        _changed("s5vh", [(f"S5VH, {name}", {"backbone": name}) for name in sorted(BACKBONES, key="mamba".__eq__)]),
    ),
    "S8": Target(
        "S5VH without its losses.", "S5VH, losses",
        (
            *_changed(
                "s5vh",
                [
                    ("without reconstruction (self)", {"reconstruction_weight": 0.0}),
                    ("without contrast (local)", {"contrast_weight": 0.0}),
                ],
            ),
            *_NO_CENTRES, *_WHOLE_S5VH,
        ),
    ),
    "S9": Target(
        "How the hash centres are made.", "S5VH, hash centres",
        (
            *_changed(
                "s5vh",
                [
                    ("random centres, not optimised", {"hadamard_start": False, "optimised_centres": False}),
                    ("Hadamard centres, not optimised", {"optimised_centres": False}),
                ],
            ),
            *_WHOLE_S5VH,
        ),
    ),
    "S10": Target(
        "S5VH by mask ratio, number of centres, and width.", "S5VH, hyper-parameters",
        (
            *_changed("s5vh", [(f"mask ratio {ratio}", {"mask_ratio": ratio}) for ratio in (0.25, 0.5, 0.75)], 2),
            *_changed("s5vh", [(f"centres {count}", {"clusters": count}) for count in (50, 100, 200)], 2),
            *_changed("s5vh", [(f"width {width}", {"width": width}) for width in (32, 64)], 2),
        ),
    ),
    "C1": Target(
        "mAP at 5 to 100 of ConMH and those before it.", "ConMH, main table", _UP_TO_CONMH, _LENGTHS, data="main",
    ),
    "C2": Target(
        "ConMH by the share of frames that a view does not see.", "ConMH, mask ratio",
        _changed("conmh", [(f"mask ratio {ratio}", {"mask_ratio": ratio}) for ratio in (0.25, 0.5, 0.75, 0.9)]),
    ),
    "C3": Target(
        "ConMH without its losses, with plain contrast, and with views drawn each by itself.", "ConMH, losses",
        _changed(
            "conmh",
            [
                ("reconstruction only", {"contrast_weight": 0.0}),
                ("contrast only", {"reconstruction_weight": 0.0}),
                ("contrast not debiased", {"positive_prior": 0.0}),
                ("independent views", {"independent_views": True}),
                ("ConMH", {}),
            ],
        ),
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
        _changed("conmh", [(f"layers {count}", {"layers": count}) for count in (1, 2, 4)], 2),
    ),
    "systems": Target(
        "The three systems as their papers describe them and as their released code computes them.",
        rows=tuple(Row(method, variant=variant) for method in SYSTEMS for variant in method_class(method).VARIANTS),
    ),
    "rejection": Target(
        "Retrieval without the videos of most uncertain codes.", "BerVAE, uncertainty", (Row("bervae", seeds=2),),
        _LENGTHS, data="main",
    ),
}  # fmt: skip


def target(name: str) -> Target:
    """The target called ``name``; SSVHError if there is none."""
    if name not in TARGETS:
        raise unknown("target", name, TARGETS)
    return TARGETS[name]
