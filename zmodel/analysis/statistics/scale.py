"""The axis of a parameter: numbers on their scale, categories in order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from zmodel.study.cells import Cells, cells_of
from zmodel.study.records import StudyRecord

MOST_STEPS = 20
"""An integer of more values is as good as continuous."""


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

    @property
    def steps(self) -> list[float] | None:
        """Places, 0 to 1, of the values of a category or of an integer of few values; None for
        what is as good as continuous."""
        if self.cells is not None:
            return [self.unit(cell.target) for cell in self.cells]
        if not self.integer or self.high - self.low >= MOST_STEPS:
            return None
        return [self.unit(value) for value in range(int(self.low), int(self.high) + 1)]


def scale_of(study: StudyRecord, param: str) -> Scale:
    distribution = study.space[param]
    if isinstance(distribution, CategoricalDistribution):
        cells = cells_of(study, param)
        return Scale(param, 0.0, float(len(cells) - 1), False, cells, False)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    integer = isinstance(distribution, IntDistribution)
    low, high = float(distribution.low), float(distribution.high)
    return Scale(param, low, high, distribution.log, None, integer)
