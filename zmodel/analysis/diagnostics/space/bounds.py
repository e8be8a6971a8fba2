"""How near the best trials are to the bounds of a numeric parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from optuna.distributions import BaseDistribution, IntDistribution

from zmodel.analysis.statistics.could_win import chance_gap
from zmodel.analysis.statistics.intervals import outdoes
from zmodel.analysis.statistics.rising import Surface, surface
from zmodel.analysis.statistics.scale import Scale
from zmodel.analysis.statistics.selection import best, score, scored
from zmodel.study.cells import MOST_VALUES, cells_of, value_label
from zmodel.study.records import StudyRecord, TrialRecord

# a float counts as being at a bound within this part of its range
NEAR = 0.02
# Random trials seldom come so near: a range is also too narrow when values rise towards the bound,
# all other parameters alike, still do over the outer half of the fit (by each p-value and, as in
# Fisher (1932), their product), and would gain so much of the best value, and more than chance,
# over the part by which a range is widened. A weak trend could not change what the study says.
EACH, BOTH, OUTER_PLACE, WIDENED, GAIN = 0.05, 1e-6, 0.25, 1 / 3, 0.02
# trials that must lie in the outer quarter: a fit says nothing of where nobody went
TRIED = 5


@dataclass(frozen=True)
class Rise:
    """Towards a bound: p-values of none over the range (`trend`) and over its outer half (`outer`),
    None for an integer of few values and where few trials are near; `gain`: of a range that goes on
    by a third, at that slope."""

    trend: float | None = None
    outer: float | None = None
    gain: float = 0.0

    @property
    def is_sure(self) -> bool:
        if self.trend is None or self.outer is None:
            return False
        return max(self.trend, self.outer) <= EACH and self.trend * self.outer <= BOTH


@dataclass(frozen=True)
class Bound:
    """A numeric parameter. Places run from 0 (lower bound) to 1, on the scale it is sampled on.

    `at`: "low" or "high" when the best trial lies at that bound, or values still rise there;
    `top_share`: how many of the `top` trials lie at it; `steps`: number of values of an integer
    that has few, else None; `ahead`: how surely the bound's value outdoes its inner neighbour, see
    `outdoes`; `rise`: of values towards the bound, all other parameters alike (rising.py), and
    whether they do so enough, `rising`.
    """

    param: str
    low: str
    high: str
    best_place: float
    top: tuple[float, ...]
    at: str | None
    top_share: float
    steps: int | None
    ahead: float | None
    rise: Rise
    rising: bool

    @property
    def edge(self) -> str:
        return self.low if self.at == "low" else self.high


def place_of(scale: Scale, trial: TrialRecord) -> float | None:
    return scale.unit(trial.params[scale.param]) if scale.param in trial.params else None


def bounds_of(
    study: StudyRecord, scales: Iterable[Scale], leaders: Sequence[TrialRecord]
) -> tuple[Bound, ...]:
    """Of the numeric parameters that the best trial has."""
    winner, trials = best(study), scored(study)
    fit = surface(study, trials, [score(study, t) or 0.0 for t in trials])
    least = max(chance_gap(study, winner), GAIN * abs(winner.value or 0.0))
    return tuple(
        _bound(study, scale, winner, leaders, fit, least)
        for scale in scales
        if scale.cells is None and scale.param in winner.params
    )


def _bound(
    study: StudyRecord,
    scale: Scale,
    winner: TrialRecord,
    leaders: Sequence[TrialRecord],
    fit: Surface,
    least: float,
) -> Bound:
    """`least`: what values must gain beyond the bound."""
    distribution = study.space[scale.param]
    steps = _few_steps(distribution)
    near = NEAR if steps is None else 0.0
    places = _places(scale, leaders)
    own = scale.unit(winner.params[scale.param])
    side, far = ("low", own) if own <= 0.5 else ("high", 1 - own)
    # where the best trial lies may be luck
    rises = {at: Rise() if steps else _rise(fit, scale.param, at) for at in ("low", "high")}
    steep = [at for at, rise in rises.items() if rise.is_sure and rise.gain > least]
    if far > near and steep:
        side = steep[0]
    is_at = far <= near or bool(steep)
    return Bound(
        scale.param,
        value_label(distribution.low),  # type: ignore[attr-defined]
        value_label(distribution.high),  # type: ignore[attr-defined]
        own,
        tuple(places),
        side if is_at else None,
        _part(places, side, near) if is_at else 0.0,
        steps,
        _ahead(study, scale.param, side) if far <= near else None,
        rises[side],
        side in steep,
    )


def _rise(fit: Surface, param: str, side: str) -> Rise:
    if param not in fit.columns:
        return Rise()
    axis = (-1 if side == "low" else 1) * fit.columns[param][:, 0]
    if np.sum(axis >= OUTER_PLACE) < TRIED:
        return Rise()
    trend, outer = fit.rises(axis, (param,)), fit.rises_at(OUTER_PLACE, axis, (param,))
    return Rise(trend, outer, WIDENED * fit.slope_at(OUTER_PLACE, axis, (param,)))


def _few_steps(distribution: BaseDistribution) -> int | None:
    """The values of an integer that is not cut into ranges."""
    if not isinstance(distribution, IntDistribution):
        return None
    count = (distribution.high - distribution.low) // distribution.step + 1
    return count if count <= MOST_VALUES else None


def _places(scale: Scale, trials: Sequence[TrialRecord]) -> list[float]:
    return [place for t in trials if (place := place_of(scale, t)) is not None]


def _part(places: Sequence[float], side: str, within: float) -> float:
    """The share of the places so near to the bound."""
    off = [place if side == "low" else 1 - place for place in places]
    return sum(d <= within for d in off) / len(off) if off else 0.0


def _ahead(study: StudyRecord, param: str, at: str) -> float | None:
    """The bound's cell against the next one inside; None when too few trials completed there."""
    groups = cells_of(study, param).split(scored(study))
    if len(groups) < 2:
        return None
    edge, inner = (groups[0], groups[1]) if at == "low" else (groups[-1], groups[-2])
    values = [[score(study, t) or 0.0 for t in group] for group in (edge, inner)]
    return outdoes(values[0], values[1])
