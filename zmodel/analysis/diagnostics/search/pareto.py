"""The Pareto front of several objectives, or of value and cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.depths import Depths, depths_of
from zmodel.analysis.statistics.selection import (
    need_scored,
    objective_name,
    objective_names,
    recorded_seconds,
    sign,
)
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Pareto front"
QUESTION = "What is the least one must pay for a given value?"
SIZE = (style.WIDTH, 3.2)
COSTS: dict[str, Callable[[TrialRecord], float | None]] = {
    "weights": lambda trial: attr(trial, "parameters"),
    "seconds": recorded_seconds,
}


@dataclass(frozen=True)
class ParetoPoint:
    trial: int
    x: float
    y: float
    front: bool


@dataclass(frozen=True)
class Pareto:
    """Points from cheap to dear, or from good to bad in the second objective."""

    x: str
    y: str
    points: tuple[ParetoPoint, ...]
    maximize: bool
    depths: Depths

    @property
    def front(self) -> list[ParetoPoint]:
        return [p for p in self.points if p.front]


def data(study: StudyRecord) -> Pareto:
    trials = need_scored(study)
    if len(study.directions) > 1:
        y, x, *_ = objective_names(study)
        pairs = [(t, t.values[1], t.values[0]) for t in trials if t.values and len(t.values) > 1]
        points = _points(pairs, study.directions[1] == "maximize", sign(study))
        return Pareto(x, y, points, sign(study) > 0, depths_of(study))
    for name, cost in COSTS.items():
        costs = [(t, c, float(t.value or 0.0)) for t in trials if (c := cost(t))]
        if len(costs) >= 2:
            points = _points(costs, False, sign(study))
            y = objective_name(study)
            return Pareto(name, y, points, sign(study) > 0, depths_of(study))
    raise Unavailable("needs several objectives, or two completed trials that recorded their cost")


def _points(
    trials: Sequence[tuple[TrialRecord, float, float]], larger_x: bool, worth: float
) -> tuple[ParetoPoint, ...]:
    # cheapest first, the best of equally cheap ones first: a point is on the front when it is
    # better than all before it
    cost = -1 if larger_x else 1
    order = sorted(trials, key=lambda p: (cost * p[1], -worth * p[2], p[0].number))
    points, best = [], float("-inf")
    for trial, a, b in order:
        points.append(ParetoPoint(trial.number, a, b, worth * b > best))
        best = max(best, worth * b)
    return tuple(points)


def draw(record: Pareto, ax: Axes) -> None:
    for points, size in ((record.points, 18), (record.front, 34)):
        places = [p.x for p in points], [p.y for p in points]
        marks.trials(ax, *places, [p.trial for p in points], record.depths, size)
    front = [p.x for p in record.front], [p.y for p in record.front]
    marks.steps(ax, *front, label="Pareto front")
    marks.depth_legend(ax, record.depths)
    if min(p.x for p in record.points) > 0 and record.x in COSTS:
        axes.log_axis(ax)
        ax.set_xlabel(f"{record.x} (log scale)")
    else:
        ax.set_xlabel(record.x)
    value_axis(ax, record.y, [p.y for p in record.points], record.maximize)
    axes.legend_above(ax)


def rows(record: Pareto) -> list[Row]:
    return [
        {"trial": p.trial, record.x: p.x, record.y: p.y, "front": p.front} for p in record.points
    ]


def caption(record: Pareto) -> str:
    front = record.front
    numbers = ", ".join(str(p.trial) for p in front[:12]) + ("…" if len(front) > 12 else "")
    return f"{len(front)} of {len(record.points)} trials are on the front: {numbers}."
