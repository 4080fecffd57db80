"""The selective scan of Mamba on a CPU: both passes as compiled loops over NumPy arrays; ``mamba.py`` explains it.

A block of ``LANES`` channels of one video goes through time with its states, which thus stay in the nearest cache,
and the innermost loops, over the lanes, are vectorised. The backward pass walks through ``CHUNK`` frames at a time: it
restores their states from the one stored before them, so that no more than these are ever in memory.

The threads are Python's (the loops release the GIL) and divide the blocks among themselves. They leave nothing behind
that a fork could break, results do not depend on their number, and a single thread is the calling one.

numba is imported at the first call, which also compiles the loops in some seconds and caches them in ``__pycache__``.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

Array = np.ndarray
Kernel = Callable[..., None]  # (first task, last task, *arrays), compiled
LANES = 16  # channels in a block: a vector register of AVX-512, two of AVX2
GROUP = 64  # channels that share one partial sum of the gradients of B and C
CHUNK = 32  # frames between two stored states


def scan_forward(
    u: Array, delta: Array, A: Array, B: Array, C: Array, D: Array, *, keep: bool, threads: int
) -> tuple[Array, Array]:
    """Return ``y (B, T, E)`` and, for ``scan_backward``, the states at chunk borders: none unless ``keep``."""
    width = u.shape[2]
    u, delta, A, B, C, D = _laid_out(u, delta, A, B, C, D)
    borders = (u.shape[1] - 1) // CHUNK if keep else 0
    y, starts = np.empty_like(u), np.empty((len(u), borders, *A.shape), np.float32)
    forward, _ = _kernels()
    _share_out(forward, u, threads, (u, delta, A, B, C, D, y, starts))
    return y[..., :width], starts


def scan_backward(
    u: Array, delta: Array, A: Array, B: Array, C: Array, D: Array, starts: Array, dy: Array, *, threads: int
) -> tuple[Array, ...]:
    """Return the gradients of the six inputs, given that of ``y (B, T, E)``."""
    width = u.shape[2]
    u, delta, A, B, C, D = _laid_out(u, delta, A, B, C, D)
    dy = _padded(dy)
    du, ddelta = np.empty_like(u), np.empty_like(u)
    dA, dD = np.empty((len(u), *A.shape), np.float32), np.empty((len(u), len(D)), np.float32)
    dB, dC = np.zeros((2, -(-len(D) // GROUP), *B.shape), np.float32)
    _, backward = _kernels()
    _share_out(backward, u, threads, (u, delta, A, B, C, D, starts, dy, du, ddelta, dA, dB, dC, dD))
    # NumPy adds the partial sums of videos and of groups one after the other, whatever the number of threads.
    return du[..., :width], ddelta[..., :width], dA.sum(0).T[:width], dB.sum(0), dC.sum(0), dD.sum(0)[:width]


def _laid_out(u: Array, delta: Array, A: Array, B: Array, C: Array, D: Array) -> tuple[Array, ...]:
    """Lay the inputs out with channels last, A as ``(S, E)`` too, and pad these to a multiple of LANES."""
    return _padded(u), _padded(delta), _padded(A.T), np.ascontiguousarray(B), np.ascontiguousarray(C), _padded(D)


def _padded(values: Array) -> Array:
    """Add zeros after the last channel of ``values (…, E)``, whose results and gradients are then zeros too."""
    missing = -values.shape[-1] % LANES
    return np.ascontiguousarray(np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)]) if missing else values)


def _share_out(kernel: Kernel, u: Array, threads: int, arguments: tuple[Array, ...]) -> None:
    """Run ``kernel`` on all tasks, each a group of channels of one video, in this many ``threads``."""
    tasks = len(u) * -(-u.shape[2] // GROUP)
    if threads == 1:
        kernel(0, tasks, *arguments)
        return
    parts = 4 * threads  # small ones: cores may not be equally free
    borders = [tasks * part // parts for part in range(parts + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda first, last: kernel(first, last, *arguments), borders, borders[1:]))


@cache
def _kernels() -> tuple[Kernel, Kernel]:
    """Compile ``_forward`` and ``_backward``."""
    from numba import njit
    from numba.extending import register_jitable

    sums = {"contract", "reassoc", "nsz"}  # lets sums over lanes be vectorised; NaN and infinity stay as they are
    register_jitable(fastmath={"contract"})(_exp)  # reordered, its remainder would lose its digits
    for helper in (_load, _store, _restore, _step_back):
        register_jitable(inline="always")(helper)
    for block in (_forward_block, _backward_block):
        register_jitable(fastmath=sums, error_model="numpy")(block)
    compiled = njit(nogil=True, cache=True)
    return compiled(_forward), compiled(_backward)


def _exp(x: np.float32) -> np.float32:
    """Compute e^x to one unit in the last place by Cephes' polynomial; ``np.exp`` would not be vectorised.

    Below -87.3 it stays at 1e-38, the smallest normal number.
    """
    x = np.float32(-87.3) if x < np.float32(-87.3) else x
    x = np.float32(89) if x > np.float32(89) else x
    shifted = x * np.float32(1.44269504) + np.float32(12582912)  # x / ln 2, rounded, in the last bits of 1.5 * 2^23
    k = shifted - np.float32(12582912)
    r = x - k * np.float32(0.693359375) + k * np.float32(2.12194440e-4)  # ln 2 in two parts: no digit is lost
    p = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    power = np.int32((np.float32(shifted).view(np.int32) + np.int32(127 - 0x4B400000)) << np.int32(23))  # bits of 2^k
    return (p * (r * r) + r + np.float32(1)) * np.int32(power).view(np.float32)


def _forward(
    first: int, last: int, u: Array, delta: Array, A: Array, B: Array, C: Array, D: Array, y: Array, starts: Array
) -> None:
    groups = (u.shape[2] + GROUP - 1) // GROUP
    for task in range(first, last):
        b, group = task // groups, task % groups
        for e in range(group * GROUP, min((group + 1) * GROUP, u.shape[2]), LANES):
            _forward_block(b, e, u, delta, A, B, C, D, y, starts)


def _backward(
    first: int, last: int, u: Array, delta: Array, A: Array, B: Array, C: Array, D: Array, starts: Array, dy: Array,
    du: Array, ddelta: Array, dA: Array, dB: Array, dC: Array, dD: Array,
) -> None:  # fmt: skip
    groups = (u.shape[2] + GROUP - 1) // GROUP
    for task in range(first, last):
        b, group = task // groups, task % groups
        for e in range(group * GROUP, min((group + 1) * GROUP, u.shape[2]), LANES):
            _backward_block(b, e, u, delta, A, B, C, D, starts, dy, du, ddelta, dA, dB[group], dC[group], dD)


# The blocks loop where slices would do, because slices take numba twice as long to compile. Values that change
# together share one array, because LLVM vectorises only where it can prove that arrays do not overlap.


def _forward_block(
    b: int, e: int, u: Array, delta: Array, A: Array, B: Array, C: Array, D: Array, y: Array, starts: Array
) -> None:
    state = np.zeros((len(A), 2, LANES), np.float32)  # h, A
    row = np.empty((3, LANES), np.float32)  # delta, delta u, y
    _load(state, 1, A, e)
    for t in range(u.shape[1]):
        if t % CHUNK == 0 and 0 < t <= CHUNK * starts.shape[1]:
            _store(starts[b, t // CHUNK - 1], e, state, 0)
        for i in range(LANES):
            row[0, i] = delta[b, t, e + i]
            row[1, i] = delta[b, t, e + i] * u[b, t, e + i]
            row[2, i] = D[e + i] * u[b, t, e + i]
        for s in range(len(A)):
            Bs, Cs = B[b, t, s], C[b, t, s]
            for i in range(LANES):
                h = _exp(row[0, i] * state[s, 1, i]) * state[s, 0, i] + row[1, i] * Bs
                state[s, 0, i] = h
                row[2, i] += h * Cs
        for i in range(LANES):
            y[b, t, e + i] = row[2, i]


def _backward_block(
    b: int, e: int, u: Array, delta: Array, A: Array, B: Array, C: Array, D: Array, starts: Array, dy: Array,
    du: Array, ddelta: Array, dA: Array, dB: Array, dC: Array, dD: Array,
) -> None:  # fmt: skip
    T = u.shape[1]
    state = np.zeros((len(A), 4, LANES), np.float32)  # h, A, dh from later frames, dA
    past = np.empty((min(CHUNK, T), len(A), 2, LANES), np.float32)  # of each frame: h before it, and its decay
    row = np.zeros((6, LANES), np.float32)  # delta, delta u, dy, d(delta u), ddelta by the decay, dD
    _load(state, 1, A, e)
    for chunk in range((T - 1) // CHUNK, -1, -1):
        begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, T)
        if chunk:
            _load(state, 0, starts[b, chunk - 1], e)
        else:
            state[:, 0] = 0
        _restore(b, e, begin, end, u, delta, B, state, past, row)
        for t in range(end - 1, begin - 1, -1):
            for i in range(LANES):
                row[0, i] = delta[b, t, e + i]
                row[1, i] = delta[b, t, e + i] * u[b, t, e + i]
                row[2, i] = dy[b, t, e + i]
                row[3, i] = row[4, i] = 0
                row[5, i] += dy[b, t, e + i] * u[b, t, e + i]
            _step_back(b, t, past[t - begin], B, C, state, row, dB, dC)
            for i in range(LANES):
                du[b, t, e + i] = row[3, i] * row[0, i] + D[e + i] * row[2, i]
                ddelta[b, t, e + i] = row[3, i] * u[b, t, e + i] + row[4, i]
    _store(dA[b], e, state, 3)
    for i in range(LANES):
        dD[b, e + i] = row[5, i]


def _restore(
    b: int, e: int, begin: int, end: int, u: Array, delta: Array, B: Array, state: Array, past: Array, row: Array
) -> None:
    """Run forward through a chunk from the state before it, and fill ``past``."""
    for t in range(begin, end):
        for i in range(LANES):
            row[0, i] = delta[b, t, e + i]
            row[1, i] = delta[b, t, e + i] * u[b, t, e + i]
        for s in range(len(state)):
            Bs = B[b, t, s]
            for i in range(LANES):
                decay = _exp(row[0, i] * state[s, 1, i])
                past[t - begin, s, 0, i] = state[s, 0, i]
                past[t - begin, s, 1, i] = decay
                state[s, 0, i] = decay * state[s, 0, i] + row[1, i] * Bs


def _step_back(
    b: int, t: int, before: Array, B: Array, C: Array, state: Array, row: Array, dB: Array, dC: Array
) -> None:
    """Apply the chain rule to h_t = decay h_{t-1} + delta u B, y_t = C h_t; ``before`` is frame t of ``past``."""
    for s in range(len(state)):
        Bs, Cs, sum_b, sum_c = B[b, t, s], C[b, t, s], np.float32(0), np.float32(0)
        for i in range(LANES):
            kept = before[s, 1, i] * before[s, 0, i]
            dh = state[s, 2, i] + Cs * row[2, i]
            sum_c += row[2, i] * (kept + row[1, i] * Bs)
            sum_b += dh * row[1, i]
            row[3, i] += dh * Bs
            row[4, i] += dh * kept * state[s, 1, i]
            state[s, 3, i] += dh * kept * row[0, i]
            state[s, 2, i] = dh * before[s, 1, i]
        dB[b, t, s] += sum_b
        dC[b, t, s] += sum_c


def _load(state: Array, which: int, source: Array, e: int) -> None:
    """Copy the channels of ``source (S, E)`` from ``e`` on into ``state (S, …, LANES)``."""
    for s in range(len(state)):
        for i in range(LANES):
            state[s, which, i] = source[s, e + i]


def _store(target: Array, e: int, state: Array, which: int) -> None:
    """Copy ``state``, of these channels, back into ``target (S, E)``."""
    for s in range(len(state)):
        for i in range(LANES):
            target[s, e + i] = state[s, which, i]
