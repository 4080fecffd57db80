"""Local search for one hash centre, the others fixed, by flips of one or two bits.

M is the number of centres, K that of bits. The cost of a centre is first the shortfall of its Hamming distances to the
others, summed, and at equal shortfall an objective: the sum of the squared differences of its inner products with the
others from their targets, plus the mean inner product.
"""

from __future__ import annotations

import numpy as np

_RIDGE = 1e-3  # as a share of M, the diagonal of the Gram matrix; needed where there are fewer centres than bits
_ROUNDING = 1e-6  # smaller changes of the objective do not count as progress


def solve(code: np.ndarray, others: np.ndarray, target: np.ndarray, shortfall: np.ndarray) -> np.ndarray:
    """Return the better of two descents: from ``code (K,)`` and from the signs of the unconstrained least squares.

    ``others (M − 1, K)``, ``target (M − 1,)``; never worse than ``code``.
    """
    gram = others.T @ others + _RIDGE * len(others) * np.eye(len(code))
    relaxed = np.where(np.linalg.solve(gram, others.T @ target) >= 0, 1.0, -1.0)
    first, second = (_descend(start, others, target, shortfall) for start in (code, relaxed))
    (short, fit), (second_short, second_fit) = (cost(c, others, target, shortfall) for c in (first, second))
    better = second_short < short or (second_short == short and second_fit < fit - _ROUNDING)
    return second if better else first


def cost(code: np.ndarray, others: np.ndarray, target: np.ndarray, shortfall: np.ndarray) -> tuple[float, float]:
    """Return summed shortfall and objective of one centre; costs compare in this order."""
    inner = others @ code
    distance = ((len(code) - inner) / 2).astype(np.int64)
    return shortfall[distance].sum(), np.square(inner - target).sum() + inner.mean()


def _descend(code: np.ndarray, others: np.ndarray, target: np.ndarray, shortfall: np.ndarray) -> np.ndarray:
    """Flip bits of ``code (K,)`` until neither one nor two flips help against ``others (M − 1, K)``."""
    code, agree = code.copy(), others * code
    while flips := _best_flips(agree, target, shortfall):
        agree[:, flips] *= -1
        code[flips] *= -1
    return code


def _best_flips(agree: np.ndarray, target: np.ndarray, shortfall: np.ndarray) -> list[int]:
    """Return the bits to flip: the one that lowers the cost most, else the best two, none if these do not lower it.

    ``agree (M − 1, K)`` is +1 where a bit equals that of another centre, else −1. Costs are weighted sums.
    """
    weight = _shortfall_weight(*agree.shape)
    distance, step = _near_centres(agree, shortfall)
    fit = _objective_changes(agree, target)
    change = fit + weight * _shortfall_changes(distance, distance[:, None] + step, shortfall)  # (K,)
    if change.min() < -_ROUNDING:
        return [int(change.argmin())]
    reached = distance[:, None, None] + step[:, :, None] + step[:, None, :]
    reached = np.clip(reached, 0, agree.shape[1])  # out of range only where one bit is flipped twice
    change = fit[:, None] + fit + 8 * agree.T @ agree + weight * _shortfall_changes(distance, reached, shortfall)
    np.fill_diagonal(change, 0)
    return [int(bit) for bit in divmod(change.argmin(), len(fit))] if change.min() < -_ROUNDING else []


def _shortfall_weight(others: int, bits: int) -> int:
    """Return a weight at which one bit of shortfall outweighs any change of the objective by two flips.

    They change an inner product by at most 4, so its squared distance from the target, at most 2K away, by at most
    4 (2 · 2K + 4) = 16 (K + 1), and the mean of the inner products by at most 4.
    """
    return 16 * (others + 1) * (bits + 1)


def _near_centres(agree: np.ndarray, shortfall: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the n centres that two flips can bring too near: distances ``(n,)`` and changes by a flip ``(n, K)``."""
    distance = ((agree.shape[1] - agree.sum(axis=1)) / 2).astype(np.int64)
    near = shortfall[np.maximum(0, distance - 2)] > 0
    return distance[near], agree[near].astype(np.int64)


def _objective_changes(agree: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the change of the objective by the flip of each bit, ``(K,)``; that of two adds 8 ⟨agree_k, agree_l⟩."""
    change: np.ndarray = 4 * len(agree) - 4 * (agree.sum(axis=1) - target) @ agree - 2 * agree.mean(axis=0)
    return change


def _shortfall_changes(distance: np.ndarray, reached: np.ndarray, shortfall: np.ndarray) -> np.ndarray:
    """Return the change of the summed shortfall if distances ``(n,)`` become ``reached (n, …)``: ``(…)``."""
    change: np.ndarray = shortfall[reached].sum(axis=0) - shortfall[distance].sum()
    return change
