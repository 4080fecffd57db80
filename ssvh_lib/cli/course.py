"""The commands about the course and the tools beside it: ``notebooks``, ``inspect``, ``site`` and ``bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import FIGURES, SITE, Dataset, Jobs, Root, echo_written, parsed, relative


def notebooks(
    names: Annotated[list[Path] | None, typer.Argument(help="Notebooks to execute [default: all].")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a parameter: --set BITS=32, --set 'LENGTHS=[8, 32]'")
    ] = None,
    large: Annotated[bool, typer.Option("--large", help="Use all of moving-digits, and more of the rest.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the executed notebooks [default: in place].")] = None,
    jobs: Jobs = None,
) -> None:
    """Execute the course's notebooks and store them with their outputs; with other parameters, in another folder."""
    from .. import course

    chosen = names or [*course.notebooks(), *course.solutions()]
    course.execute(chosen, large=large, parameters=parsed(change or []), out=out, jobs=jobs)


def inspect(
    run: Annotated[Path | None, typer.Option(help="Folder of a run [default: one that kept its epochs].")] = None,
    dataset: Dataset = "moving-digits",
    root: Root = None,
    browser: Annotated[bool, typer.Option(help="Open the browser; otherwise print the address.")] = True,
) -> None:
    """Open the inspector: the frames of a video that the Grade-Net of a trained AutoSSVH picks, and their effect."""
    typer.echo("Opening the inspector ...")  # its imports take seconds
    from ..inspector import serve

    serve(run, dataset, root=root, browser=browser, say=typer.echo)


def site(out: Annotated[Path, typer.Option(help="An empty or new folder.")] = SITE) -> None:
    """Render the course, its solutions and the report as a static site that needs no network."""
    from ..course.site import build
    from ..utils.words import size

    built = build(out)
    sizes = f"{size(built.size)} (largest page {size(built.largest)})"
    typer.echo(f"{built.pages} pages, {sizes}. Open {relative(built.landing)}")


def bench(
    topics: Annotated[list[str] | None, typer.Argument(help="What to measure [default: everything].")] = None,
    out: Path = FIGURES,
) -> None:
    """Measure speed and memory, in some minutes and on idle cores. Topics: scan, centres, neighbours, reading,
    evaluation, index."""
    from ..bench import TOPICS, execute, save
    from ..utils.files import make_folder

    make_folder(out)
    echo_written(save(execute(topics or TOPICS, typer.echo), out))
