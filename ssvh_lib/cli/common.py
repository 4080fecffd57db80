"""The parts that commands share: options, `--set` assignments, and paths as they are printed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import SSVHError
from ..utils.files import project_root

FIGURES, SITE = project_root() / "figures", project_root() / "site"
PRESETS = "smoke (seconds), small (two cores, minutes) or paper (published values, GPU)."

Dataset = Annotated[str, typer.Option(help="Dataset: moving-digits, or a folder of features in --root.")]
Root = Annotated[Path | None, typer.Option(help="Folder of datasets [default: $SSVH_DATA or data/].")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes side by side [default: one per core, or per GPU].")]


def parsed(assignments: Iterable[str]) -> dict[str, Any]:
    """Parse "NAME=VALUE" of `--set`; values are JSON, or else text. SSVHError where there is no "="."""
    values = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise SSVHError(f"--set expects FIELD=VALUE, got '{assignment}'.")
        try:
            values[name] = json.loads(text)
        except json.JSONDecodeError:
            values[name] = text
    return values


def echo_written(paths: Iterable[Path]) -> None:
    """Print a line for each file that was written."""
    for path in paths:
        typer.echo(f"wrote {relative(path)}")


def relative(path: Path) -> Path:
    """Return a path as seen from the working folder, if it lies in it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
