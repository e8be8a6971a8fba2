"""Bootstrap intervals, and how often one sample beats the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

LEVEL = 0.95
ROUNDS = 400
# samples are compared by the mean of so many largest values
TOP = 3

# a statistic of many samples at once: (rounds, n) -> (rounds,)
Statistic = Callable[[np.ndarray], np.ndarray]


def median(samples: np.ndarray) -> np.ndarray:
    return np.median(samples, axis=-1)


def mean(samples: np.ndarray) -> np.ndarray:
    return np.mean(samples, axis=-1)


def bootstrap(
    values: Sequence[float], statistic: Statistic = median, rounds: int = ROUNDS, seed: int = 0
) -> tuple[float, float] | None:
    """Percentile bootstrap interval (Efron 1979) at LEVEL that holds the statistic itself.

    None for fewer than 3 values. Deterministic: the same values give the same interval.
    """
    if len(values) < 3:
        return None
    data = np.asarray(values, dtype=float)
    draws = np.random.default_rng(seed).integers(0, len(data), size=(rounds, len(data)))
    low, high = spread(statistic(data[draws]))
    own = float(statistic(data))
    return min(low, own), max(high, own)


def spread(samples: Sequence[float] | np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The central `level` of samples."""
    tail = (1 - level) / 2
    low, high = np.quantile(np.asarray(samples, dtype=float), [tail, 1 - tail])
    return float(low), float(high)


def best_of(values: Sequence[float], count: int, rounds: int = ROUNDS) -> tuple[float, ...] | None:
    """The largest of `count` draws of the values: its mean and interval at LEVEL.

    With the same `count` for all, samples of unequal size are compared fairly. None for fewer than
    `count` values, or fewer than 3.
    """
    if len(values) < max(3, count):
        return None
    data = np.asarray(values, dtype=float)
    draws = np.random.default_rng(0).integers(0, len(data), size=(rounds, count))
    largest = data[draws].max(axis=1)
    return (float(largest.mean()), *spread(largest))


def outdoes(
    first: Sequence[float],
    second: Sequence[float],
    best: int = TOP,
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


def wins(
    samples: Sequence[Sequence[float]], best: int = TOP, rounds: int = 1000, seed: int = 0
) -> list[float]:
    """Share of bootstrap rounds in which the mean of a sample's `best` largest values is ahead.

    A sample of fewer than `best` values cannot be resampled meaningfully and never wins.
    """
    rng = np.random.default_rng(seed)
    means = np.full((len(samples), rounds), -np.inf)
    for row, values in enumerate(samples):
        if len(values) >= best:
            data = np.asarray(values, dtype=float)
            draws = data[rng.integers(0, len(data), (rounds, len(data)))]
            means[row] = np.partition(draws, -best, axis=1)[:, -best:].mean(axis=1)
    if not np.isfinite(means).any():
        return [0.0] * len(samples)
    counts = np.bincount(means.argmax(axis=0), minlength=len(samples))
    return [float(n) / rounds for n in counts]


def around(
    value: float, samples: Sequence[float], level: float = LEVEL
) -> tuple[float | None, float | None]:
    """The central `level` of resampled values, widened to hold the estimate itself.

    Resampling repeats trials, which shifts some statistics; an estimate outside its own interval
    would be read as a contradiction. Without samples there is no interval.
    """
    if len(samples) == 0:
        return None, None
    low, high = spread(samples, level)
    return min(low, value), max(high, value)
