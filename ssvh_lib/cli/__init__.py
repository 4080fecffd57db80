"""The command line: ``ssvh --help``. Thin; every command is one call into the library."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
import typer.core

from ..errors import SSVHError
from ..utils.files import project_root
from . import data
from .data import Dataset, Device, Root


class _Friendly(typer.core.TyperGroup):
    """Mistakes in the input are one message and not a traceback; an interrupt says what is kept."""

    def invoke(self, ctx: typer.Context) -> object:
        try:
            return super().invoke(ctx)
        except SSVHError as error:
            typer.secho(f"Error: {error}", fg="red", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as stop:
            typer.secho(str(stop) or "Stopped. What is finished is kept; the same command continues.", err=True)
            raise typer.Exit(130) from stop


app = typer.Typer(
    cls=_Friendly,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
FIGURES, SITE = project_root() / "figures", project_root() / "site"

Preset = Annotated[
    str | None, typer.Option(help="smoke (seconds), small (two cores, minutes) or paper (published values, GPU).")
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Side by side [default: one a core; one on a GPU].")]


@app.callback()
def ssvh() -> None:
    """Self-supervised video hashing: train, encode, evaluate, and regenerate the tables of the papers."""


@app.command()
def methods() -> None:
    """List the hashing methods."""
    from ..methods import available, method_class

    for name in available():
        module = sys.modules[method_class(name).__module__]
        typer.echo(f"{name:<12} {(module.__doc__ or '').splitlines()[0]}")


app.add_typer(data.data, name="data")


@app.command()
def train(
    method: str,
    dataset: Dataset = "moving-digits",
    bits: int = 64,
    seed: int = 0,
    preset: Preset = None,
    variant: str = "paper",
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a Config field: --set mask_ratio=0.5")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder [default: follows from what is asked].")] = None,
    device: Device = "auto",
    root: Root = None,
) -> None:
    """Train one method, encode the dataset and evaluate; the same command again resumes, or shows what is there."""
    from ..data import load_dataset
    from ..experiments.runner import measure
    from ..literature.names import printed_name
    from ..methods import build
    from ..training.loop import fit

    loaded = load_dataset(dataset, root, progress=True)
    model = build(method, loaded, bits, variant=variant, preset=preset, **_changes(change or []))
    epochs = f", {model.config.epochs} epochs of" if hasattr(model.config, "epochs") else ", from"
    typer.echo(
        f"{printed_name(method, variant)}, {bits} bits, preset {preset or loaded.preset}{epochs} "
        f"{len(loaded.train):,} videos."
    )
    run = fit(model, loaded, out, seed=seed, device=device)
    metrics = measure(run, model, loaded)
    typer.echo(f"Run folder: {run.folder}  ({run.seconds:.1f} s of training)")
    typer.echo("  ".join(f"mAP@{k} {value:.3f}" for k, value in metrics["map"].items()))


for command in (data.extract, data.index, data.search):
    app.command()(command)


@app.command()
def reproduce(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="What to reproduce [default: all that the data can serve]; see --list."),
    ] = None,
    dataset: Dataset = "moving-digits",
    preset: Preset = "small",
    bits: Annotated[list[int] | None, typer.Option(help="Code lengths [default: the target's].")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds 0, 1, …, so many [default: the target's].")] = None,
    jobs: Jobs = None,
    scheduler: Annotated[
        str | None, typer.Option(help="An existing Dask cluster, tcp://host:8786, instead of local processes.")
    ] = None,
    device: Device = "auto",
    root: Root = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where it goes [default: figures/, or a folder there for other data or presets]."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the targets with their state, and do nothing.")] = False,
) -> None:
    """Regenerate the published experiments: train what is missing, evaluate, write tables, figures and REPORT.md.

    Safe to interrupt and start again.
    """
    from .. import reproduce as engine

    if list_:
        _list_targets(dataset, preset, root)
        return
    place = out or engine.folder_for(dataset, preset)
    where = {"dataset": dataset, "preset": preset, "root": root, "device": device, "jobs": jobs, "scheduler": scheduler}
    made, failed = [], None
    try:
        made = engine.reproduce(targets or [], bits=bits or (), seeds=seeds, out=place, **where, say=typer.echo)
    except engine.RunsFailed as error:
        if not error.records:
            raise
        failed = error
    paths = [*engine.draw(place), *engine.tabulate(place), *engine.write_report(place)]
    if "main" in made:
        _show_main(place)
    typer.echo(f"\n{engine.summary(place, made)}\n\n{len(paths)} files in {_short(place)}; begin with REPORT.md.")
    if failed:
        raise failed


@app.command()
def tables(out: Path = FIGURES) -> None:
    """Write the tables and the report again from figures/data/."""
    from .. import reproduce as engine

    _say_written([*engine.tabulate(out), *engine.write_report(out)])


@app.command()
def figures(out: Path = FIGURES) -> None:
    """Draw the figures, and write the report that shows them, again from figures/data/."""
    from .. import reproduce as engine

    _say_written([*engine.draw(out), *engine.write_report(out)])


@app.command()
def notebooks(
    names: Annotated[list[Path] | None, typer.Argument(help="Some notebooks [default: all].")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a parameter: --set BITS=32, --set 'LENGTHS=[8, 32]'")
    ] = None,
    large: Annotated[bool, typer.Option("--large", help="All of moving-digits, and more of the rest.")] = False,
    out: Annotated[Path | None, typer.Option(help="A folder for the results [default: the notebooks].")] = None,
    jobs: Jobs = None,
) -> None:
    """Execute the course's notebooks and store them with their outputs; with other parameters, in a folder of yours."""
    from .. import course

    chosen = names or [*course.notebooks(), *course.solutions()]
    course.execute(chosen, large=large, parameters=_changes(change or []), out=out, jobs=jobs)


