"""What can be reproduced, by name: the rows of each table, its code lengths and its number of seeds.

A name such as A6 is the table's number in the published experiments: A of AutoSSVH, S of S5VH, C of ConMH.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import results
from .data import load_dataset
from .errors import unknown
from .experiments import Row, execute, grid, sized
from .files import make_folder
from .methods import available
from .mixers import BACKBONES
from .results import printed_name

_SYSTEMS = ("conmh", "s5vh", "autossvh")


@dataclass(frozen=True)
class Target:
    """One table: ``rows``, or every method if there are none."""

    heading: str
    rows: tuple[Row, ...] = ()
    bits: tuple[int, ...] = (32,)
    seeds: int = 3

    def every_row(self) -> list[Row]:
        """The rows, in the order of the table."""
        return list(self.rows) or [Row(method) for method in available()]

    def order(self) -> list[str]:
        """The printed names of the rows, where the order is given."""
        return [printed_name(row.method, row.variant, row.label) for row in self.rows]


def _changed(method: str, changes: Iterable[tuple[str, dict[str, Any]]]) -> tuple[Row, ...]:
    return tuple(Row(method, label, changes=tuple(fields.items())) for label, fields in changes)


TARGETS: dict[str, Target] = {
    "main": Target("Every method.", bits=(16, 32, 64)),
    "systems": Target(
        "The three systems as their papers describe them and as their released code computes them.",
        tuple(Row(method, variant=variant) for method in _SYSTEMS for variant in ("paper", "released")),
        bits=(16, 32, 64),
    ),
    "A6": Target(
        "AutoSSVH without its parts (the paper's Table 3, by the order of its text).",
        _changed(
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
        ),
    ),
    "S7": Target(
        "S5VH with other backbones, each trained in its place.",
        _changed("s5vh", [(f"S5VH, {name}", {"backbone": name}) for name in sorted(BACKBONES)]),
    ),
    "S8": Target(
        "S5VH without its losses.",
        _changed(
            "s5vh",
            [
                ("without reconstruction (self)", {"reconstruction_weight": 0.0}),
                ("without contrast (local)", {"contrast_weight": 0.0}),
                ("without centre alignment (global)", {"centre_weight": 0.0}),
                ("Hadamard centres, not optimised", {"optimised_centres": False}),
                ("S5VH", {}),
            ],
        ),
    ),
    "C2": Target(
        "ConMH by the share of frames that a view does not see.",
        _changed("conmh", [(f"mask ratio {ratio}", {"mask_ratio": ratio}) for ratio in (0.25, 0.5, 0.75, 0.9)]),
    ),
    "C3": Target(
        "ConMH without its losses, and with views drawn each by itself.",
        _changed(
            "conmh",
            [
                ("reconstruction only", {"contrast_weight": 0.0}),
                ("contrast only", {"reconstruction_weight": 0.0}),
                ("independent views", {"independent_views": True}),
                ("ConMH", {}),
            ],
        ),
    ),
}


def target(name: str) -> Target:
    """The target called ``name``; SSVHError if there is none."""
    if name not in TARGETS:
        raise unknown("target", name, TARGETS)
    return TARGETS[name]


def carry_out(
    names: Iterable[str],
    *,
    dataset: str,
    preset: str,
    out: Path,
    bits: Iterable[int] | None = None,
    seeds: int | None = None,
    root: Path | None = None,
    device: str = "auto",
    jobs: int | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Make what the targets need and the cache lacks, and write their records into ``out``/data.

    ``bits`` and ``seeds`` take the place of the targets' own. Raises SSVHError as ``experiments.execute`` does.
    """
    wanted = {name: target(name) for name in names}
    make_folder(out)
    load_dataset(sized(dataset, preset), root, progress=True)  # built here, before worker processes ask for it
    folder = str(root) if root else None
    runs = {
        name: grid(of.every_row(), dataset, preset, bits or of.bits, seeds or of.seeds, folder)
        for name, of in wanted.items()
    }
    records = iter(execute([run for some in runs.values() for run in some], device=device, jobs=jobs, say=say))
    for name, some in runs.items():
        results.save(out / "data" / f"{name}.json", [next(records) for _ in some])
