"""The videos nearest to a video's code, and how they change when bits of it are flipped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data import Dataset
from ..errors import SSVHError
from ..evaluation.codes import Codes
from ..search.page import Hit, Video
from .subject import Subject

NEAREST = 6  # that are shown


@dataclass(frozen=True)
class Answer:
    """A neighbour, and its place from 1 before any bit was flipped; None if that was beyond the places searched."""

    found: Hit
    before: int | None

    def moved(self, place: int) -> str:
        """Say what flipping did to it, which is now in ``place`` from 1."""
        if self.before is None:
            return "new here"
        return "same place" if self.before == place else f"was {self.before}."


def flip(code: np.ndarray, bits: np.ndarray | list[int]) -> np.ndarray:
    """Flip some bits, by number, of a code ``(K,)`` bool; SSVHError if it does not have them."""
    bits = np.asarray(bits, int)
    if ((bits < 0) | (bits >= len(code))).any():
        raise SSVHError(f"A code of {len(code)} bits has bits 0 to {len(code) - 1}, got {sorted(bits.tolist())}.")
    turned = code.copy()
    turned[bits] ^= True
    return turned


def nearest(run: Subject, video: int, code: np.ndarray, bits: np.ndarray | list[int], epoch: int) -> list[Answer]:
    """Return the database videos nearest to ``code (K,)`` bool with ``bits`` of it flipped, by the codes of an epoch.

    ``video`` is the query whose code it is; where queries lie in the database, it is left out itself.
    """
    dataset, index = run.dataset, run.index(epoch)
    itself = video if dataset.query_in_database else -1
    pair = np.packbits(np.stack([flip(code, bits), code]), axis=1)
    found = index.search(Codes(pair), 4 * NEAREST + 1)
    rows, before = ([row for row in line.tolist() if row not in (-1, itself)] for line in found.rows)
    places = {row: place for place, row in enumerate(before, start=1)}
    distance = dict(zip(found.rows[0].tolist(), found.distances[0].tolist(), strict=True))
    labels = dataset.query.labels[video]
    return [Answer(_found(dataset, row, distance[row], index.codes, labels), places.get(row)) for row in rows[:NEAREST]]


def _found(dataset: Dataset, row: int, distance: int, codes: Codes, labels: np.ndarray) -> Hit:
    videos = dataset.database
    names = dataset.class_names(videos.labels[row])
    frames = None if videos.thumbnails is None else videos.thumbnails[np.array([row])][0]
    video = Video(videos.ids[row], names, np.unpackbits(codes.packed[row]).astype(bool), frames)
    return Hit(video, distance, bool((videos.labels[row] & labels).any()) if labels.any() else None)
