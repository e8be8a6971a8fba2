"""The axis of a parameter: numbers on their own scale, categories in their order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from zmodel.analysis.page import style
from zmodel.study.cells import MOST_VALUES, value_label
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Scale:
    """`choices`: labels of a categorical parameter, else None; `low`, `high` in its own unit."""

    param: str
    low: float
    high: float
    log: bool
    choices: tuple[str, ...] | None
    integer: bool

    def place(self, value: Any) -> float:
        """Where a value lies on the axis; an undeclared category lies beyond the last."""
        if self.choices is None:
            return float(value)
        text = value_label(value)
        return float(self.choices.index(text) if text in self.choices else len(self.choices))

    def unit(self, value: Any) -> float:
        """The place scaled to 0 ... 1, on the logarithm where the parameter is sampled so."""
        place, low, high = self.place(value), self.low, self.high
        if self.log:
            place, low, high = math.log(max(place, 1e-300)), math.log(low), math.log(high)
        return min(1.0, max(0.0, (place - low) / (high - low))) if high > low else 0.5

    def apply(self, ax: Axes, axis: str = "x") -> None:
        """Set scale, ticks and limits of one axis."""
        one = getattr(ax, f"{axis}axis")
        if self.choices is not None:
            one.set_ticks(range(len(self.choices)))
            names = [c if len(c) <= 14 else c[:12] + "…" for c in self.choices]
            one.set_ticklabels(names)
            margin = 0.5
            getattr(ax, f"set_{axis}lim")(-margin, len(self.choices) - 1 + margin)
        elif self.log:
            getattr(ax, f"set_{axis}lim")(self.low / 1.2, self.high * 1.2)
            style.log_axis(ax, axis, most=4)
        elif self.integer and self.high - self.low < MOST_VALUES:
            getattr(ax, f"set_{axis}lim")(self.low - 0.4, self.high + 0.4)
            one.set_ticks(range(int(self.low), int(self.high) + 1))


def scale_of(study: StudyRecord, param: str) -> Scale:
    distribution = study.space[param]
    if isinstance(distribution, CategoricalDistribution):
        choices = tuple(value_label(choice) for choice in distribution.choices)
        return Scale(param, 0.0, float(len(choices) - 1), False, choices, False)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    integer = isinstance(distribution, IntDistribution)
    low, high = float(distribution.low), float(distribution.high)
    return Scale(param, low, high, distribution.log, None, integer)
