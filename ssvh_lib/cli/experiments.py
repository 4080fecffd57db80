"""The commands about methods and experiments: ``methods``, ``train``, ``reproduce``, ``tables`` and ``figures``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .common import FIGURES, PRESETS, Dataset, Device, Jobs, Root, echo_written, parsed, relative


def methods() -> None:
    """List the hashing methods."""
    from ..methods import available, method_class

    for name in available():
        module = sys.modules[method_class(name).__module__]
        typer.echo(f"{name:<12} {(module.__doc__ or '').splitlines()[0]}")


def train(
    method: str,
    dataset: Dataset = "moving-digits",
    bits: int = 64,
    seed: int = 0,
    preset: Annotated[str | None, typer.Option(help=PRESETS)] = None,
    variant: str = "paper",
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a Config field: --set mask_ratio=0.5")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder [default: named after method, data and options].")
    ] = None,
    device: Device = "auto",
    root: Root = None,
) -> None:
    """Train one method, encode the dataset and evaluate; repeating the command resumes it, or shows the result."""
    from ..data import load_dataset
    from ..experiments.measures import measure
    from ..literature.names import printed_name
    from ..methods import TrainedConfig, build
    from ..training.loop import fit

    loaded = load_dataset(dataset, root, progress=True)
    model = build(method, loaded, bits, variant=variant, preset=preset, **parsed(change or []))
    epochs = f", {model.config.epochs} epochs of" if isinstance(model.config, TrainedConfig) else ", from"
    typer.echo(
        f"{printed_name(method, variant)}, {bits} bits, preset {preset or loaded.preset}{epochs} "
        f"{len(loaded.train):,} videos."
    )
    run = fit(model, loaded, out, seed=seed, device=device)
    metrics = measure(run, model, loaded)
    typer.echo(f"Run folder: {run.folder}  ({run.seconds:.1f} s of training)")
    typer.echo("  ".join(f"mAP@{k} {value:.3f}" for k, value in metrics["map"].items()))


def reproduce(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Targets to reproduce [default: all that the data can serve]; see --list."),
    ] = None,
    dataset: Dataset = "moving-digits",
    preset: Annotated[str, typer.Option(help=PRESETS)] = "small",
    bits: Annotated[list[int] | None, typer.Option(help="Code lengths [default: the target's].")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Number of seeds, from 0 [default: the target's].")] = None,
    jobs: Jobs = None,
    scheduler: Annotated[
        str | None, typer.Option(help="An existing Dask cluster, tcp://host:8786, instead of local processes.")
    ] = None,
    device: Device = "auto",
    root: Root = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Output folder [default: figures/, or a folder in it for other data or presets]."),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the targets with their state, and do nothing else.")
    ] = False,
) -> None:
    """Regenerate the published experiments: train what is missing, evaluate, write tables, figures and REPORT.md.

    Safe to interrupt and start again.
    """
    from .. import reproduce as engine

    if list_:
        _echo_targets(dataset, preset, root)
        return
    place, failure = out or engine.folder_for(dataset, preset), None
    try:
        made = engine.reproduce(
            targets or [], dataset=dataset, preset=preset, out=place, bits=bits or (), seeds=seeds, root=root,
            device=device, jobs=jobs, scheduler=scheduler, say=typer.echo,
        )  # fmt: skip
    except engine.RunsFailed as error:
        if not error.made:
            raise
        made, failure = error.made, error
    paths = [*engine.draw(place), *engine.tabulate(place), *engine.write_report(place)]
    if "main" in made:
        _echo_main(place)
    typer.echo(f"\n{engine.summary(place, made)}\n\n{len(paths)} files in {relative(place)}; begin with REPORT.md.")
    if failure:
        raise failure


def tables(out: Path = FIGURES) -> None:
    """Write the tables and the report again from figures/data/."""
    from .. import reproduce as engine

    echo_written([*engine.tabulate(out), *engine.write_report(out)])


def figures(out: Path = FIGURES) -> None:
    """Draw the figures, and write the report that shows them, again from figures/data/."""
    from .. import reproduce as engine

    echo_written([*engine.draw(out), *engine.write_report(out)])


def _echo_targets(dataset: str, preset: str, root: Path | None) -> None:
    from .. import reproduce as engine
    from ..experiments.targets import TARGETS
    from ..utils.words import duration

    typer.echo(f"{'':<10}{'state':<14}{'runs':>5}  {'time left':>9}  with {dataset}, preset {preset}, on one core")
    for name, wanted in TARGETS.items():
        state = engine.state(name, dataset, preset, root)
        left = "?" if state.seconds is None else duration(state.seconds)
        where = wanted.item and f"({wanted.item})"
        typer.echo(f"{name:<10}{state.word:<14}{state.runs:>5}  {left:>9}  {wanted.heading} {where}")


def _echo_main(out: Path) -> None:
    from ..experiments import results
    from ..report.tables import caption, glance

    records = results.load(out / "data" / "main.json")
    table = glance(records).map(lambda cell: str(cell).strip("*"))
    note = caption(records).replace("Bold: highest mean of a code length; read it with the spread. ", "")
    typer.echo(f"\n{table.to_string(index=False)}\n\nmAP@20, and the costs of the longest codes. {note}")
