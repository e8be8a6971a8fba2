"""Parallel coordinates of the best trials, with the bounds they reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmodel.analysis.diagnostics.space.bounds import Bound, bounds_of, place_of
from zmodel.analysis.diagnostics.space.importance import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import (
    need_scored,
    objective_name,
    ranked,
    short,
    top,
)
from zmodel.study.cells import value_label
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Parallel coordinates"
QUESTION = "What do the best trials have in common, and do they push against a bound?"
MOST_PARAMS = 10
MOST_TRIALS = 400
TOP_SHARE, TOP_LEAST = 0.1, 5


@dataclass(frozen=True)
class Line:
    """One trial: its `places` in 0 ... 1, None for a parameter that it has not."""

    trial: int
    value: float
    places: tuple[float | None, ...]
    among_best: bool


@dataclass(frozen=True)
class Parallel:
    """Lines, best first; their places follow `scales`, then the value from `low` to `high`."""

    objective: str
    scales: tuple[Scale, ...]
    low: float
    high: float
    lines: tuple[Line, ...]
    bounds: tuple[Bound, ...]

    @property
    def at_bounds(self) -> list[Bound]:
        return [bound for bound in self.bounds if bound.at]


def data(study: StudyRecord) -> Parallel:
    need_scored(study)
    leaders = top(study, TOP_SHARE, TOP_LEAST)
    among_best = {t.number for t in leaders}
    scales = {name: scale_of(study, name) for name, d in study.space.items() if not d.single()}
    if not scales:
        raise Unavailable("the study has no parameter that varies")
    shown = tuple(scales[name] for name in important(study, MOST_PARAMS))
    trials = ranked(study)[:MOST_TRIALS]
    values = [float(t.value or 0.0) for t in trials]
    low, high = min(values), max(values)
    reached = Scale("", low, high, False, None, False)
    lines = tuple(
        Line(
            t.number,
            value,
            (*(place_of(scale, t) for scale in shown), reached.unit(value)),
            t.number in among_best,
        )
        for t, value in zip(trials, values, strict=True)
    )
    bounds = bounds_of(study, scales.values(), leaders)
    return Parallel(objective_name(study), shown, low, high, lines, bounds)


def draw(record: Parallel, ax: Axes) -> None:
    """One axis below the other: their names stay readable on a narrow screen."""
    for line in reversed(record.lines):
        points = [(place, at) for at, place in enumerate(line.places) if place is not None]
        wide = 1.4 if len(record.lines) < 200 else 0.7
        color, width = (style.SECOND, wide) if line.among_best else (style.PALE, 0.5 * wide)
        look: style.Look = {"color": color, "linewidth": width}
        if line is record.lines[0]:
            look |= {"linewidth": 2.4, "marker": "o", "markersize": 5}
        (drawn,) = ax.plot(*zip(*points, strict=True), alpha=0.8, **look)
        drawn.set_gid(f"trials {line.trial}")
    names = [scale.param for scale in record.scales]
    for bound in record.at_bounds:
        if bound.param in names:
            marks.ring(ax, bound.best_place, names.index(bound.param), size=170)
    for at, scale in enumerate(record.scales):
        ends = (value_label(scale.low), value_label(scale.high))
        if scale.cells is not None:
            ends = (scale.cells.labels[0], scale.cells.labels[-1])
        _axis(ax, at, axes.clipped(ends[0], 12), axes.clipped(ends[-1], 12))
    _axis(ax, len(names), f"{record.low:.3g}", f"{record.high:.3g}")
    _frame(ax, [*map(axes.parameter_name, record.scales), record.objective])
    ax.plot([], [], color=style.SECOND, linewidth=2.4, marker="o", label="best trial")
    ax.plot([], [], color=style.SECOND, label="best tenth")
    ax.plot([], [], color=style.PALE, label="other completed trials")
    if record.at_bounds:
        marks.dots(ax, [], [], style.SECOND, 100, hollow=True, label="at a bound")
    axes.legend_above(ax, 3)


def _axis(ax: Axes, at: int, low: str, high: str) -> None:
    """An axis with its ends; the page lets a reader choose a part of it."""
    (drawn,) = ax.plot([0, 1], [at, at], color=style.MUTED, linewidth=0.8)
    drawn.set_gid(f"axis {at}")
    for x, text, shift, align in ((0, low, -7, "right"), (1, high, 7, "left")):
        ax.annotate(
            text, (x, at), (shift, 0), textcoords="offset points", ha=align, va="center",
            fontsize=8, color=style.MUTED, annotation_clip=False,
        )  # fmt: skip


def _frame(ax: Axes, names: list[str]) -> None:
    for at, name in enumerate(names):
        ax.annotate(axes.clipped(name, 30), (0, at), (0, 6), textcoords="offset points")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlim(-0.17, 1.17)
    ax.set_ylim(len(names) - 0.7, -0.7)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.grid(False)


def size(record: Parallel) -> tuple[float, float]:
    return style.WIDTH, 0.9 + 0.46 * (len(record.scales) + 1)


def rows(record: Parallel) -> list[Row]:
    names = [*(scale.param for scale in record.scales), record.objective]
    return [
        flat(line) | {f"place_{n}": p for n, p in zip(names, line.places, strict=True)}
        for line in record.lines
    ]


def details(record: Parallel) -> tuple[str, list[Row]]:
    return "The best trials within the bounds", [flat(b) | flat(b.rise) for b in record.bounds]


def caption(record: Parallel) -> str:
    text = (
        f"The {len(record.lines)} best completed trials. Where the best tenth runs through one "
        "point, a parameter is settled; where it fans out, it does not matter or is not settled."
    )
    if record.at_bounds:
        listed = ", ".join(f"{short(b.param)} ({b.edge})" for b in record.at_bounds)
        return (
            f"{text} The best trial ({record.lines[0].trial}) lies at a bound, or values still "
            f"rise towards it: {listed}."
        )
    return f"{text} The best trial lies inside the bounds of every numeric parameter."
