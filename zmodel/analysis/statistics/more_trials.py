"""Estimates what further trials would gain.

The estimate uses the upper tail of those that there are.

Random points near an optimum miss it by r with a chance that grows as r^(d / 2), d being the number
of parameters that matter. Lourie et al. (arXiv 2311.09480, 2510.02721) fit this law to random
search and take bands from it. In terms of extremes it is a generalised Pareto tail of shape -2 / d
beyond a threshold (J. Pickands, Annals of Statistics 3, 1975). Here

- the threshold u is below the best quarter of the trials, at least `LEAST` of them;
- d is one of `MATTER`; without an end it is an exponential tail, as noise has it, with half of the
  weight beforehand;
- the scale has Jeffreys' prior. All shapes and scales are kept, weighted by how well they explain
  the excesses over u: few trials mean a wide answer;
- the chance q that the next trial exceeds u is that of the latest half of the trials, with
  Jeffreys' prior. A sampler that learns exceeds it ever more often, a random one as often as ever.

A trial gains more than g over the best, b, with probability q P(excess > b - u + g), and the next
`ahead` trials count as independent. Trials without a value (failed, pruned) exceed nothing.
How often intervals hold: `benchmarks/enough.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AHEAD = 20
LEVEL = 0.9
LEAST = 6
SHARE = 0.25
MATTER = {2.0: 1, 4.0: 1, 8.0: 1, math.inf: 3}
"""Parameters that matter, and how likely each number is beforehand, in sixths."""
SCALES = 60
NEAREST, FARTHEST = 1e-3, 30.0
"""How far an end of the tail may lie beyond the best excess, in its multiples."""
RATES = 9


@dataclass(frozen=True)
class FurtherGain:
    """Of the next `ahead` trials: `high` is gained at most with 90 %, `chance` is that of any gain.

    `halve`: so many trials halve the regret that remains, the median with the ends of a 90 %
    interval. An end is infinite where a tail without an end cannot be ruled out.
    """

    ahead: int
    high: float
    chance: float
    halve: tuple[float, float, float]


@dataclass(frozen=True)
class _Tail:
    """Weighted tails: `shapes`, `scales` and `weights` are of one length; rates are as likely."""

    shapes: np.ndarray
    scales: np.ndarray
    weights: np.ndarray
    rates: np.ndarray

    def beyond(self, excess: np.ndarray) -> np.ndarray:
        """The chance that an excess is larger: a row for each of `excess`, or for each tail."""
        with np.errstate(divide="ignore", invalid="ignore"):
            bounded = np.clip(1 + self.shapes * excess / self.scales, 0, None) ** (-1 / self.shapes)
        return np.where(self.shapes == 0, np.exp(-excess / self.scales), bounded)


def gain_of_more(
    scores: Sequence[float],
    best: float | None = None,
    ceiling: float = math.inf,
    ahead: int = AHEAD,
) -> FurtherGain | None:
    """What the next trials like these would gain over `best`; None when that cannot be said.

    Args:
        scores: of all ended trials in order of their ends, larger is better; -inf without a value.
        best: of the study, by default the best of these.
        ceiling: no score is above it.
    """
    known = np.sort([s for s in scores if math.isfinite(s)])[::-1]
    if len(known) <= LEAST:
        return None
    top = float(known[0]) if best is None else best
    if top >= ceiling:
        return FurtherGain(ahead, 0.0, 0.0, (0.0, 0.0, 0.0))
    count = min(len(known) - 1, max(LEAST, math.ceil(SHARE * len(known))))
    threshold = float(known[count])
    excesses = known[:count] - threshold
    if excesses[0] <= 0:  # the best are all alike
        return None
    recent = np.asarray(scores[-max(8, round(len(scores) / 2)) :])
    above = int((recent > threshold).sum())
    tail = _tail(excesses, above, len(recent) - above)
    far = top - threshold
    steps = excesses[0] * np.exp(np.linspace(math.log(1e-4), math.log(20), 70))
    gains = np.concatenate([[0.0], steps])
    larger = tail.beyond(far + gains[:, None])
    within = np.mean([(1 - q * larger) ** ahead @ tail.weights for q in tail.rates], axis=0)
    high = min(float(np.interp(LEVEL, within, gains)) if within[0] < LEVEL else 0.0, ceiling - top)
    return FurtherGain(ahead, high, 1 - float(within[0]), _halving(tail, far, ceiling - top))


def _tail(excesses: np.ndarray, above: int, below: int) -> _Tail:
    count, largest = len(excesses), excesses[0]
    width = math.log(FARTHEST / NEAREST)
    shapes, scales, logs = [], [], []
    for matter, weight in MATTER.items():
        shape = -2 / matter
        if shape:
            end = largest * (1 + np.exp(np.linspace(math.log(NEAREST), math.log(FARTHEST), SCALES)))
            scale = end * -shape
            fit = -count * np.log(scale)
            fit += (-1 / shape - 1) * np.log1p(-excesses / end[:, None]).sum(axis=1)
            fit += np.log((end - largest) / end * width)  # evenly in the logarithm of the scale
        else:
            scale = excesses.mean() * np.exp(np.linspace(-2.5, 2.5, SCALES))
            fit = -count * np.log(scale) - excesses.sum() / scale + math.log(5)
        shapes.append(np.full(SCALES, shape))
        scales.append(scale)
        logs.append(fit + math.log(weight))
    log = np.concatenate(logs)
    weights = np.exp(log - log.max())
    draws = np.random.default_rng(0).beta(above + 0.5, below + 0.5, 4000)
    rates = np.quantile(draws, (np.arange(RATES) + 0.5) / RATES)
    return _Tail(np.concatenate(shapes), np.concatenate(scales), weights / weights.sum(), rates)


def _halving(tail: _Tail, far: float, room: float) -> tuple[float, float, float]:
    """Median and 90 % interval of the trials until one halves the way to the end of the tail."""
    with np.errstate(divide="ignore"):
        ends = np.where(tail.shapes < 0, -tail.scales / tail.shapes, math.inf)
    left = np.minimum(ends - far, room)
    open_ = np.isfinite(left)
    half = np.where(open_, far + np.maximum(left, 0) / 2, math.inf)
    chances = np.where(open_, tail.beyond(half), 0.0)
    tries = np.unique(np.round(np.geomspace(1, 1e5, 100)))
    done = np.zeros(len(tries))
    for rate in tail.rates:
        one = np.clip(rate * chances, 0, 1 - 1e-12)
        done += (1 - np.exp(np.log1p(-one) * tries[:, None])) @ tail.weights / len(tail.rates)
    found = (np.searchsorted(done, p) for p in (0.5, (1 - LEVEL) / 2, (1 + LEVEL) / 2))
    median, low, high = (float(tries[i]) if i < len(tries) else math.inf for i in found)
    return median, low, high
