"""Where the best trials lie within the declared range of each parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics.intervals import outdoes
from zmodel.analysis.statistics.selection import best, score, scored, short, top
from zmodel.study.cells import cells_of, value_label
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Bounds"
QUESTION = "Do the best trials push against a bound of the search space?"
# a float counts as being at a bound within this part of its range
NEAR = 0.02
TOP_SHARE = 0.1
TOP_LEAST = 5


@dataclass(frozen=True)
class Bound:
    """Places run from 0 (lower bound) to 1 (upper), on the scale the parameter is sampled on.

    `at`: "low" or "high" when the best trial lies at that bound; `top_share`: how many of the top
    trials lie there too; `steps`: number of values of an integer, else None; `ahead`: how surely
    the bound's value (or quarter of the range) outdoes its inner neighbour, see `outdoes`.
    """

    param: str
    low: str
    high: str
    best: float
    top: tuple[float, ...]
    at: str | None
    top_share: float
    steps: int | None
    ahead: float | None


@dataclass(frozen=True)
class Bounds:
    number: int
    params: tuple[Bound, ...]


def data(study: StudyRecord) -> Bounds:
    winner = best(study)
    leaders = top(study, TOP_SHARE, TOP_LEAST)
    found = [
        _bound(
            study, name, winner.params[name], [t.params[name] for t in leaders if name in t.params]
        )
        for name, d in study.space.items()
        if name in winner.params and not d.single() and not isinstance(d, CategoricalDistribution)
    ]
    if not found:
        raise Unavailable("the study has no numeric parameter with bounds")
    return Bounds(winner.number, tuple(found))


def _bound(study: StudyRecord, param: str, value: float, leaders: list[float]) -> Bound:
    distribution = study.space[param]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    integer = isinstance(distribution, IntDistribution)
    near = 0.0 if integer else NEAR
    places = [_place(distribution, v) for v in leaders]
    own = _place(distribution, value)
    at = "low" if own <= near else "high" if own >= 1 - near else None
    there = [p for p in places if (p <= near if at == "low" else p >= 1 - near)]
    steps = None
    if integer:
        steps = int((distribution.high - distribution.low) // (distribution.step or 1)) + 1
    return Bound(
        param,
        value_label(distribution.low),
        value_label(distribution.high),
        own,
        tuple(places),
        at,
        len(there) / len(places) if at and places else 0.0,
        steps,
        _ahead(study, param, at) if at else None,
    )


def _ahead(study: StudyRecord, param: str, at: str) -> float | None:
    """The bound's cell against the next one inside; None when too few trials completed there."""
    cells = cells_of(study, param)
    groups = cells.split(scored(study))
    if len(groups) < 2:
        return None
    edge, inner = (groups[0], groups[1]) if at == "low" else (groups[-1], groups[-2])
    values = [[score(study, t) or 0.0 for t in group] for group in (edge, inner)]
    return outdoes(values[0], values[1])


def _place(distribution: FloatDistribution | IntDistribution, value: float) -> float:
    low, high = float(distribution.low), float(distribution.high)
    if distribution.log:
        low, high, value = math.log(low), math.log(high), math.log(max(value, 1e-300))
    return min(1.0, max(0.0, (value - low) / (high - low)))


def draw(record: Bounds, ax: Axes) -> None:
    for row, bound in enumerate(record.params):
        ax.plot([0, 1], [row, row], color=style.GRID, linewidth=6, solid_capstyle="round")
        ax.scatter(
            bound.top,
            [row] * len(bound.top),
            s=22,
            color=style.ACCENT,
            alpha=0.6,
            linewidths=0,
            label="top trials" if row == 0 else None,
            zorder=3,
        )
        ax.scatter(
            [bound.best],
            [row],
            s=90,
            facecolors="none",
            edgecolors=style.SECOND,
            linewidths=1.6,
            label="best trial" if row == 0 else None,
            zorder=4,
        )
        for x, text, side in ((0, bound.low, "right"), (1, bound.high, "left")):
            ax.annotate(
                text,
                (x, row),
                (-8 if side == "right" else 8, 0),
                ha=side,
                va="center",
                textcoords="offset points",
                fontsize=8,
                color=style.MUTED,
            )
    ax.set_yticks(range(len(record.params)), [short(b.param) for b in record.params])
    ax.set_xlim(-0.16, 1.16)
    ax.set_ylim(len(record.params) - 0.4, -0.6)
    ax.set_xticks([])
    ax.grid(False)
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(length=0)
    style.legend_above(ax)


def size(record: Bounds) -> tuple[float, float]:
    return 7.2, 0.7 + 0.34 * len(record.params)


def rows(record: Bounds) -> list[dict[str, Any]]:
    return [
        {
            "param": b.param,
            "low": b.low,
            "high": b.high,
            "best_place": b.best,
            "at_bound": b.at,
            "top_share_there": b.top_share,
            "ahead_of_neighbour": b.ahead,
        }
        for b in record.params
    ]


def caption(record: Bounds) -> str:
    at = [f"{short(b.param)} ({b.low if b.at == 'low' else b.high})" for b in record.params if b.at]
    if not at:
        return "The best trial lies inside the bounds of every numeric parameter."
    return f"The best trial ({record.number}) lies at a bound of {', '.join(at)}."
