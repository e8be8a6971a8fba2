"""The shares of complete, pruned and failed trials within each value of the depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.diagnostics.space import coverage
from zmodel.analysis.page import style
from zmodel.analysis.statistics.intervals import wilson
from zmodel.analysis.statistics.selection import need_structural, short
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "States"
QUESTION = "Were some depths stopped or lost more often than others?"
ENDED = ("complete", "pruned", "failed")
SIZE = (7.2, 3.1)


@dataclass(frozen=True)
class StateShares:
    """One value: how many trials ended, their states, and the share completed with interval."""

    label: str
    ended: int
    counts: dict[str, int]
    completed: float | None
    low: float
    high: float


@dataclass(frozen=True)
class States:
    param: str
    cells: tuple[StateShares, ...]


def data(study: StudyRecord) -> States:
    param = need_structural(study)
    covered = next(p for p in coverage.data(study).params if p.param == param)
    return States(param, tuple(_shares(cell.label, cell.states) for cell in covered.cells))


def _shares(label: str, states: dict[str, int]) -> StateShares:
    counts = {state: states[state] for state in ENDED}
    ended = sum(counts.values())
    low, high = wilson(counts["complete"], ended)
    return StateShares(
        label, ended, counts, counts["complete"] / ended if ended else None, low, high
    )


def draw(record: States, ax: Axes) -> None:
    base = [0.0] * len(record.cells)
    for state in ENDED:
        shares = [c.counts[state] / c.ended if c.ended else 0.0 for c in record.cells]
        if any(shares):
            ax.bar(
                range(len(shares)),
                shares,
                bottom=base,
                width=0.72,
                label=state,
                color=style.STATE[state],
                hatch=style.HATCH[state],
                edgecolor="white",
                linewidth=0,
            )
            base = [b + s for b, s in zip(base, shares, strict=True)]
    for at, cell in enumerate(record.cells):
        note = f"{cell.counts['complete']} of {cell.ended}" if cell.ended else "none ended"
        style.note_above(ax, at, base[at], note)
    style.shares(ax, "share of ended trials", top=1.1)
    style.categories(ax, [c.label for c in record.cells], short(record.param))
    style.legend_above(ax)


def rows(record: States) -> list[dict[str, Any]]:
    return [
        {
            "param": record.param,
            "value": c.label,
            "ended": c.ended,
            **c.counts,
            "completed_share": c.completed,
            "ci_low": c.low,
            "ci_high": c.high,
        }
        for c in record.cells
    ]


def caption(record: States) -> str:
    ended = [c for c in record.cells if c.completed is not None]
    if not ended:
        return "No trial has ended yet."
    worst = min(ended, key=lambda c: c.completed or 0.0)
    return (
        f"Numbers over the bars: completed of ended trials. Lowest at {short(record.param)} = "
        f"{worst.label}: {worst.counts['complete']} of {worst.ended} completed "
        f"(95 % interval {worst.low:.0%} to {worst.high:.0%})."
    )
