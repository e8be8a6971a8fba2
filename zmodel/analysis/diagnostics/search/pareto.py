"""The Pareto front: of the objectives, or of the one objective against what a trial costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics.selection import (
    objective_name,
    objective_names,
    recorded_seconds,
    scored,
)
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Pareto front"
QUESTION = "What is the least one must pay for a given value?"
SIZE = (7.2, 3.2)


@dataclass(frozen=True)
class Point:
    number: int
    x: float
    y: float
    front: bool


@dataclass(frozen=True)
class Pareto:
    """`larger_x`, `larger_y`: whether larger is better; points ordered by x."""

    x: str
    y: str
    larger_x: bool
    larger_y: bool
    points: tuple[Point, ...]

    @property
    def front(self) -> list[Point]:
        return [p for p in self.points if p.front]


def data(study: StudyRecord) -> Pareto:
    trials = scored(study)
    if len(study.directions) > 1:
        names = objective_names(study)
        pairs = [(t, t.values[1], t.values[0]) for t in trials if t.values and len(t.values) > 1]
        return _pareto(
            pairs,
            names[1],
            names[0],
            study.directions[1] == "maximize",
            study.directions[0] == "maximize",
        )
    for name, cost in (("weights", lambda t: attr(t, "parameters")), ("seconds", recorded_seconds)):
        costs = [(t, c, float(t.value or 0.0)) for t in trials if (c := cost(t))]
        if len(costs) >= 2:
            larger = study.directions[0] == "maximize"
            return _pareto(costs, name, objective_name(study), False, larger)
    raise Unavailable("needs several objectives, or two completed trials that recorded their cost")


def _pareto(
    trials: Sequence[tuple[TrialRecord, float, float]],
    x: str,
    y: str,
    larger_x: bool,
    larger_y: bool,
) -> Pareto:
    # cheapest first, the best of equally cheap ones first: a point is on the front when it is
    # better than all before it
    cost, worth = (-1 if larger_x else 1), (1 if larger_y else -1)
    order = sorted(trials, key=lambda p: (cost * p[1], -worth * p[2], p[0].number))
    points, best = [], float("-inf")
    for trial, a, b in order:
        points.append(Point(trial.number, a, b, worth * b > best))
        best = max(best, worth * b)
    if not points:
        raise Unavailable("no trial has completed")
    return Pareto(x, y, larger_x, larger_y, tuple(points))


def draw(record: Pareto, ax: Axes) -> None:
    ax.scatter(
        [p.x for p in record.points],
        [p.y for p in record.points],
        s=18,
        linewidths=0,
        color=style.ACCENT,
        alpha=0.45,
        label="completed trial",
        rasterized=len(record.points) > 300,
    )
    front = record.front
    ax.plot(
        [p.x for p in front],
        [p.y for p in front],
        color=style.SECOND,
        marker="o",
        markersize=5,
        drawstyle="steps-post",
        label="Pareto front",
    )
    if min(p.x for p in record.points) > 0 and record.x in ("weights", "seconds"):
        style.log_axis(ax)
    ax.set_xlabel(record.x)
    ax.set_ylabel(record.y)
    style.legend_above(ax)


def rows(record: Pareto) -> list[dict[str, Any]]:
    return [
        {"trial": p.number, record.x: p.x, record.y: p.y, "front": p.front} for p in record.points
    ]


def caption(record: Pareto) -> str:
    front = record.front
    numbers = ", ".join(str(p.number) for p in front[:12]) + ("…" if len(front) > 12 else "")
    return f"{len(front)} of {len(record.points)} trials are on the front: {numbers}."
