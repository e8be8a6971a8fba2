"""Which part of its search space a study has left open.

Where its best trial may still be beaten.

Open are the trials that cannot be distinguished from the best one, and the best fifth, at least
`LEAST`:

- of a number, the range of the open trials and a margin on each side, the mean distance between
  them, at least a twentieth of the declared range, on the scale it is sampled on;
- of choices, and of every value of a depth, those that an open trial has, that win bootstrap
  rounds, or that were hardly tried: these have not been ruled out.

A parameter of which one value is left is fixed. One that few of the open trials have stays whole.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.analysis.diagnostics.search import noise
from zmodel.analysis.diagnostics.space.cell_trials import RIVAL, CellTrials, param_trials
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.statistics.selection import need_scored, structural, top
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord

SHARE, LEAST = 0.2, 5
MARGIN = 0.05
FEW = 3
"""Fewer completed trials than this rule nothing out."""


def open_space(study: StudyRecord) -> dict[str, BaseDistribution]:
    """The distributions that are left; Unavailable when no trial has completed."""
    need_scored(study)
    trials = _open_trials(study)
    return {
        name: now if now.single() else _left(study, name, now, trials)
        for name, now in study.space.items()
    }


def _open_trials(study: StudyRecord) -> list[TrialRecord]:
    found = {t.number: t for t in top(study, SHARE, LEAST)}
    try:
        alike = {t.trial for t in noise.data(study).alike}
    except Unavailable:
        alike = set()
    found |= {t.number: t for t in study.trials if t.number in alike}
    return list(found.values())


def _left(
    study: StudyRecord, name: str, now: BaseDistribution, trials: Sequence[TrialRecord]
) -> BaseDistribution:
    values = [t.params[name] for t in trials if name in t.params]
    if len(values) < FEW:
        return now
    if isinstance(now, CategoricalDistribution):
        kept = _kept(study, name, values)
        return CategoricalDistribution([c for i, c in enumerate(now.choices) if i in kept])
    assert isinstance(now, FloatDistribution | IntDistribution)
    if name in structural(study) and not (cells := cells_of(study, name)).are_ranges:
        inside = [cells[i].target for i in _kept(study, name, values)]
        return _between(now, min(inside), max(inside))
    return _around(now, values)


def _kept(study: StudyRecord, name: str, values: Sequence[Any]) -> set[int]:
    """The places of the values that have not been ruled out."""
    cells, tried = cells_of(study, name), param_trials(study, name).cells
    kept = {at for value in values if (at := cells.at(value)) is not None}
    return kept | {i for i, cell in enumerate(tried) if _is_open(cell)}


def _is_open(cell: CellTrials) -> bool:
    if cell.wins >= RIVAL:
        return True
    return cell.states["complete"] < FEW and cell.states["failed"] < FEW and not cell.given_up


def _around(now: FloatDistribution | IntDistribution, values: Sequence[Any]) -> BaseDistribution:
    def place(value: float) -> float:
        return math.log(value) if now.log else float(value)

    first, last = place(now.low), place(now.high)
    places = sorted(map(place, values))
    spacing = (places[-1] - places[0]) / (len(places) - 1)
    margin = max(spacing, MARGIN * (last - first))
    low, high = max(first, places[0] - margin), min(last, places[-1] + margin)
    return _between(now, *(math.exp(x) if now.log else x for x in (low, high)))


def _between(
    now: FloatDistribution | IntDistribution, low: float, high: float
) -> FloatDistribution | IntDistribution:
    """`now` from `low` to `high`, rounded outward to its steps or to three digits."""
    left = copy.copy(now)
    if now.step is None:
        low, high = _digits(low, math.floor), _digits(high, math.ceil)
    else:
        low = now.low + math.floor((low - now.low) / now.step + 1e-9) * now.step
        high = now.low + math.ceil((high - now.low) / now.step - 1e-9) * now.step
    kind = int if isinstance(now, IntDistribution) else float
    left.low, left.high = kind(max(now.low, low)), kind(min(now.high, high))
    return left


def _digits(value: float, way: Any, digits: int = 3) -> float:
    if value == 0:
        return 0.0
    unit = digits - 1 - math.floor(math.log10(abs(value)))
    return float(way(value * 10**unit) / 10**unit)


def part_left(space: dict[str, BaseDistribution], left: dict[str, BaseDistribution]) -> float:
    """The part of a space that is left, as a product over its parameters."""
    return math.prod(_width(left[name]) / _width(now) for name, now in space.items())


def _width(distribution: BaseDistribution) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = float(distribution.low), float(distribution.high)
    half = (distribution.step or 0) / 2
    if distribution.log:
        return math.log((high + half) / (low - half)) or 1.0
    return high - low + 2 * half or 1.0
