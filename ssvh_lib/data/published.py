"""The five datasets of the papers as their authors publish them: file names, keys, shapes and sources.

File names and counts are those of the configurations in the authors' repositories, gimpong/AAAI25-S5VH and
EliSpectre/CVPR25-AutoSSVH (all but YFCC) and huangmozhi9527/ConMH (FCVID, ActivityNet, YFCC); the numbers of classes
are those in their logs. Their code reads every label file with ``scipy.io.loadmat``, so they are of MATLAB's version 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import SSVHError
from .layouts import Layout, PartTable

S5VH = "https://github.com/gimpong/AAAI25-S5VH#readme, section 2.2"
CONMH = "https://github.com/huangmozhi9527/ConMH#readme, 'Getting Started'"


@dataclass(frozen=True)
class Part:
    """One set of videos: their number, and the names of its files."""

    videos: int
    features: tuple[str, ...]
    labels: tuple[str, ...] = ()
    label_key: str = "labels"

    def table(self) -> PartTable:
        """Return the same as a table of ``dataset.toml``."""
        if not self.labels:
            return {"features": list(self.features)}
        return {"features": list(self.features), "labels": list(self.labels), "label_key": self.label_key}


@dataclass(frozen=True)
class Published:
    """A published dataset; ``classes`` is None where no source that we could read states their number."""

    folder: str  # the authors' name for it
    frames: int
    size: int
    classes: int | None
    train: Part
    database: Part
    query: Part
    source: str  # the page that the link comes from
    link: str
    remark: str = ""

    def parts(self) -> dict[str, Part]:
        """Return the three sets of videos by name."""
        return {"train": self.train, "database": self.database, "query": self.query}

    def layout(self, name: str) -> Layout:
        """Return the content that its ``dataset.toml`` would have."""
        return {
            "name": name,
            "preset": "paper",
            "query_in_database": self.query == self.database,
            "train": self.train.table(),
            "database": self.database.table(),
            "query": self.query.table(),
        }

    def files(self) -> dict[str, str]:
        """Describe the content of each of its files, by name."""
        holds: dict[str, str] = {}
        for name, part in self.parts().items():
            for files, content in ((part.features, self._features(part)), (part.labels, self._labels(part))):
                for number, file in enumerate(files, start=1):
                    share = f", file {number} of {len(files)} for all these videos" if len(files) > 1 else ""
                    holds.setdefault(file, f"{content} ({name}{share})")
        return holds

    def _features(self, part: Part) -> str:
        return f"'feats' {part.videos:,} x {self.frames} x {self.size} float32 in HDF5"

    def _labels(self, part: Part) -> str:
        return f"'{part.label_key}' {part.videos:,} x {self.classes or 'classes'} of 0 and 1 in a MATLAB 5 file"


def _action(name: str, classes: int, train: int, query: int, link: str) -> Published:
    """Describe UCF101 or HMDB51, whose database is the training set."""
    parts = {
        part: Part(videos, (f"{name}_{part}_feats.h5",), (f"{name}_{part}_labels.mat",))
        for part, videos in (("train", train), ("test", query))
    }
    return Published(name, 25, 4096, classes, parts["train"], parts["train"], parts["test"], S5VH, link)


_FCVID = Part(45_600, ("fcv_test_feats.h5",), ("fcv_test_labels.mat",))

PUBLISHED = {
    "activitynet": Published(
        folder="activitynet",
        frames=30,
        size=2048,
        classes=200,
        train=Part(9_722, ("train_feats.h5",)),
        database=Part(3_758, ("test_feats.h5",), ("re_label.mat",), "re_label"),
        query=Part(1_000, ("query_feats.h5",), ("q_label.mat",), "q_label"),
        source=S5VH,
        link="https://pan.baidu.com/s/1cDJ0-6T2-AOeLgp5rBihfA?pwd=0000",
        remark="The text of AutoSSVH counts 3,760 database videos; code and logs of all three papers count 3,758.",
    ),
    "fcvid": Published(
        folder="fcv",
        frames=25,
        size=4096,
        classes=239,
        train=Part(45_585, ("fcv_train_feats.h5",)),
        database=_FCVID,
        query=_FCVID,
        source=S5VH,
        link="https://pan.baidu.com/s/1v0qo4PtiZgFB9iLmj3sJIg?pwd=0000",
        remark="Every database video is a query too.",
    ),
    "hmdb51": _action("hmdb", 51, 3_570, 1_530, "https://pan.baidu.com/s/1su2STM7b2mg-jBfsN5iRIQ?pwd=0000"),
    "ucf101": _action("ucf", 101, 9_537, 3_783, "https://pan.baidu.com/s/1c2NMC0Y8R3zn4ionzKUP4g?pwd=0000"),
    "yfcc": Published(
        folder="yfcc",
        frames=25,
        size=4096,
        classes=None,
        train=Part(409_788, tuple(f"yfcc_train_feats_{number}.h5" for number in range(1, 10))),
        database=Part(
            101_256,
            tuple(f"yfcc_test_feats_{number}.h5" for number in (1, 2)),
            tuple(f"yfcc_test_labels_{number}.mat" for number in (1, 2)),
        ),
        query=Part(1_000, ("query1000_feats.h5",), ("query1000_labels.mat",)),
        source=CONMH,
        link="https://pan.baidu.com/s/1jpqcRRFdiemGvlPpukxJ6Q?pwd=0000",
    ),
}


def places(name: str, root: Path) -> list[Path]:
    """Return the folders that may hold the files of ``name``: under our name, the authors', and ``root`` itself."""
    return list(dict.fromkeys([root / name, root / PUBLISHED[name].folder, root]))


def place_of(name: str, root: Path) -> Path | None:
    """Return the first of its ``places`` that holds a file of the dataset."""
    files = PUBLISHED[name].files()
    return next((folder for folder in places(name, root) if any((folder / file).exists() for file in files)), None)


def where_from(name: str) -> str:
    """Say where the authors publish the files."""
    return f"The authors publish them at {PUBLISHED[name].link} (linked from {PUBLISHED[name].source})."


def require(name: str, folder: Path) -> None:
    """Raise SSVHError if ``folder`` lacks files of a published dataset: which, what they hold, where to get them."""
    lines = [f"{file}: {holds}" for file, holds in PUBLISHED[name].files().items() if not (folder / file).is_file()]
    if lines:
        raise SSVHError(
            f"{folder} lacks {len(lines)} of the {len(PUBLISHED[name].files())} files of {name}:\n  "
            + "\n  ".join(lines)
            + f"\n{where_from(name)} `ssvh data check {name}` shows what is there."
        )