@app.command()
def inspect(
    run: Annotated[Path | None, typer.Option(help="Folder of a run [default: one that kept its epochs].")] = None,
    dataset: Dataset = "moving-digits",
    root: Root = None,
    browser: Annotated[bool, typer.Option(help="Open the browser; otherwise print the address.")] = True,
) -> None:
    """Open the inspector: which frames of a video the Grade-Net of a trained AutoSSVH picks, and what follows."""
    typer.echo("Opening the inspector ...")  # its imports take seconds
    from ..inspector import serve

    serve(run, dataset, root=root, browser=browser, say=typer.echo)


@app.command()
def site(out: Annotated[Path, typer.Option(help="An empty or new folder.")] = SITE) -> None:
    """Render the course, its solutions and the report as a static site that needs no network."""
    from ..course.site import build

    built = build(out)
    size = f"{built.size / 1e6:.1f} MB (largest page {built.largest / 1e6:.2f} MB)"
    typer.echo(f"{built.pages} pages, {size}. Open {_short(built.landing)}")


@app.command()
def bench(
    topics: Annotated[list[str] | None, typer.Argument(help="What to measure [default: everything].")] = None,
    out: Path = FIGURES,
) -> None:
    """Measure speed and memory; some minutes, on cores without other work. Topics: scan, centres, neighbours, reading,
    evaluation, index."""
    from ..bench import TOPICS, execute, save
    from ..utils.files import make_folder

    make_folder(out)
    _say_written(save(execute(topics or TOPICS, typer.echo), out))


def _changes(assignments: list[str]) -> dict[str, object]:
    values = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise SSVHError(f"--set wants FIELD=VALUE, got '{assignment}'.")
        try:
            values[name] = json.loads(text)
        except json.JSONDecodeError:
            values[name] = text
    return values


def _list_targets(dataset: str, preset: str, root: Path | None) -> None:
    from .. import reproduce as engine
    from ..experiments.targets import TARGETS
    from ..utils.words import duration

    typer.echo(f"{'':<10}{'state':<14}{'runs':>5}  {'time left':>9}  with {dataset}, preset {preset}, on one core")
    for name, wanted in TARGETS.items():
        word, runs, seconds = engine.state(name, dataset, preset, root)
        left = "?" if seconds is None else duration(seconds)
        typer.echo(f"{name:<10}{word:<14}{runs:>5}  {left:>9}  {wanted.heading} {wanted.item and f'({wanted.item})'}")


def _show_main(out: Path) -> None:
    from ..experiments import results
    from ..report.tables import caption, glance

    records = results.load(out / "data" / "main.json")
    table = glance(records).map(lambda cell: str(cell).strip("*"))
    note = caption(records).replace("Bold: highest mean of a code length; read it with the spread. ", "")
    typer.echo(f"\n{table.to_string(index=False)}\n\nmAP@20, and the costs of the longest codes. {note}")


def _say_written(paths: list[Path]) -> None:
    for path in paths:
        typer.echo(f"wrote {_short(path)}")


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def main() -> None:
    """Run the command line."""
    app()
