"""The course: execution of its notebooks, which are stored with their outputs, and marking of its exercises."""

from __future__ import annotations

import ast
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import joblib
from tqdm import tqdm

from ..errors import SSVHError
from ..utils.extras import requires_extra
from ..utils.files import make_folder, project_root, write_file

if TYPE_CHECKING:
    from nbformat import NotebookNode

LARGE: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {  # parameters of all notebooks, and of single ones by their number, for larger experiments
        "": {"DATASET": "moving-digits"},
        "14": {"ITEMS": 5_000_000, "FRAMES": [500, 1000, 2000, 4000]},
        "18": {"RECORDINGS": 24},
    }
)


def notebooks() -> list[Path]:
    """Return the course's notebooks in reading order."""
    return sorted((project_root() / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def solutions() -> list[Path]:
    """Return the notebooks with solutions, which are executed as well."""
    return sorted((project_root() / "notebooks" / "solutions").glob("[0-9][0-9]_*.ipynb"))


def execute(
    paths: list[Path],
    *,
    large: bool = False,
    parameters: Mapping[str, object] = MappingProxyType({}),
    out: Path | None = None,
    jobs: int | None = None,
) -> None:
    """Run notebooks from top to bottom and store the outputs in them; notebooks that fail are left as they were.

    If ``large``, LARGE replaces values of the notebooks' own parameters cells, and ``parameters`` replaces these in
    turn. The results then go into the folder ``out``, since the stored course keeps its own parameters. Raises
    SSVHError if there are parameters without ``out``, and, once all have run, with the cells that failed.
    """
    with requires_extra("course", "Running notebooks"):
        import papermill  # noqa: F401 - the processes below need it
    if (large or parameters) and out is None:
        raise SSVHError("The stored notebooks keep their own parameters. Name a folder for the others with --out.")
    for path in paths:
        if not path.is_file():
            raise SSVHError(f"There is no notebook {path}. Known: {', '.join(p.name for p in notebooks())}.")
    known = [parameters_of(path) for path in paths]
    if unknown := sorted(parameters.keys() - set().union(*known)):
        names = ", ".join(sorted(set().union(*known)))
        raise SSVHError(f"No notebook has a parameter {', '.join(unknown)}. Known: {names}.")
    given = [_given(path, names, large, parameters) for path, names in zip(paths, known, strict=True)]
    workers = min(jobs or joblib.cpu_count(), max(1, len(paths)))
    failures = []
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        tasks = map(joblib.delayed(_execute), paths, given, [_place(path, out) for path in paths])
        done = joblib.Parallel(workers, return_as="generator_unordered")(tasks)
        for path, seconds, error in (bar := tqdm(done, "notebooks", len(paths))):
            bar.write(f"  {path.name:<36} {'FAILED' if error else f'{seconds:5.1f} s'}")
            failures += [f"{path.name}:\n{error}"] if error else []
    if failures:
        raise SSVHError(
            f"{len(failures)} of {len(paths)} notebooks failed and were not changed.\n\n" + "\n\n".join(failures)
        )


def mark(answers: Mapping[Callable[..., str], object], *, say: Callable[[str], object] = print) -> None:
    """Check the answers to some exercises and say the result of each check, one per line.

    A wrong answer is reported without a traceback, which would show how the check comes to the right one, and the
    next check follows. Other errors are those of the answer itself, and are raised.
    """
    for number, (check, answer) in enumerate(answers.items(), 1):
        try:
            say(check(answer))
        except AssertionError as refusal:
            say(f"{number}: not yet. {refusal}")


def parameters_of(path: Path) -> set[str]:
    """Return the names that a notebook's parameters cell assigns; papermill itself misses those of ``A, B = 1, 2``."""
    import nbformat

    cells = nbformat.read(path, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
    names = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _given(path: Path, known: set[str], large: bool, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the values of those parameters that a notebook has."""
    more = {**LARGE[""], **LARGE.get(path.name[:2], {})} if large else {}
    return {name: value for name, value in {"PROGRESS": False, **more, **parameters}.items() if name in known}


def _place(path: Path, out: Path | None) -> Path:
    """Return where the outputs go: into the notebook itself, or into its copy in ``out``."""
    if out is None:
        return path
    course = project_root() / "notebooks"
    inside = path.resolve().relative_to(course) if path.resolve().is_relative_to(course) else Path(path.name)
    return make_folder((out / inside).parent) / path.name


def _execute(path: Path, given: dict[str, object], place: Path) -> tuple[Path, float, str | None]:
    import nbformat
    import papermill

    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = _quiet_profile(Path(folder))
        os.environ["OMP_NUM_THREADS"] = "1"  # for the kernel: outputs do not depend on how many notebooks run at once
        output = Path(folder) / path.name
        try:
            papermill.execute_notebook(path, output, given, cwd=path.parent, progress_bar=False, log_output=False)
        except papermill.PapermillExecutionError as error:
            return path, 0.0, str(error)
        notebook = nbformat.read(output, as_version=4)
    seconds = notebook.metadata.papermill["duration"]
    write_file(place, lambda partial: nbformat.write(_tidy(notebook, keep_parameters=place != path), partial))
    return path, seconds, None


def _tidy(notebook: NotebookNode, *, keep_parameters: bool = False) -> NotebookNode:
    """Remove what differs from run to run without meaning: papermill's times, widget state, the injected cell.

    With ``keep_parameters`` the injected cell stays, since the outputs are those of its parameters.
    """
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    if not keep_parameters:
        notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    count = 0
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = count
    return notebook


def _quiet_profile(folder: Path) -> str:
    """Make an IPython folder whose kernels do not report the loopback connection they always use, nor their own end."""
    profile = folder / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 50\n")
    return str(folder / "ipython")
