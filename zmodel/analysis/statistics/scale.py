"""The axis of a parameter: numbers on their scale, categories in order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from zmodel.study.cells import Cells, cells_of
from zmodel.study.records import StudyRecord


@dataclass(frozen=True)
class Scale:
    """`cells`: those of a categorical parameter, else None; `low`, `high` in its own unit."""

    param: str
    low: float
    high: float
    log: bool
    cells: Cells | None
    integer: bool

    def place(self, value: Any) -> float:
        """Where a value lies on the axis; an undeclared category lies beyond the last."""
        if self.cells is None:
            return float(value)
        at = self.cells.at(value)
        return float(len(self.cells) if at is None else at)

    def unit(self, value: Any) -> float:
        """The place scaled to 0 ... 1, on the logarithm where the parameter is sampled so."""
        place, low, high = self.place(value), self.low, self.high
        if self.log:
            place, low, high = math.log(max(place, 1e-300)), math.log(low), math.log(high)
        return min(1.0, max(0.0, (place - low) / (high - low))) if high > low else 0.5


def scale_of(study: StudyRecord, param: str) -> Scale:
    distribution = study.space[param]
    if isinstance(distribution, CategoricalDistribution):
        cells = cells_of(study, param)
        return Scale(param, 0.0, float(len(cells) - 1), False, cells, False)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    integer = isinstance(distribution, IntDistribution)
    low, high = float(distribution.low), float(distribution.high)
    return Scale(param, low, high, distribution.log, None, integer)
