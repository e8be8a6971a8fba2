"""Whether a value with few trials could still win with more of them.

The estimate uses what the other values gained. What its trials lost by ending early: could_win.py.

The best of a value's first few trials says little by itself. But the same study shows how much
other values, tried more often, gained from an equally small start to their final best. A value
with k completed trials *can win* when such a gain would lift its best above the study's best:

    chance = share of gains g, drawn from the other values, with best + g > best of the study

For one other value a gain is drawn as its final best minus the best of k trials taken without
replacement from the earlier half of its trials, where the sampler had not yet refined them.
Nothing is assumed about the metric's distribution. With no completed trial nothing is known and
the chance is 1. The thresholds built on it are calibrated in docs/measured/verdicts.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CHANCE = 0.02
"""With a smaller one, and this many completed trials, a value counts as given up with reason; how
these numbers were chosen: docs/measured/verdicts.md."""
LEAST_TO_JUDGE = 3
DRAWS = 200
# a value teaches gains only when it went clearly beyond k trials
LEAST_RATIO = 2
LEAST_TAUGHT = 6


def chances(scores: Sequence[Sequence[float]], seed: int = 0) -> list[float]:
    """The chance to win of each cell, from its completed trials' scores in order of time."""
    leader = max((max(s) for s in scores if s), default=None)
    if leader is None:
        return [1.0] * len(scores)
    rng = np.random.default_rng(seed)
    return [_chance(scores, at, leader, rng) for at in range(len(scores))]


def _chance(
    scores: Sequence[Sequence[float]], at: int, leader: float, rng: np.random.Generator
) -> float:
    own = scores[at]
    if not own or max(own) == leader:
        return 1.0
    gains = [
        _gains(np.asarray(other, dtype=float), len(own), rng)
        for i, other in enumerate(scores)
        if i != at and len(other) >= max(LEAST_TAUGHT, LEAST_RATIO * len(own))
    ]
    if not gains:
        return _chance_by_own_spread(own, leader)
    return float(np.mean(np.concatenate(gains) + max(own) > leader))


def _gains(other: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    early = other[: max(k, len(other) // 2)]
    picks = rng.random((DRAWS, len(early))).argsort(axis=1)[:, :k]
    return other.max() - early[picks].max(axis=1)


def _chance_by_own_spread(own: Sequence[float], leader: float) -> float:
    """Nobody was tried much more often: the value's own upper spread has to say."""
    if len(own) < 3:
        return 1.0
    values = np.asarray(own, dtype=float)
    reach = values.max() + (values.max() - np.median(values))
    return 1.0 if reach > leader else 0.0
