"""The index as a file: saved and loaded it is the same, and one that is not whole is refused."""

import json
import re
from pathlib import Path

import faiss
import numpy as np
import pytest
from random_codes import near, random_codes
from safetensors.numpy import save_file

import ssvh_lib as ssvh
from ssvh_lib.search.index import MAGIC, HammingIndex, _checksum
from ssvh_lib.search.index_kinds import KINDS

# Adding


@pytest.mark.parametrize(
    ("bits", "ids", "message"),
    [
        (24, ["b"], "The index has codes of 16 bits, got codes of 24"),
        (16, None, "Either all codes of an index have ids or none"),
        (16, ["a"], "'a' is there twice"),
        (16, ["b", "c"], "ids must be one name per code, 2 strings; got 3"),
    ],
)
def test_what_cannot_be_added_changes_nothing(bits, ids, message, rng):
    index = HammingIndex(random_codes(rng, 1), ["a"])
    with pytest.raises(ssvh.SSVHError, match=message):
        index.add(random_codes(rng, 1, bits), ids)
    assert len(index) == 1
    assert index.ids == ("a",)
    assert index.search(random_codes(rng, 1), 5).rows.tolist() == [[0]]


# Saving and loading


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("names", [None, 'ünïcode "quoted"\n<b>/{}.avi'])
def test_a_saved_index_is_the_same_again(kind, names, rng, tmp_path):
    database = near(rng, random_codes(rng, 30, 64), 2_000)
    queries = near(rng, database, 20)
    ids = None if names is None else [names.format(row) for row in range(2_000)]
    source = {"run": "runs/ü", "nested": {"a": [1, None]}}
    index = HammingIndex(database, ids, kind=kind, source=source)
    index.save(tmp_path / "deep" / "an.index")
    again = HammingIndex.load(tmp_path / "deep" / "an.index")
    assert (again.kind, again.bits, len(again), again.source) == (kind, 64, 2_000, source)
    assert again.ids == index.ids
    np.testing.assert_array_equal(again.codes.packed, database.packed)
    for one, other in zip(index.search(queries, 25), again.search(queries, 25), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["an.index"]


def test_clusters_are_stored_and_not_made_again(rng, tmp_path, monkeypatch):
    HammingIndex(random_codes(rng, 500), kind="ivf").save(tmp_path / "an.index")
    monkeypatch.setattr(faiss.IndexBinaryIVF, "train", lambda *_: pytest.fail("clusters were made anew"))
    assert len(HammingIndex.load(tmp_path / "an.index")) == 500


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_saved_by_version_0_1_is_still_read(kind, rng):
    """Of 300 codes of 24 bits with ids, and with what it found for ten queries."""
    folder = Path(__file__).parent / "version_0_1"
    index, wanted = HammingIndex.load(folder / f"{kind}.index"), np.load(folder / f"{kind}.npz")
    assert (index.kind, len(index), index.bits, index.source) == (kind, 300, 24, {"run": "runs/here"})
    assert index.ids == tuple(f"video {row}" for row in range(300))
    found = index.search(ssvh.Codes(wanted["queries"]), 20)
    np.testing.assert_array_equal(found.rows, wanted["rows"])
    np.testing.assert_array_equal(found.distances, wanted["distances"])
    near = index.within(ssvh.Codes(wanted["queries"]), 4)
    np.testing.assert_array_equal(np.concatenate([one.rows for one in near]), wanted["near"])


@pytest.fixture(params=list(KINDS))
def saved(request, rng, tmp_path):
    HammingIndex(
        random_codes(rng, 40), [f"video {row}" for row in range(40)], kind=request.param, source={"a": 1}
    ).save(tmp_path / "an.index")
    return tmp_path / "an.index"


def test_any_changed_byte_is_found(saved):
    content = saved.read_bytes()
    for place in [*range(64), *range(64, len(content), 7), len(content) - 1]:
        saved.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with pytest.raises(ssvh.SSVHError, match=re.escape(str(saved))):
            HammingIndex.load(saved)
    saved.write_bytes(content)
    assert len(HammingIndex.load(saved)) == 40


def test_any_changed_bit_of_the_codes_is_found(saved, rng):
    content = saved.read_bytes()
    start = content.index(HammingIndex.load(saved).codes.packed.tobytes())
    for place in range(start, start + 80):
        bit = 1 << int(rng.integers(8))
        saved.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
        with pytest.raises(ssvh.SSVHError, match=r"damaged.*Build it again"):
            HammingIndex.load(saved)


def test_a_truncated_or_longer_file_is_refused(saved):
    content = saved.read_bytes()
    for keep in [0, 1, 7, 8, 9, 100, len(content) // 2, len(content) - 1]:
        saved.write_bytes(content[:keep])
        with pytest.raises(ssvh.SSVHError, match=r"is damaged or not an index"):
            HammingIndex.load(saved)
    saved.write_bytes(content + b"\0")
    with pytest.raises(ssvh.SSVHError, match=r"is damaged or not an index"):
        HammingIndex.load(saved)


@pytest.mark.parametrize("content", [b"not an index at all", b"\x93NUMPY\x01\x00", b"IBxF" + bytes(100), b"PK\x03\x04"])
def test_a_foreign_file_is_refused(content, tmp_path):
    (tmp_path / "an.index").write_bytes(content)
    with pytest.raises(ssvh.SSVHError, match=r"an\.index is damaged or not an index"):
        HammingIndex.load(tmp_path / "an.index")


def test_a_missing_file_is_said_to_be_made_by_ssvh_index(tmp_path):
    with pytest.raises(ssvh.SSVHError, match="`ssvh index RUN"):
        HammingIndex.load(tmp_path / "an.index")
    with pytest.raises(ssvh.SSVHError, match="There is no file"):
        HammingIndex.load(tmp_path)


def forge(path, *, header=None, arrays=None, metadata=None):
    """An index whose header and arrays were changed, with a checksum that fits."""
    from ssvh_lib.search.index import _read

    old_header, old_arrays = _read(path)
    head, values = old_header | (header or {}), old_arrays | (arrays or {})
    values = {name: array for name, array in values.items() if array is not None}
    head["checksum"] = _checksum(head, values)
    save_file(values, path, {MAGIC: json.dumps(head)} if metadata is None else metadata)


def test_a_weights_file_is_no_index(saved):
    forge(saved, metadata={})
    with pytest.raises(ssvh.SSVHError, match="not an index of codes"):
        HammingIndex.load(saved)


@pytest.mark.parametrize("text", ["", "[]", "{", "7"])
def test_a_header_that_is_no_object_is_refused(saved, text):
    forge(saved, metadata={MAGIC: text})
    with pytest.raises(ssvh.SSVHError, match=re.escape(str(saved))):
        HammingIndex.load(saved)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_named(saved, version):
    forge(saved, header={"version": version})
    with pytest.raises(ssvh.SSVHError, match=f"an index of version {version}, but this library reads 1"):
        HammingIndex.load(saved)


BAD = {
    "more codes announced": {"header": {"count": 41}},
    "longer codes announced": {"header": {"bits": 64}},
    "unknown kind": {"header": {"kind": "tree"}},
    "kind of another type": {"header": {"kind": ["flat"]}},
    "source of another type": {"header": {"source": "here"}},
    "no codes": {"arrays": {"codes": None}},
    "codes of another type": {"arrays": {"codes": np.zeros((40, 2), np.float32)}},
    "codes of three axes": {"arrays": {"codes": np.zeros((40, 2, 1), np.uint8)}},
    "ids that are no JSON": {"arrays": {"ids": np.zeros(4, np.uint8)}},
    "ids that are numbers": {"arrays": {"ids": np.frombuffer(json.dumps(list(range(40))).encode(), np.uint8)}},
    "too few ids": {"arrays": {"ids": np.frombuffer(b'["a"]', np.uint8)}},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_does_not_fit_together_is_refused_though_its_checksum_fits(saved, change):
    forge(saved, **change)
    with pytest.raises(ssvh.SSVHError, match=r"does not fit together \(.+\)\. Build it again"):
        HammingIndex.load(saved)


FORGED = {
    "no clusters": {"centres": np.zeros((0, 2), np.uint8)},
    "longer centres": {"centres": np.zeros((8, 4), np.uint8)},
    "wider numbers": {"centres": np.zeros((8, 2), np.int64)},
    "one centre that is no list": {"centres": np.zeros(2, np.uint8)},
    "one missing": {"centres": None},
    "one more": {"more": np.zeros(3, np.uint8)},
}


@pytest.mark.parametrize("arrays", FORGED.values(), ids=FORGED)
def test_forged_clusters_never_reach_faiss(arrays, rng, tmp_path):
    path = tmp_path / "an.index"
    HammingIndex(random_codes(rng, 40), kind="ivf").save(path)
    forge(path, arrays=arrays)
    with pytest.raises(ssvh.SSVHError, match="does not fit together"):
        HammingIndex.load(path)


@pytest.mark.parametrize("lists", [np.full(40, 99, np.int32), np.full(40, -1, np.int32), np.zeros(3, np.int64)])
def test_what_version_0_1_said_of_clusters_is_not_relied_on(lists, rng, tmp_path):
    path, codes, queries = tmp_path / "an.index", random_codes(rng, 40), random_codes(rng, 9)
    index = HammingIndex(codes, kind="ivf")
    index.save(path)
    forge(path, arrays={"list_of": lists})
    for one, other in zip(index.search(queries, 7), HammingIndex.load(path).search(queries, 7), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_interrupt_while_saving_leaves_the_old_index(saved, monkeypatch):
    before = saved.read_bytes()

    def stop(arrays, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("ssvh_lib.search.index.save_file", stop)
    with pytest.raises(KeyboardInterrupt):
        HammingIndex.load(saved).save(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["an.index"]


# Odd arguments


def test_odd_arguments_are_one_clear_error(rng):
    codes = random_codes(rng, 3)
    index = HammingIndex(codes)
    for call, message in [
        (lambda: HammingIndex(codes, kind="flatt"), "no kind of index called 'flatt'. Did you mean 'flat'"),
        (lambda: HammingIndex(ssvh.Codes(np.empty((0, 2), np.uint8))), "needs at least one code"),
        (lambda: HammingIndex(codes, ["a", "b"]), "one name per code, 3 strings; got 2"),
        (lambda: HammingIndex(codes, ["a", "b", 3]), "one name per code"),
        (lambda: HammingIndex(codes, ["a", "b", "a"]), "'a' is there twice"),
        (lambda: index.search(codes, 0), "must be at least 1, got 0"),
        (lambda: index.within(codes, -1), "must be 0 or more bits, got -1"),
        (lambda: index.search(random_codes(rng, 1, 8)), "codes of 16 bits, got codes of 8"),
        (lambda: index.within(random_codes(rng, 1, 24), 2), "codes of 16 bits, got codes of 24"),
    ]:
        with pytest.raises(ssvh.SSVHError) as error:
            call()
        assert message in str(error.value)
