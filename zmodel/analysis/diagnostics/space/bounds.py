"""How near the best trials are to the bounds of a numeric parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.distributions import BaseDistribution, IntDistribution

from zmodel.analysis.statistics.intervals import outdoes
from zmodel.analysis.statistics.scale import Scale
from zmodel.analysis.statistics.selection import score, scored, top
from zmodel.study.cells import MOST_VALUES, cells_of, value_label
from zmodel.study.records import StudyRecord, TrialRecord

# a float counts as being at a bound within this part of its range
NEAR = 0.02
# Random trials seldom come so near: a float is also at a bound when CROWD of the best fifth, at
# least 10 trials, are in the outer quarter of its range, AT_EDGE of them in the outer half of that,
# and the quarter outdoes the next one so surely
CROWD, AT_EDGE, WIDE = 0.6, 0.3, 0.25
CROWD_SHARE, CROWD_LEAST, SURE = 0.2, 10, 0.95


@dataclass(frozen=True)
class Bound:
    """A numeric parameter. Places run from 0 (lower bound) to 1, on the scale it is sampled on.

    `at`: "low" or "high" when the best trial lies at that bound, or near it in a crowd;
    `top_share`: how many of the `top` trials lie at it; `crowd`: the share of the best fifth in the
    outer quarter of a range, 0 when few of them are near the bound; `steps`: number of values of an
    integer that has few, else None; `ahead`: how surely the bound's value (or quarter of the range)
    outdoes its inner neighbour, see `outdoes`.
    """

    param: str
    low: str
    high: str
    best_place: float
    top: tuple[float, ...]
    at: str | None
    top_share: float
    crowd: float
    steps: int | None
    ahead: float | None

    @property
    def edge(self) -> str:
        return self.low if self.at == "low" else self.high


def place_of(scale: Scale, trial: TrialRecord) -> float | None:
    return scale.unit(trial.params[scale.param]) if scale.param in trial.params else None


def bound_of(
    study: StudyRecord, scale: Scale, winner: TrialRecord, leaders: Sequence[TrialRecord]
) -> Bound:
    distribution = study.space[scale.param]
    steps = _few_steps(distribution)
    near = NEAR if steps is None else 0.0
    places = _places(scale, leaders)
    own = scale.unit(winner.params[scale.param])
    side, far = ("low", own) if own <= 0.5 else ("high", 1 - own)
    crowd = _crowd(study, scale, side) if steps is None and far <= WIDE else 0.0
    ahead = _ahead(study, scale.param, side) if far <= near or crowd >= CROWD else None
    is_at = far <= near or (crowd >= CROWD and (ahead or 0.0) >= SURE)
    return Bound(
        scale.param,
        value_label(distribution.low),  # type: ignore[attr-defined]
        value_label(distribution.high),  # type: ignore[attr-defined]
        own,
        tuple(places),
        side if is_at else None,
        _part(places, side, near) if is_at else 0.0,
        crowd if is_at else 0.0,
        steps,
        ahead if is_at else None,
    )


def _few_steps(distribution: BaseDistribution) -> int | None:
    """The values of an integer that is not cut into ranges."""
    if not isinstance(distribution, IntDistribution):
        return None
    count = (distribution.high - distribution.low) // distribution.step + 1
    return count if count <= MOST_VALUES else None


def _places(scale: Scale, trials: Sequence[TrialRecord]) -> list[float]:
    return [place for t in trials if (place := place_of(scale, t)) is not None]


def _crowd(study: StudyRecord, scale: Scale, side: str) -> float:
    """The share of the best fifth in the outer quarter; 0 when too few are near the bound."""
    if len(scored(study)) < 2 * CROWD_LEAST:
        return 0.0
    places = _places(scale, top(study, CROWD_SHARE, CROWD_LEAST))
    return _part(places, side, WIDE) if _part(places, side, WIDE / 2) >= AT_EDGE else 0.0


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
