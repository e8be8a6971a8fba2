"""Trials that keep the constraints of the study, and rejected proposals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmodel.analysis.diagnostics.space.at_limit import rises_at_limit
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.depths import Depths, depths_of
from zmodel.analysis.statistics.selection import (
    by_depth,
    objective_name,
    ranked,
    short,
    sign,
    structural,
)
from zmodel.study.constraints import Constraint, constraints_of, known_amounts
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Constraints"
QUESTION = "Which trials keep the limits, and does a limit keep the search from better ones?"


@dataclass(frozen=True)
class Amount:
    """A completed trial; `feasible`: it keeps every constraint, not only this one."""

    trial: int
    amount: float
    value: float
    feasible: bool


@dataclass(frozen=True)
class Limit:
    """One constraint. `broken`: completed trials beyond it; `rejected`: amounts of proposals that
    were not tried; `best`: what the best feasible trial has; `rises`: the p-value of values that do
    not rise with the amount at the limit, None where trials are too few (at_limit.py)."""

    name: str
    text: str
    limit: float
    points: tuple[Amount, ...]
    broken: int
    rejected: tuple[float, ...]
    best: float | None
    rises: float | None


@dataclass(frozen=True)
class DepthShare:
    """`rejected`: proposals that were known to be too large, which cost no trial."""

    label: str
    trials: int
    completed: int
    infeasible: int
    rejected: int


@dataclass(frozen=True)
class Constraints:
    """`best`: the best feasible trial; `better`: the best one that breaks a limit, if better."""

    objective: str
    maximize: bool
    param: str | None
    limits: tuple[Limit, ...]
    shares: tuple[DepthShare, ...]
    best: int | None
    better: int | None
    palette: Depths

    def total(self, count: str) -> int:
        """Over all depths."""
        return sum(getattr(share, count) for share in self.shares)


def data(study: StudyRecord) -> Constraints:
    constraints = constraints_of(study.attrs)
    if not constraints:
        raise Unavailable("the study has no constraints: hydra.sweeper.constraints sets some")
    done = [t for t in study.trials if t.state == "complete" and _is_number(t.value)]
    if not done:
        raise Unavailable("no trial has completed")
    limits = tuple(_limit(study, c, done) for c in constraints)
    if not any(limit.points for limit in limits):
        raise Unavailable("no trial recorded what the constraints bound")
    groups = by_depth(study, study.trials)
    winner = next(iter(ranked(study)), None)
    return Constraints(
        objective_name(study),
        sign(study) > 0,
        next(iter(structural(study)), None),
        limits,
        tuple(_share(label, group) for label, group in groups.items()),
        winner.number if winner else None,
        _better(study, done, winner),
        depths_of(study),
    )


def _limit(study: StudyRecord, constraint: Constraint, done: Sequence[TrialRecord]) -> Limit:
    known = {t.number: known_amounts(t).get(constraint.name) for t in study.trials}
    measured = [t for t in done if _is_number(known[t.number])]
    points = [
        Amount(t.number, known[t.number] or 0.0, float(t.value or 0.0), t.feasible)
        for t in measured
    ]
    noted = [one for t in study.trials for one in attr(t, "rejected_params", [])]
    rejected = [one["amounts"].get(constraint.name) for one in noted]
    best = ranked(study)
    return Limit(
        constraint.name,
        constraint.text,
        constraint.limit,
        tuple(points),
        sum(constraint.violation(p.amount) > 0 for p in points),
        tuple(float(amount) for amount in rejected if _is_number(amount)),
        known[best[0].number] if best else None,
        rises_at_limit(study, constraint, measured, [p.amount for p in points]),
    )


def _is_number(value: float | None) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _share(label: str, group: Sequence[TrialRecord]) -> DepthShare:
    completed = [t for t in group if t.state == "complete"]
    return DepthShare(
        label,
        len(group),
        len(completed),
        sum(not t.feasible for t in completed),
        sum(attr(t, "rejected", 0) for t in group),
    )


def _better(
    study: StudyRecord, done: Sequence[TrialRecord], winner: TrialRecord | None
) -> int | None:
    lost = [t for t in done if not t.feasible]
    first = max(lost, key=lambda t: sign(study) * float(t.value or 0.0), default=None)
    if first is None or winner is None:
        return first.number if first else None
    gain = sign(study) * (float(first.value or 0.0) - float(winner.value or 0.0))
    return first.number if gain > 0 else None


def size(record: Constraints) -> tuple[float, float]:
    return (style.WIDTH, 0.4 + 2.9 * len(_shown(record)))


def draw(record: Constraints, ax: Axes) -> None:
    shown = _shown(record)
    for at, (limit, panel) in enumerate(zip(shown, style.panels(ax, len(shown), 1), strict=True)):
        _draw_limit(record, limit, panel)
        if not at:
            marks.dots(panel, [], [], hollow=True, label="infeasible")
            marks.depth_legend(panel, record.palette)
            axes.legend_above(panel)


def _shown(record: Constraints) -> list[Limit]:
    return [limit for limit in record.limits if limit.points]


def _draw_limit(record: Constraints, limit: Limit, ax: Axes) -> None:
    for feasible in (True, False):
        points = [p for p in limit.points if p.feasible == feasible]
        places = [p.amount for p in points], [p.value for p in points]
        numbers = [p.trial for p in points]
        marks.trials(ax, *places, numbers, record.palette, 26, hollow=not feasible)
    best = next((p for p in limit.points if p.trial == record.best), None)
    if best is not None:
        marks.ring(ax, best.amount, best.value, "best feasible trial")
    edge: style.Look = {"color": style.SECOND, "linewidth": 1.2, "label": "limit"}
    ax.axvline(limit.limit, **edge)
    value_axis(ax, record.objective, [p.value for p in limit.points], record.maximize)
    if limit.rejected:
        rug: style.Look = {"marker": "|", "s": 40, "linewidths": 0.8, "label": "rejected proposal"}
        floor = ax.get_ylim()[0]
        ax.scatter(limit.rejected, [floor] * len(limit.rejected), color=style.MUTED, **rug)
    amounts = [*(p.amount for p in limit.points), *limit.rejected]
    if min(amounts) > 0 and max(amounts) > 10 * min(amounts):
        axes.log_axis(ax)
    ax.set_xlabel(f"{limit.name} (must be {limit.text})")


def rows(record: Constraints) -> list[Row]:
    return [
        flat(limit) | {"proposals_rejected_known": len(limit.rejected)} for limit in record.limits
    ]


def details(record: Constraints) -> tuple[str, list[Row]]:
    return "Trials and proposals by depth", [flat(share) for share in record.shares]


def caption(record: Constraints) -> str:
    text = (
        f"{record.total('infeasible')} of {record.total('completed')} completed trials break a "
        f"limit; {record.total('rejected')} proposals were known to break one and cost no trial."
    )
    for limit in record.limits:
        if limit.best is not None:
            text += (
                f" The best feasible trial ({record.best}) has {limit.name} {limit.best:,.4g} "
                f"({limit.text})."
            )
    if record.best is None:
        text += " No completed trial keeps them all."
    elif record.better is not None:
        text += f" Trial {record.better} is better, and breaks a limit."
    shares = [s for s in record.shares if s.trials and s.rejected > s.trials]
    if record.param and shares:
        named = ", ".join(f"{s.label} ({s.rejected} for {s.trials} trials)" for s in shares)
        text += f" More rejected than tried at {short(record.param)} = {named}."
    return text
