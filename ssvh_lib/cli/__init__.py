"""The command line: ``ssvh --help``. Thin; every command is one call into the library."""

from __future__ import annotations

from typing import Any

import typer
import typer.core

from ..errors import SSVHError
from . import course, data, experiments


class _OneLineErrors(typer.core.TyperGroup):
    """Commands that report user errors in one message without traceback, and after an interrupt what is kept."""

    def invoke(self, ctx: Any) -> Any:  # typer has no public name for the type of this context
        try:
            return super().invoke(ctx)
        except SSVHError as error:
            typer.secho(f"Error: {error}", fg="red", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as stop:
            typer.secho(str(stop) or "Stopped. What is finished is kept; the same command continues.", err=True)
            raise typer.Exit(130) from stop


app = typer.Typer(
    cls=_OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def ssvh() -> None:
    """Self-supervised video hashing: train, encode, evaluate, and regenerate the tables of the papers."""


app.add_typer(data.data, name="data")
for command in (
    *(experiments.methods, experiments.train),
    *(data.extract, data.index, data.search),
    *(experiments.reproduce, experiments.tables, experiments.figures),
    *(course.notebooks, course.inspect, course.site, course.bench),
):
    app.command()(command)


def main() -> None:
    """Run the command line."""
    app()
