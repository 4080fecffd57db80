"""Checks of the exercises of notebook 13: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.manifold import trustworthiness

from ssvh_lib.experiments.code_maps import same_class_share


def check_expected(expected: Callable[[np.ndarray], float] | None) -> str:
    """Exercise 1, against the library's share where all distances are equal."""
    if expected is None:
        return "1: not tried yet"
    rng = np.random.default_rng(0)
    for sizes in ((5, 5, 5), (1, 2, 9), (1, 1, 1), (30, 3)):
        classes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
        wanted, given = same_class_share(np.zeros((len(classes),) * 2), classes), float(expected(classes))
        assert np.isclose(given, wanted), f"Of classes of {sizes} videos it is {wanted:.4f}; yours says {given:.4f}."
    return "1: right"


def check_trust(trust: Callable[[np.ndarray, np.ndarray, int], float] | None) -> str:
    """Exercise 2, against scikit-learn, without ties."""
    if trust is None:
        return "2: not tried yet"
    rng = np.random.default_rng(0)
    for k in (1, 3, 7):
        points, places = rng.normal(size=(40, 6)), rng.normal(size=(40, 2))
        places += points[:, :2]
        distances = np.linalg.norm(points[:, None] - points, axis=2)
        wanted = trustworthiness(distances, places, n_neighbors=k, metric="precomputed")
        given = float(trust(distances, places, k))
        assert np.isclose(given, wanted), f"With k = {k} it is {wanted:.4f}; yours says {given:.4f}."
    return "2: right"


def check_p_value(p_value: Callable[[np.ndarray, float], float] | None) -> str:
    """Exercise 3, against counts worked by hand."""
    if p_value is None:
        return "3: not tried yet"
    shares = np.array([0.1, 0.2, 0.2, 0.3])
    for share, wanted in ((0.5, 1 / 5), (0.3, 2 / 5), (0.25, 2 / 5), (0.2, 4 / 5), (0.0, 1.0)):
        given = float(p_value(shares, share))
        assert np.isclose(given, wanted), (
            f"Of {shares.tolist()} and your own {share}, {round(5 * wanted)} of 5 are as high as {share}: "
            f"p is {wanted:.2f}; yours says {given:.2f}."
        )
    return "3: right"


def check_stress(stress: Callable[[np.ndarray, np.ndarray], float] | None) -> str:
    """Exercise 4, against a least-squares fit; a map that is only enlarged has none."""
    if stress is None:
        return "4: not tried yet"
    rng = np.random.default_rng(0)
    for scale in (1.0, 7.0):
        places = rng.normal(size=(12, 2))
        distances = np.linalg.norm(places[:, None] - places, axis=2)
        given = float(stress(distances, scale * places))
        assert abs(given) < 1e-6, f"A true map, {scale:g} times as large, has no stress; yours says {given:.4f}."
    pairs = np.triu_indices(12, 1)
    for _ in range(3):
        places = rng.normal(size=(12, 2))
        drawn = np.linalg.norm(places[pairs[0]] - places[pairs[1]], axis=1)
        true = rng.integers(1, 64, len(drawn)).astype(float)
        distances = np.zeros((12, 12))
        distances[pairs] = distances[pairs[::-1]] = true
        misfit = true - drawn * np.linalg.lstsq(drawn[:, None], true, rcond=None)[0]
        wanted, given = np.linalg.norm(misfit) / np.linalg.norm(true), float(stress(distances, places))
        assert np.isclose(given, wanted), f"The stress is {wanted:.4f}; yours says {given:.4f}."
    return "4: right"
