"""Searching from end to end: a run becomes an index, a video becomes neighbours, neighbours become a page."""

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread
from video_samples import write_backbone, write_video

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video.extract import extract
from ssvh_lib.evaluation.hamming import hamming_distances, rank
from ssvh_lib.search.index import HammingIndex
from ssvh_lib.search.page import Hit, Video, render
from ssvh_lib.search.searcher import Searcher, index_run
from ssvh_lib.training.runs import Run

# The page


class Page(HTMLParser):
    """What a browser would see: elements with attributes, texts by the element they stand in."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.append((self.open[-1], data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def said(self, tag):
        return [text for name, text in self.texts if name == tag]


def shown(title="a video", classes=("cooking",), code=(1, 0, 1, 1, 0, 0, 1, 0), frames=None):
    return Video(title, classes, np.array(code, bool), frames)


def flipped(code, *places):
    code = np.array(code, bool)
    code[list(places)] ^= True
    return code


def test_the_page_tells_what_was_found_in_order():
    query = shown("the query")
    found = [
        Hit(shown("first", ("cooking", "indoors")), 0, True),
        Hit(shown("second", ("diving",), flipped(query.code, 1, 5)), 2, False),
    ]
    page = Page(render(query, found, ["2 videos", "Codes of 8 bits"]))
    assert page.open == []
    assert page.said("h3") == ["the query", "1. first", "2. second"]
    assert page.said("title") == ["Neighbours of the query"]
    text = page.said("p")
    assert text[:2] == ["2 videos", "Codes of 8 bits"]
    assert "1 of 2 share a class with the query." in text
    places = [text.index(wanted) for wanted in ("cooking, indoors", "Distance 0 of 8 bits", "Distance 2 of 8 bits")]
    assert places == sorted(places)
    assert text.count("✓ shares a class with the query") == 1
    assert [svg["aria-label"] for svg in page.all("svg")] == [
        "8 bits, the query's", "8 bits, the query's", "8 bits, 2 unlike the query's",
    ]  # fmt: skip


def test_squares_are_the_bits_and_those_that_differ():
    query = shown()
    page = Page(render(query, [Hit(shown(code=flipped(query.code, 0, 4)), 2)], []))
    squares = [(path["class"], re.findall(r"M(\d+) 0h", path["d"])) for path in page.all("path")]
    assert squares == [
        ("zero", ["10", "40", "50", "70"]), ("one", ["0", "20", "30", "60"]), ("other", []),
        ("zero", ["10", "50", "70"]), ("one", ["20", "30", "60"]), ("other", ["0", "40"]),
    ]  # fmt: skip


def test_nothing_is_said_of_classes_where_none_is_known():
    text = render(shown(classes=()), [Hit(shown(classes=()), 3)], [])
    assert "share a class" not in text
    assert "✓" not in text


def pixels_of(image):
    kind, data = image["src"].split(",")
    assert kind == "data:image/png;base64"
    return np.round(255 * imread(BytesIO(base64.b64decode(data)))).astype(int)


@pytest.mark.parametrize("colour", [False, True])
def test_pictures_are_the_frames_in_the_middle_of_five_stretches(colour, rng):
    frames = rng.integers(0, 256, (25, 40, 32) + (3,) * colour, dtype=np.uint8)
    page = Page(render(shown("ball", frames=frames), [], []))
    (image,) = page.all("img")
    assert image["alt"] == "Frames of ball, from first to last"
    assert (image["width"], image["height"]) == (str(5 * 32 + 4), "40")
    strip = pixels_of(image)
    for place, frame in enumerate((2, 7, 12, 17, 22)):
        part = strip[:, 33 * place : 33 * place + 32]
        wanted = frames[frame] if colour else np.repeat(frames[frame][..., None], 3, 2)
        np.testing.assert_array_equal(part[..., :3], wanted)
        assert (part[..., 3] == 255).all()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_video_of_few_frames_shows_those(count):
    page = Page(render(shown(frames=np.zeros((count, 8, 8), np.uint8)), [], []))
    widths = [image["width"] for image in page.all("img")]
    assert widths == ([str(8 * count + count - 1)] if count else [])


def test_the_page_needs_nothing_else_and_may_load_nothing_else(rng):
    frames = rng.integers(0, 256, (5, 8, 8), dtype=np.uint8)
    text = render(shown(frames=frames), [Hit(shown(frames=frames), 0)], [])
    page = Page(text)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object", "a", "form", "base"})
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    (style,) = re.findall(r"<style>(.*?)</style>", text, flags=re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    for _, attributes in page.elements:
        assert not {name for name in attributes if name == "style" or name.startswith("on")}
        assert all(value.startswith("data:image/png;base64,") for name, value in attributes.items() if name == "src")
    assert "url(" not in style
    assert "http:" not in text
    assert "https:" not in text
    assert all(image["alt"] for image in page.all("img"))
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in page.all("svg"))
    assert page.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")


ODD = [
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;b&gt; &amp;",
    "]]><!-- --></style>",
    "{{7*7}} ${x} %s {0}",
]


@pytest.mark.parametrize("title", ODD)
def test_whatever_a_title_says_it_stays_a_title(title):
    frames = np.zeros((1, 8, 8), np.uint8)
    plain, odd = (
        Page(render(shown(name, (name,), frames=frames), [Hit(shown(name, (name,), frames=frames), 0, True)], [name]))
        for name in ("name", title)
    )
    assert [tag for tag, _ in odd.elements] == [tag for tag, _ in plain.elements]
    assert [set(attributes) for _, attributes in odd.elements] == [set(attributes) for _, attributes in plain.elements]
    assert odd.said("h3") == [title, f"1. {title}"]
    assert odd.said("title") == [f"Neighbours of {title}"]
    assert odd.all("img")[0]["alt"] == f"Frames of {title}, from first to last"


def test_what_cannot_be_printed_is_replaced():
    page = Page(render(shown("a\0b\x1bc\ud800d\u202ee\nf"), [], []))
    assert page.said("h3") == ["a�b�c�d�e�f"]
    assert page.said("title")[0].encode("utf-8")


def test_equal_answers_are_equal_pages(rng):
    frames = rng.integers(0, 256, (5, 8, 8), dtype=np.uint8)
    assert render(shown(frames=frames), [], []) == render(shown(frames=frames), [], [])


# A run and its index


@pytest.fixture(scope="module")
def run(smoke, tmp_path_factory):
    model = ssvh.build("itq", dataset=smoke, bits=32)
    return ssvh.fit(model, smoke, tmp_path_factory.mktemp("run") / "itq", progress=False)


@pytest.fixture
def path(run, smoke, tmp_path):
    index_run(run.folder, smoke.root.name, smoke.root.parent).save(tmp_path / "an.index")
    return tmp_path / "an.index"


@pytest.mark.parametrize("kind", ["flat", "multihash"])
def test_neighbours_of_a_query_are_those_of_its_code(run, smoke, tmp_path, kind):
    index_run(run.folder, root=smoke.root.parent, kind=kind).save(tmp_path / "an.index")
    searcher = Searcher.open(tmp_path / "an.index")
    query, database = ssvh.encode(run.model(), smoke.query), ssvh.encode(run.model(), smoke.database)
    distances = hamming_distances(query, database)
    for row in (0, 41, 79):
        asked = searcher.query(row)
        found = searcher.nearest(asked, 7)
        rows = rank(distances)[row, :7]
        assert asked.video.title == smoke.query.ids[row]
        assert [one.video.title for one in found] == [smoke.database.ids[item] for item in rows]
        assert [one.distance for one in found] == distances[row, rows].tolist()
        assert [one.relevant for one in found] == [
            bool((smoke.query.labels[row] & smoke.database.labels[item]).any()) for item in rows
        ]
        for one, item in zip(found, rows, strict=True):
            np.testing.assert_array_equal(one.video.code, database.signs()[item] > 0)
            np.testing.assert_array_equal(one.video.frames, smoke.database.thumbnails[np.array([item])][0])
            assert one.video.classes == (smoke.classes[smoke.database.labels[item].argmax()],)


def test_saved_codes_and_codes_made_anew_are_one_index(run, smoke, tmp_path):
    from ssvh_lib.experiments.measures import measure

    copy = shutil.copytree(run.folder, tmp_path / "copy")
    fresh = index_run(copy, root=smoke.root.parent)
    measure(Run(copy), run.model(), smoke)
    assert (copy / "codes.npz").is_file()
    np.testing.assert_array_equal(index_run(copy, root=smoke.root.parent).codes.packed, fresh.codes.packed)


def test_an_index_remembers_where_it_comes_from(path, run, smoke):
    source = HammingIndex.load(path).source
    assert source["run"] == str(run.folder.resolve())
    assert (source["dataset"], source["root"]) == (smoke.root.name, str(smoke.root.parent.resolve()))
    assert (source["data_fingerprint"], source["backbone"]) == (smoke.fingerprint, None)
    assert HammingIndex.load(path).ids == smoke.database.ids


def test_where_queries_lie_in_the_database_none_finds_itself(tmp_path, make_dataset):
    folder = make_dataset(tmp_path / "both", train=20)
    text = (folder / "dataset.toml").read_text()
    part = text.split("[train]\n")[1].split("\n[query]")[0]
    (folder / "dataset.toml").write_text(f"query_in_database = true\n[train]\n{part}\n[query]\n{part}")
    dataset = ssvh.load_dataset("both", tmp_path)
    ssvh.fit(ssvh.build("lsh", dataset=dataset, bits=16, preset="smoke"), dataset, tmp_path / "run")
    index_run(tmp_path / "run", "both", tmp_path).save(tmp_path / "an.index")
    searcher = Searcher.open(tmp_path / "an.index")
    for row in range(20):
        found = searcher.nearest(searcher.query(row), 19)
        assert len(found) == 19
        assert dataset.query.ids[row] not in [one.video.title for one in found]
    assert len(searcher.nearest(searcher.query(0), 5)) == 5


# What is missing or has changed


def test_a_run_that_is_not_finished_is_refused(tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"holds no finished run\. `ssvh train` prints"):
        index_run(tmp_path)


def test_a_run_for_other_features_is_refused(run, tmp_path, make_dataset):
    make_dataset(tmp_path / "mine")
    with pytest.raises(ssvh.SSVHError, match="The model reads 25 frames of size 256, the videos have 4 of size 8"):
        index_run(run.folder, "mine", tmp_path)


def test_a_moved_run_can_be_named(path, run, tmp_path):
    moved = shutil.copytree(run.folder, tmp_path / "moved")
    index = HammingIndex.load(path)
    index.source["run"] = str(tmp_path / "gone")
    index.save(path)
    with pytest.raises(ssvh.SSVHError, match=r"There is no finished run in .*gone.*Name it: --run FOLDER"):
        Searcher.open(path)
    assert len(Searcher.open(path, run=moved).nearest(Searcher.open(path, run=moved).query(0), 3)) == 3


def test_another_run_in_the_place_of_the_old_is_noticed(path, smoke, tmp_path):
    other = ssvh.fit(ssvh.build("itq", dataset=smoke, bits=32), smoke, tmp_path / "other", seed=1)
    with pytest.raises(ssvh.SSVHError, match=r"is not the one that made .*an\.index\. Make the index again"):
        Searcher.open(path, run=other.folder)


def test_a_dataset_that_is_gone_or_was_changed_is_noticed(path, tmp_path, make_dataset):
    index = HammingIndex.load(path)
    index.source["dataset"] = "gone"
    index.save(tmp_path / "other.index")
    with pytest.raises(ssvh.SSVHError, match="There is no dataset called 'gone'"):
        Searcher.open(tmp_path / "other.index")
    index.source["dataset"] = "mine"
    index.save(tmp_path / "other.index")
    make_dataset(tmp_path / "mine")
    with pytest.raises(ssvh.SSVHError, match=r"mine is not what .*other\.index was made of"):
        Searcher.open(tmp_path / "other.index", root=tmp_path)


def test_an_index_that_was_added_to_does_not_fit_its_dataset(path, rng):
    index = HammingIndex.load(path)
    index.add(ssvh.Codes(rng.integers(0, 256, (1, 4), dtype=np.uint8)), ["one more"])
    index.save(path)
    with pytest.raises(ssvh.SSVHError, match=r"is not what .*an\.index was made of"):
        Searcher.open(path)


def test_an_index_made_by_hand_says_that_it_has_no_run(tmp_path, rng):
    HammingIndex(ssvh.Codes(rng.integers(0, 256, (3, 2), dtype=np.uint8))).save(tmp_path / "an.index")
    with pytest.raises(ssvh.SSVHError, match="does not say which run made its codes"):
        Searcher.open(tmp_path / "an.index")


@pytest.mark.parametrize("row", [-1, 80])
def test_a_query_that_does_not_exist_is_named_with_those_that_do(path, row):
    with pytest.raises(ssvh.SSVHError, match=f"has queries 0 to 79, but no query {row}"):
        Searcher.open(path).query(row)


def test_a_video_cannot_be_searched_where_no_backbone_is_known(path, tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"does not say how a video becomes features.*--query 0"):
        Searcher.open(path).video(write_video(tmp_path / "a.mp4", 5))


# From video files


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    """Videos of two kinds, their dataset, a run and its index: folder of videos, index, backbone."""
    folder = tmp_path_factory.mktemp("kitchen")
    rng = np.random.default_rng(0)
    for label, shade in (("dark", 40), ("bright & <b>", 200)):
        for number in range(6):
            frames = [np.clip(shade + rng.normal(0, 20, (48, 64, 3)), 0, 255).astype(np.uint8) for _ in range(8)]
            write_video(folder / "videos" / label / f"{number}.mp4", frames)
    backbone = write_backbone(folder / "tiny")
    extract(folder / "videos", folder / "mine", backbone=backbone, frames=4, device="cpu", progress=False)
    dataset = ssvh.load_dataset("mine", folder)
    ssvh.fit(ssvh.build("itq", dataset=dataset, bits=8, preset="smoke"), dataset, folder / "run")
    index_run(folder / "run", root=folder).save(folder / "an.index")
    return folder


def test_a_video_of_the_database_finds_itself_and_its_kind(kitchen):
    searcher = Searcher.open(kitchen / "an.index")
    database = searcher.dataset.database
    for row, name in enumerate(database.ids):
        asked = searcher.video(kitchen / "videos" / name)
        itself = [one for one in searcher.nearest(asked, len(database)) if one.video.title == name]
        assert itself[0].distance == 0
        assert itself[0].relevant is None  # what a video shows is not known
        np.testing.assert_array_equal(asked.video.frames, database.thumbnails[np.array([row])][0])
    page = Page(render(asked.video, searcher.nearest(asked, 3), searcher.facts()))
    assert len(page.all("img")) == 4
    assert len(page.all("li")) == 3


def test_a_backbone_with_other_weights_is_noticed(kitchen, tmp_path):
    index = HammingIndex.load(kitchen / "an.index")
    index.source["backbone"]["name"] = str(write_backbone(tmp_path / "tiny", seed=1))
    index.save(tmp_path / "an.index")
    with pytest.raises(ssvh.SSVHError, match="has other weights now"):
        Searcher.open(tmp_path / "an.index").video(next((kitchen / "videos").rglob("*.mp4")))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("none.mp4", None, "There is no video"), ("empty.mp4", b"", "is empty"), ("text.mp4", b"text", "cannot be read")],
)
def test_a_video_that_cannot_be_read_is_named(kitchen, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ssvh.SSVHError, match=message) as error:
        Searcher.open(kitchen / "an.index").video(tmp_path / name)
    assert name in str(error.value)


def test_an_extract_file_that_is_damaged_is_named(kitchen, tmp_path):
    shutil.copytree(kitchen / "mine", tmp_path / "mine")
    (tmp_path / "mine" / "extract.json").write_text(json.dumps({"frames": 4}))
    with pytest.raises(ssvh.SSVHError, match=r"extract\.json does not name"):
        index_run(kitchen / "run", "mine", tmp_path)
