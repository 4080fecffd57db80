"""The command line: ``ssvh --help``. Thin; every command is one call into the library."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
import typer.core

from . import cli_data
from .cli_data import Dataset, Device, Root
from .errors import SSVHError
from .files import project_root


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
FIGURES = project_root() / "figures"

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
    from .methods import available, method_class

    for name in available():
        module = sys.modules[method_class(name).__module__]
        typer.echo(f"{name:<12} {(module.__doc__ or '').splitlines()[0]}")


app.add_typer(cli_data.data, name="data")


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
    from .data import load_dataset
    from .experiments import measure
    from .methods import build
    from .training import fit

    loaded = load_dataset(dataset, root, progress=True)
    model = build(method, loaded, bits, variant=variant, preset=preset, **_changes(change or []))
    run = fit(model, loaded, out, seed=seed, device=device)
    metrics = measure(run, model, loaded)
    typer.echo(f"Run folder: {run.folder}  ({run.seconds:.1f} s of training)")
    typer.echo("  ".join(f"mAP@{k} {value:.3f}" for k, value in metrics["map"].items()))


for command in (cli_data.extract, cli_data.index, cli_data.search):
    app.command()(command)


@app.command()
def reproduce(
    targets: Annotated[list[str] | None, typer.Argument(help="What to reproduce [default: main]; see --list.")] = None,
    dataset: Dataset = "moving-digits",
    preset: Preset = "small",
    bits: Annotated[list[int] | None, typer.Option(help="Code lengths [default: the target's].")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds 0, 1, …, so many [default: the target's].")] = None,
    jobs: Jobs = None,
    device: Device = "auto",
    root: Root = None,
    out: Annotated[Path, typer.Option(help="Where tables and figures go.")] = FIGURES,
    list_: Annotated[bool, typer.Option("--list", help="List the targets and do nothing.")] = False,
) -> None:
    """Train what is missing, evaluate, and write tables and figures; safe to interrupt and start again."""
    from .targets import TARGETS, carry_out

    if list_:
        for name, wanted in TARGETS.items():
            typer.echo(f"{name:<8} {wanted.heading}")
        return
    chosen = targets or ["main"]
    where = {"dataset": dataset, "preset": preset, "root": root, "out": out, "device": device, "jobs": jobs}
    carry_out(chosen, bits=bits, seeds=seeds, **where, say=typer.echo)
    for path in [*_draw(out), *_tabulate(out)]:
        typer.echo(f"wrote {_short(path)}")
    for name in chosen:
        _show(out, name)


@app.command()
def tables(out: Path = FIGURES) -> None:
    """Write the tables again from figures/data/."""
    for path in _tabulate(out):
        typer.echo(f"wrote {_short(path)}")


@app.command()
def figures(out: Path = FIGURES) -> None:
    """Draw the figures again from figures/data/."""
    for path in _draw(out):
        typer.echo(f"wrote {_short(path)}")


@app.command()
def notebooks(
    names: Annotated[list[Path] | None, typer.Argument(help="Some notebooks [default: all].")] = None, jobs: Jobs = None
) -> None:
    """Execute the course's notebooks and store them with their outputs."""
    from . import course

    course.execute(names or [*course.notebooks(), *course.solutions()], jobs=jobs, say=typer.echo)


@app.command()
def bench(
    topics: Annotated[list[str] | None, typer.Argument(help="What to measure [default: everything].")] = None,
    out: Path = FIGURES,
) -> None:
    """Measure speed and memory; some minutes, on cores without other work. Topics: scan, centres, neighbours, reading,
    evaluation, index."""
    from .bench import TOPICS, execute, save
    from .files import make_folder

    make_folder(out)
    for path in save(execute(topics or TOPICS, typer.echo), out):
        typer.echo(f"wrote {_short(path)}")


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


def _tabulate(out: Path) -> list[Path]:
    from . import results
    from .tables import write
    from .targets import TARGETS

    there = [name for name in TARGETS if (out / "data" / f"{name}.json").is_file()]
    return [
        path
        for name in there or ["main"]  # which is then missed by name
        for path in write(
            results.load(out / "data" / f"{name}.json"),
            out / "tables" / name,
            TARGETS[name].heading,
            TARGETS[name].order(),
        )
    ]


def _draw(out: Path) -> list[Path]:
    from . import plots, results

    if not (out / "data" / "main.json").is_file() and list((out / "data").glob("*.json")):
        return []  # other tables were asked for, and they have no figure
    records = results.load(out / "data" / "main.json")
    drawn = {"map_at_k": plots.map_at_k, "precision_recall": plots.precision_recall}
    if any(record.get("rejection") for record in records):
        drawn["rejection"] = plots.rejection
    return [path for name, draw in drawn.items() for path in plots.save(draw(records), out / name)]


def _show(out: Path, name: str) -> None:
    from . import results
    from .tables import caption, glance, main_table
    from .targets import target

    records, wanted = results.load(out / "data" / f"{name}.json"), target(name)
    several = len({record["bits"] for record in records}) > 1
    table = (glance if several else main_table)(records, wanted.order()).map(lambda cell: str(cell).strip("*"))
    note = caption(records).replace("Bold: highest mean of a code length; read it with the spread. ", "")
    first = "mAP@20, and the costs of the longest codes. " if several else ""
    typer.echo(f"\n{name}: {wanted.heading}\n{table.to_string(index=False)}\n\n{first}{note}")


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def main() -> None:
    """Run the command line."""
    app()
