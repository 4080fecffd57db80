"""The search for one hash centre: its cost by hand, what it cannot improve, and the ADMM of the S5VH release."""

from itertools import combinations

import numpy as np
import pytest

from ssvh_lib.clustering.flip_search import cost, solve
from ssvh_lib.clustering.hash_centres import _shortfall, hadamard_centres, semantic_target, separation_bound


def admm(code, others, target, cap, rng):
    """Lp-box ADMM for one centre, as released with S5VH; ends with the code it has converged to."""
    K, rho, dual = len(code), 5e-5, (1 + 5**0.5) / 2
    sphere = box = code
    slack, y1, y2, y3 = cap - others @ code, rng.random(K), rng.random(K), rng.random(len(others))
    while rho < 1e9:
        inverse = np.linalg.inv(2 * rho * np.eye(K) + (rho + 2) * others.T @ others)
        for _ in range(10):
            right = rho * (box + sphere + others.T @ (cap - slack)) - y1 - y2 - others.T @ y3
            code = inverse @ (right - others.mean(axis=0) + 2 * others.T @ target)
            box = np.clip(code + y1 / rho, -1, 1)
            sphere = code + y2 / rho
            sphere *= K**0.5 / np.linalg.norm(sphere)
            slack = np.maximum(0, cap - others @ code - y3 / rho)
            y1 = y1 + dual * rho * (code - box)
            y2 = y2 + dual * rho * (code - sphere)
            y3 = y3 + dual * rho * (others @ code + slack - cap)
        rho *= 1.07
    return np.where(code >= 0, 1.0, -1.0)


@pytest.mark.parametrize(("count", "bits"), [(20, 16), (30, 32)])
def test_a_centre_is_solved_within_two_percent_of_the_released_admm(count, bits, grouped, rng):
    semantic, codes = grouped(count), hadamard_centres(count, bits, rng).astype(float)
    targets, bound = semantic_target(semantic, bits), separation_bound(count, bits)
    shortfall = _shortfall(count, bits)
    reached = {"admm": np.zeros(2), "flips": np.zeros(2)}  # shortfall and objective, summed
    for i in range(6):
        others, target = np.delete(codes, i, axis=0), np.delete(targets[i], i)
        reached["admm"] += cost(admm(codes[i], others, target, bits - 2 * bound, rng), others, target, shortfall)
        reached["flips"] += cost(solve(codes[i], others, target, shortfall), others, target, shortfall)
    assert (reached["flips"] <= 1.02 * reached["admm"]).all()  # shortfall: not at all worse


def test_the_cost_of_a_centre_by_hand():
    """Inner products 2 and 0 with the others, distances 1 and 2: 2 + 1 bits short; 2² + 1² off target, mean 1."""
    others = np.array([[1, 1, 1, -1], [-1, -1, 1, 1]])
    shortfall = np.array([3, 2, 1, 0, 0])
    assert cost(np.ones(4), others, np.array([0, 1]), shortfall) == (3, 6)


@pytest.mark.parametrize("count", [5, 12, 40])
def test_no_flip_of_one_or_two_bits_improves_what_is_found(count, rng):
    bits = 10
    codes = rng.choice([-1.0, 1.0], (count, bits))
    start, others, target = codes[0], codes[1:], bits * rng.uniform(-1, 1, count - 1)
    shortfall = _shortfall(count, bits)
    found = solve(start, others, target, shortfall)
    least = cost(found, others, target, shortfall)
    assert set(found) <= {-1, 1}
    assert least <= cost(start, others, target, shortfall)
    for flips in [*combinations(range(bits), 1), *combinations(range(bits), 2)]:
        other = found.copy()
        other[list(flips)] *= -1
        short, fit = cost(other, others, target, shortfall)
        assert (short, fit) >= (least[0], least[1] - 1e-6)
