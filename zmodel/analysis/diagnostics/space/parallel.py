"""Parallel coordinates of the best trials, with the bounds they reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optuna.distributions import IntDistribution

from zmodel.analysis.diagnostics.space.importance import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.intervals import outdoes
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import (
    best,
    objective_name,
    ranked,
    score,
    scored,
    short,
    top,
)
from zmodel.study.cells import cells_of, value_label
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Parallel coordinates"
QUESTION = "What do the best trials have in common, and do they push against a bound?"
MOST_PARAMS = 10
MOST_TRIALS = 400
TOP_SHARE, TOP_LEAST = 0.1, 5
# a float counts as being at a bound within this part of its range
NEAR = 0.02


@dataclass(frozen=True)
class Bound:
    """A numeric parameter. Places run from 0 (lower bound) to 1, on the scale it is sampled on.

    `at`: "low" or "high" when the best trial lies at that bound; `top_share`: how many of the
    `top` trials lie there too; `steps`: number of values of an integer, else None; `ahead`: how
    surely the bound's value (or quarter of the range) outdoes its inner neighbour, see `outdoes`.
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

    @property
    def edge(self) -> str:
        return self.low if self.at == "low" else self.high


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
    winner, leaders = best(study), top(study, TOP_SHARE, TOP_LEAST)
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
            (*(_place(scale, t) for scale in shown), reached.unit(value)),
            t.number in among_best,
        )
        for t, value in zip(trials, values, strict=True)
    )
    bounds = tuple(
        _bound(study, scale, winner, leaders)
        for name, scale in scales.items()
        if scale.cells is None and name in winner.params
    )
    return Parallel(objective_name(study), shown, low, high, lines, bounds)


def _place(scale: Scale, trial: TrialRecord) -> float | None:
    return scale.unit(trial.params[scale.param]) if scale.param in trial.params else None


def _bound(
    study: StudyRecord, scale: Scale, winner: TrialRecord, leaders: Sequence[TrialRecord]
) -> Bound:
    distribution = study.space[scale.param]
    near, steps = NEAR, None
    if isinstance(distribution, IntDistribution):
        near, steps = 0.0, (distribution.high - distribution.low) // distribution.step + 1
    places = [place for t in leaders if (place := _place(scale, t)) is not None]
    own = scale.unit(winner.params[scale.param])
    at = "low" if own <= near else "high" if own >= 1 - near else None
    there = [place for place in places if (place <= near if at == "low" else place >= 1 - near)]
    return Bound(
        scale.param,
        value_label(distribution.low),  # type: ignore[attr-defined]
        value_label(distribution.high),  # type: ignore[attr-defined]
        own,
        tuple(places),
        at,
        len(there) / len(places) if at else 0.0,
        steps,
        _ahead(study, scale.param, at) if at else None,
    )


def _ahead(study: StudyRecord, param: str, at: str) -> float | None:
    """The bound's cell against the next one inside; None when too few trials completed there."""
    groups = cells_of(study, param).split(scored(study))
    if len(groups) < 2:
        return None
    edge, inner = (groups[0], groups[1]) if at == "low" else (groups[-1], groups[-2])
    values = [[score(study, t) or 0.0 for t in group] for group in (edge, inner)]
    return outdoes(values[0], values[1])


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
    return "The best trials within the bounds", [flat(bound) for bound in record.bounds]


def caption(record: Parallel) -> str:
    text = (
        f"The {len(record.lines)} best completed trials. Where the best tenth runs through one "
        "point, a parameter is settled; where it fans out, it does not matter or is not settled."
    )
    if record.at_bounds:
        listed = ", ".join(f"{short(b.param)} ({b.edge})" for b in record.at_bounds)
        return f"{text} The best trial ({record.lines[0].trial}) lies at a bound of {listed}."
    return f"{text} The best trial lies inside the bounds of every numeric parameter."
