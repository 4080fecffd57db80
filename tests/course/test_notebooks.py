"""The course's notebooks as they are stored: their parts, their prose, their outputs. Nothing is executed here.

That they run from top to bottom is tested by nbval (``make test``).
"""

import ast
import re
import statistics
from pathlib import Path

import nbformat
import pytest

import ssvh_lib

PACKAGE = Path(ssvh_lib.__file__).parent
FOLDER = PACKAGE.parent / "notebooks"
PATHS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
PARTS = ["by the end you can read this", "see it", "build it", "check it", "break it", "recap"]
CLOSING = ["what you can now explain", "exercises", "questions", "papers"]
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|Users|root|tmp|var|work|mnt|opt|private|usr)/|\b[A-Z]:\\\\?\w")
CHECKED = "nbval-check-output"


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def prose(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def without_magics(cell):
    return "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))


def tree(notebook):
    return ast.parse("\n".join(without_magics(cell) for cell in code(notebook)))


def headings(notebook):
    text = re.sub(r"```.*?```", "", "\n".join(prose(notebook)), flags=re.S)
    return [line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("#")]


def words(notebook):
    """Of the prose: without fenced code, displayed formulas, the targets of links, and the list of papers."""
    text = "\n".join(prose(notebook))
    text = re.sub(r"```.*?```|\$\$.*?\$\$|^#+ Papers.*?(?=^#|\Z)", "", text, flags=re.S | re.M)
    return re.findall(r"\w[\w'’.-]*", re.sub(r"\]\([^)]*\)", "]", text))


def streams(notebook):
    return [output for cell in code(notebook) for output in cell.outputs if output.output_type == "stream"]


def library_names():
    """What ssvh_lib defines, publicly and at the top of its modules."""
    defined = set(ssvh_lib.__all__)
    for module in PACKAGE.rglob("*.py"):
        for node in ast.parse(module.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                defined.add(node.name)
    return defined


def test_the_course_is_there():
    assert PATHS


def test_has_every_part_in_order(notebook):
    found = headings(notebook)
    places = [next((i for i, line in enumerate(found) if line.startswith(part)), None) for part in PARTS]
    assert None not in places, dict(zip(PARTS, places, strict=True))
    assert places == sorted(places)


def test_opens_with_a_promise_and_ends_with_recap_exercises_questions_and_papers(notebook):
    opening = notebook.cells[0].source
    assert opening.startswith("# ")
    assert len(re.findall(r"^\*\*.+[.!]\*\*$", opening, flags=re.M)) == 1, "one sentence in bold, the promise"
    text = "\n".join(headings(notebook))
    assert [part for part in CLOSING if part not in text] == []


def test_has_three_to_five_exercises_with_hints_and_five_questions(notebook):
    text = "\n".join(prose(notebook))
    exercises = re.search(r"^#+ Exercises\n(.*?)(?=^#)", text, flags=re.S | re.M).group(1)
    questions = re.search(r"^#+ Questions\n(.*?)(?=^#)", text, flags=re.S | re.M).group(1)
    items = re.findall(r"^\d\. .*", exercises, flags=re.M)
    assert 3 <= len(items) <= 5
    assert [item for item in items if "Hint" not in item] == []
    assert len(re.findall(r"^\d\. .*\?", questions, flags=re.M)) == 5


def test_opening_lines_are_lines_of_the_notebook(notebook):
    shown = re.search(r"by the end you can read this.*?```python\n(.*?)```", "\n".join(prose(notebook)), re.S | re.I)
    opening = [line.strip() for line in shown.group(1).splitlines() if line.strip()]
    run = {line.strip() for cell in code(notebook) for line in cell.source.splitlines()}
    assert 5 <= len(opening) <= 10
    assert [line for line in opening if line not in run] == []


def test_is_of_a_readable_size(path, notebook):
    lengths = [len(lines(cell)) for cell in code(notebook)]
    assert 30 <= len(notebook.cells) <= 60
    assert statistics.median(lengths) <= 8
    assert max(lengths) <= 25
    assert path.stat().st_size <= 400 * 1024


def test_has_six_to_twelve_words_for_a_line_of_code(notebook):
    ratio = len(words(notebook)) / sum(len(lines(cell)) for cell in code(notebook))
    assert 6 <= ratio <= 12


def test_what_is_printed_is_commented_next(notebook):
    silent = [
        cell.id
        for cell, following in zip(notebook.cells, notebook.cells[1:], strict=False)
        if cell.cell_type == "code"
        and any(output.output_type == "stream" for output in cell.outputs)
        and following.cell_type != "markdown"
    ]
    assert silent == []


def test_defines_little_and_nothing_of_the_library_without_comparing(notebook):
    nodes = list(ast.walk(tree(notebook)))
    defined = [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    assert len(defined) <= 3
    compared = any(isinstance(node, ast.Assert) for node in nodes) or "assert_" in "\n".join(
        cell.source for cell in code(notebook)
    )
    assert compared or not set(defined) & library_names()


def test_knobs_follow_the_imports(notebook):
    first, second = code(notebook)[:2]
    assert "import ssvh_lib" in first.source
    assert [cell.id for cell in code(notebook) if "parameters" in tags(cell)] == [second.id]
    statements = ast.parse(second.source).body
    assert all(isinstance(statement, ast.Assign) for statement in statements)
    assert "PROGRESS = True" in second.source


def test_is_stored_with_its_outputs(notebook):
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    assert "widgets" not in notebook.metadata
    assert "papermill" not in notebook.metadata
    assert not any("injected-parameters" in tags(cell) for cell in notebook.cells)


def test_every_figure_is_stored_once(notebook):
    drawn = re.compile(
        r"\bplt\.(?:subplots|figure)\(|(?<![\w.])plots\.(?!style|COLOURS|MARKERS|INFORMATIVE|FILLER)\w+\("
    )
    for cell in code(notebook):
        pictures = sum("image/png" in output.get("data", {}) for output in cell.outputs)
        calls = len(drawn.findall(cell.source))
        assert (pictures > 0) == (calls > 0), cell.id
        assert pictures == calls or "for " in cell.source, cell.id


def test_has_no_errors_and_no_noise(notebook):
    kinds = {output.output_type for cell in code(notebook) for output in cell.outputs}
    assert "error" not in kinds
    assert [output.text for output in streams(notebook) if output.name != "stdout"] == []
    assert not any("application/vnd.jupyter.widget-view+json" in str(cell.outputs) for cell in code(notebook))
    assert not any("raises-exception" in tags(cell) for cell in notebook.cells)


def test_is_of_no_machine(notebook):
    texts = [cell.source for cell in notebook.cells] + [output.text for output in streams(notebook)]
    texts += [
        str(content)
        for cell in code(notebook)
        for output in cell.outputs
        for kind, content in output.get("data", {}).items()
        if not kind.startswith("image/")
    ]
    assert [found.group() for text in texts for found in MACHINE_PATH.finditer(text)] == []
    assert [text for text in texts if re.search(r"\b(?:pip3?|conda|mamba) install\b", text)] == []


def test_links_lead_somewhere(path, notebook):
    targets = re.findall(r"\]\(([^)]+)\)", "\n".join(prose(notebook)))
    local = [target.partition("#")[0] for target in targets if not target.startswith(("http://", "https://", "#"))]
    assert [target for target in local if not (path.parent / target).exists()] == []
    assert [target for target in targets if target.startswith("http://")] == []


def test_points_to_the_notebooks_before_and_after(path, notebook):
    place = PATHS.index(path)
    before, after = PATHS[:place][-1:], PATHS[place + 1 :][:1]
    for text in (notebook.cells[0].source, prose(notebook)[-1]):
        assert re.findall(r"Previous: \[[^]]*\]\(([^)]+)\)", text) == [found.name for found in before]
        assert re.findall(r"Next: \[[^]]*\]\(([^)]+)\)", text) == [found.name for found in after]


def test_a_few_outputs_are_compared_exactly(notebook):
    checked = [cell for cell in code(notebook) if CHECKED in tags(cell)]
    assert 2 <= len(checked) <= 4
    assert [cell.id for cell in checked if not cell.outputs] == []
    assert [cell.id for cell in checked if any(output.output_type != "stream" for output in cell.outputs)] == []


def test_kernel_and_cells_have_stable_names(notebook):
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
