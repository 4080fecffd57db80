"""Files and folders appear whole or not at all; fingerprints follow content; folders come from the environment."""

import errno
import os

import pytest

import ssvh_lib as ssvh
from ssvh_lib.utils import files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fail(path):
    if path.suffix:
        path.write_text("half of it")
    else:
        (path / "first").write_text("half of it")
    raise KeyboardInterrupt


@pytest.mark.parametrize(("root", "variable"), [(files.data_root, "SSVH_DATA"), (files.runs_root, "SSVH_RUNS")])
def test_roots_come_from_the_environment_or_lie_in_the_project(monkeypatch, tmp_path, root, variable):
    monkeypatch.setenv(variable, str(tmp_path))
    assert root() == tmp_path
    monkeypatch.setenv(variable, "")
    assert root() == files.project_root() / variable.removeprefix("SSVH_").lower()


def test_the_project_is_this_checkout():
    assert (files.project_root() / "ssvh_lib" / "utils" / "files.py").samefile(files.__file__)


def test_an_installed_library_works_in_the_current_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "__file__", str(tmp_path / "site-packages" / "ssvh_lib" / "utils" / "files.py"))
    monkeypatch.chdir(tmp_path)
    assert files.project_root() == tmp_path


def test_a_folder_is_made_with_its_parents_and_nothing_in_it(tmp_path):
    assert files.make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert names(tmp_path / "a" / "b") == []
    assert files.make_folder(tmp_path / "a") == tmp_path / "a"  # it may exist


def test_a_file_in_the_way_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ssvh.SSVHError, match=r"file/sub cannot be written \(Not a directory\)\. Choose another folder"):
        files.make_folder(tmp_path / "file" / "sub")


def test_a_file_is_replaced_whole_and_keeps_its_suffix_while_written(tmp_path):
    path, seen = tmp_path / "codes.npz", []
    path.write_text("old")

    def write(partial):
        seen.append((partial.suffix, path.read_text()))
        partial.write_text("new")

    files.write_file(path, write)
    assert seen == [(".npz", "old")]
    assert path.read_text() == "new"
    assert names(tmp_path) == ["codes.npz"]


def test_an_interrupt_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "codes.npz"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        files.write_file(path, fail)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["codes.npz"]


def test_a_folder_is_replaced_whole(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "old").touch()
    files.write_folder(tmp_path / "set", lambda partial: (partial / "new").touch())
    assert names(tmp_path) == ["set"]
    assert names(tmp_path / "set") == ["new"]
    with pytest.raises(KeyboardInterrupt):
        files.write_folder(tmp_path / "set", fail)
    assert names(tmp_path) == ["set"]
    assert names(tmp_path / "set") == ["new"]


def full_disk(partial):
    raise OSError(errno.ENOSPC, "No space left on device")


def full_disk_when_closed(partial):
    """Fail as HDF5 does: when a file is closed after a write that failed, an error of its own follows."""
    try:
        full_disk(partial)
    finally:
        raise RuntimeError("file write failed")


@pytest.mark.parametrize("fill", [full_disk, full_disk_when_closed])
def test_a_full_disk_is_one_error_and_leaves_what_was_there(tmp_path, fill):
    files.write_folder(tmp_path / "set", lambda partial: (partial / "old").touch())
    with pytest.raises(ssvh.SSVHError, match=r"set cannot be written: the disk is full\. Make room"):
        files.write_folder(tmp_path / "set", fill)
    assert names(tmp_path) == ["set"]
    assert names(tmp_path / "set") == ["old"]


def refuse(partial):
    raise RuntimeError("not of the disk")


def test_another_error_stays_what_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="not of the disk"):
        files.write_folder(tmp_path / "set", refuse)
    with pytest.raises(FileNotFoundError):
        files.write_folder(tmp_path / "set", lambda partial: (partial / "absent").read_text())
    assert names(tmp_path) == []


def test_json_is_readable_and_comes_back(tmp_path):
    files.write_json(tmp_path / "a.json", {"title": "Größe", "k": [5, 20]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == '{\n  "title": "Größe",\n  "k": [\n    5,\n    20\n  ]\n}\n'
    assert files.read_json(tmp_path / "a.json") == {"title": "Größe", "k": [5, 20]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"k": ', r"a\.json is not readable JSON .* Delete it, or restore it"),
        (b"\xff\xfe", r"a\.json is not readable JSON"),
        (b"[1, 2]", r"a\.json should hold a JSON object, it holds a list"),
    ],
)
def test_json_that_is_damaged_or_no_object_is_an_error(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ssvh.SSVHError, match=message):
        files.read_json(tmp_path / "a.json")


def test_a_digest_follows_the_content_and_not_the_name(tmp_path):
    for name, content in (("a", b"video"), ("b", b"video"), ("c", b"Video"), ("d", b"video\0")):
        (tmp_path / name).write_bytes(content)
    a, b, c, d = (files.digest(tmp_path / name) for name in "abcd")
    assert a == b
    assert len({a, c, d}) == 3
    assert all(len(found) == 16 and int(found, 16) >= 0 for found in (a, c, d))
    (tmp_path / "a").write_bytes(b"audio")
    os.utime(tmp_path / "a", ns=(0, 1))  # a change is noticed by the time of it, whatever the clock's resolution
    assert files.digest(tmp_path / "a") not in (a, c, d)


def test_of_a_large_file_only_some_blocks_count(tmp_path, monkeypatch):
    """3,072 blocks of a byte instead of 1 MiB: every third is read."""
    monkeypatch.setattr(files, "_BLOCK", 1)
    content = bytearray(3072)
    found = []
    for changed in (None, 1, 3, 3070):
        if changed is not None:
            content[changed] = 1
        (tmp_path / f"{changed}").write_bytes(content)
        found.append(files.digest(tmp_path / f"{changed}"))
    assert found[0] == found[1] != found[2] == found[3]


def test_a_digest_of_many_files_follows_their_names_sizes_and_contents(tmp_path):
    def of(folder, **contents):
        (tmp_path / folder).mkdir()
        for name, content in contents.items():
            (tmp_path / folder / name).write_text(content)
        return files.digest_all(tmp_path / folder, sorted(contents))

    first = of("first", a="1", b="23")
    assert of("same", a="1", b="23") == first
    others = [of("content", a="1", b="24"), of("name", a="1", c="23"), of("size", a="12", b="3"), of("fewer", a="1")]
    assert len({first, *others}) == 5


def test_of_very_many_bytes_evenly_spaced_files_count_and_the_sizes_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_SAMPLES", 4)
    monkeypatch.setattr(files, "_BLOCK", 3)
    names = [f"{number:02}" for number in range(10)]  # of 3 bytes each: more than 4 x 3

    def of(changed, content="xyz"):
        folder = tmp_path / f"{changed}{content}"
        folder.mkdir()
        for name in names:
            (folder / name).write_text(content if name == changed else "abc")
        return files.digest_all(folder, names)

    whole = of("none")
    assert [name for name in names if of(name) != whole] == ["00", "02", "05", "07"]
    assert all(of(name, "abcd") != whole for name in names)


def test_the_digest_of_a_value_does_not_depend_on_the_order_of_its_keys():
    assert files.digest_of({"a": 1, "b": [2, 3]}) == files.digest_of({"b": [2, 3], "a": 1})
    assert files.digest_of({"a": 1, "b": [2, 3]}) != files.digest_of({"a": 1, "b": [3, 2]})
