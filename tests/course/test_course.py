"""Executing notebooks: outputs in place, those of other parameters in a folder, failures left as they were."""

import json

import nbformat
import pytest

import ssvh_lib as ssvh
from ssvh_lib import course


@pytest.fixture
def notebook(tmp_path):
    """A notebook that prints twice its parameter N, and fails if that is negative."""
    cells = [nbformat.v4.new_code_cell(source) for source in ("N = 3", "print(2 * N)", "assert N >= 0, 'too few'")]
    cells[0].metadata["tags"] = ["parameters"]
    path = tmp_path / "00_twice.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def printed(path):
    cells = nbformat.read(path, as_version=4).cells
    return [output.text.strip() for cell in cells if cell.cell_type == "code" for output in cell.outputs]


def test_outputs_go_into_the_notebook_or_those_of_other_parameters_into_a_folder(notebook, tmp_path):
    course.execute([notebook], jobs=1)
    assert printed(notebook) == ["6"]
    before = notebook.read_bytes()
    course.execute([notebook], parameters={"N": 5}, out=tmp_path / "large", jobs=1)
    assert printed(tmp_path / "large" / notebook.name) == ["10"]
    assert "N = 5" in (tmp_path / "large" / notebook.name).read_text()
    assert notebook.read_bytes() == before


def test_what_fails_is_left_as_it_was(notebook, tmp_path):
    before = notebook.read_bytes()
    with pytest.raises(ssvh.SSVHError, match=r"1 of 1 notebooks failed and were not changed(.|\n)*too few"):
        course.execute([notebook], parameters={"N": -1}, out=tmp_path / "large", jobs=1)
    assert notebook.read_bytes() == before
    assert not (tmp_path / "large" / notebook.name).exists()


def test_other_parameters_never_overwrite_the_stored_course(notebook):
    before = notebook.read_bytes()
    with pytest.raises(ssvh.SSVHError, match="Name a folder for the others with --out"):
        course.execute([notebook], parameters={"N": 5}, jobs=1)
    assert notebook.read_bytes() == before


def test_a_parameter_that_no_notebook_has_is_refused_before_anything_runs(notebook, tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"No notebook has a parameter M\. Known: N\."):
        course.execute([notebook], parameters={"N": 5, "M": 1}, out=tmp_path / "large", jobs=1)
    assert not (tmp_path / "large").exists()


def test_large_parameters_are_those_of_the_notebooks(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(course, "LARGE", {"": {"N": 7, "DATASET": "moving-digits"}, "00": {"N": 8}})
    course.execute([notebook], large=True, out=tmp_path / "large", jobs=1)
    assert printed(tmp_path / "large" / notebook.name) == ["16"]
    course.execute([notebook], large=True, parameters={"N": 9}, out=tmp_path / "larger", jobs=1)
    assert printed(tmp_path / "larger" / notebook.name) == ["18"]


def test_every_large_parameter_exists():
    known = {path.name[:2]: course.parameters_of(path) for path in course.notebooks()}
    assert json.loads(json.dumps(dict(course.LARGE))) == course.LARGE  # papermill makes a string of a tuple, say
    common = course.LARGE[""].keys()
    assert common <= known["00"]
    assert all(given.keys() - common <= known[number] for number, given in course.LARGE.items() if number)


def test_answers_are_marked_one_by_one_and_a_refusal_does_not_give_the_solution_away(capsys):
    def check(answer):
        if answer is None:
            return "2: not tried yet"
        if answer != 4:  # as in exercises; pytest would add to the text of an assert
            raise AssertionError(f"2 + 2 is 4; yours says {answer}.")
        return "right"

    course.mark({lambda answer: check(answer): 5, check: None, lambda answer: str(check(answer)): 4})
    assert capsys.readouterr().out == "1: not yet. 2 + 2 is 4; yours says 5.\n2: not tried yet\nright\n"
    with pytest.raises(ZeroDivisionError):
        course.mark({lambda answer: str(1 / answer): 0})
