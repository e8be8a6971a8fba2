"""Uncertainty: bootstrap intervals of a statistic and Wilson intervals of a share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

LEVEL = 0.95
ROUNDS = 400

# a statistic of many samples at once: (rounds, n) -> (rounds,)
Statistic = Callable[[np.ndarray], np.ndarray]


def median(samples: np.ndarray) -> np.ndarray:
    return np.median(samples, axis=-1)


def mean(samples: np.ndarray) -> np.ndarray:
    return np.mean(samples, axis=-1)


def bootstrap(
    values: Sequence[float], statistic: Statistic = median, rounds: int = ROUNDS, seed: int = 0
) -> tuple[float, float] | None:
    """Percentile bootstrap interval (Efron 1979) at LEVEL; None for fewer than 3 values.

    Deterministic: the same values give the same interval.
    """
    if len(values) < 3:
        return None
    data = np.asarray(values, dtype=float)
    draws = np.random.default_rng(seed).integers(0, len(data), size=(rounds, len(data)))
    return spread(statistic(data[draws]))


def spread(samples: Sequence[float] | np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The central `level` of samples."""
    tail = (1 - level) / 2
    low, high = np.quantile(np.asarray(samples, dtype=float), [tail, 1 - tail])
    return float(low), float(high)


def outdoes(
    first: Sequence[float],
    second: Sequence[float],
    best: int = 3,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> float | None:
    """How surely the first sample's best values are larger than the second's.

    The share of bootstrap rounds in which the mean of its `best` largest values is larger, with
    as many draws from both: whoever was tried more often has the larger maximum by that alone.
    None when one has fewer than `best` values.
    """
    n = min(len(first), len(second))
    if n < best:
        return None
    rng = np.random.default_rng(seed)
    means = []
    for values in (first, second):
        data = np.asarray(values, dtype=float)
        draws = np.sort(data[rng.integers(0, len(data), (rounds, n))], axis=1)
        means.append(draws[:, -best:].mean(axis=1))
    return float(np.mean(means[0] > means[1]))


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson score interval (Wilson 1927) of a share at 95 %; (0, 1) without observations."""
    if n == 0:
        return 0.0, 1.0
    z = 1.959964
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
