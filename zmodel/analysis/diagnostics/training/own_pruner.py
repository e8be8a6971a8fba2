"""What the study's own pruner cost each depth.

It also says how much of the loss can be known.

A pruned trial's end is unknown. What can be said: of the completed trials of the same depth that
stood no better at the epoch at which it was stopped, so many finished among the study's best
tenth. With fewer than LEAST such trials nothing can be said, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.selection import (
    need_objective_curves,
    need_structural,
    score,
    short,
    sign,
    top,
)
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "What pruning cost"
QUESTION = "This study was pruned: which depths paid, and what may have been lost?"
SIZE = (style.WIDTH, 3.2)
LEAST = 3
BEST_SHARE = 0.1


@dataclass(frozen=True)
class Paid:
    """One depth. `epoch`: median at which trials were pruned, counted from 1; `known`: pruned
    trials about which completed ones say something; `expected`: how many of those would have
    finished in the best tenth, by their peers; `unknown`: the others."""

    label: str
    ended: int
    pruned: int
    epoch: float | None
    known: int
    expected: float
    unknown: int


@dataclass(frozen=True)
class Pruned:
    param: str
    threshold: float
    cells: tuple[Paid, ...]


def data(study: StudyRecord) -> Pruned:
    param = need_structural(study)
    if not any(t.state == "pruned" and t.curve for t in study.trials):
        raise Unavailable("no trial was pruned")
    need_objective_curves(study)
    best = top(study, BEST_SHARE)
    if not best:
        raise Unavailable("no trial completed, so there is nothing to compare pruned trials with")
    threshold = score(study, best[-1])
    assert threshold is not None
    cells = cells_of(study, param)
    groups = zip(cells.labels, cells.split(study.trials), strict=True)
    paid = tuple(_paid(study, label, group, threshold) for label, group in groups)
    return Pruned(param, sign(study) * threshold, paid)


def _paid(study: StudyRecord, label: str, group: list[TrialRecord], threshold: float) -> Paid:
    complete = [t for t in group if t.state == "complete" and score(study, t) is not None]
    pruned = [t for t in group if t.state == "pruned" and t.curve]
    chances = [_chance(study, trial, complete, threshold) for trial in pruned]
    known = [c for c in chances if c is not None]
    return Paid(
        label,
        sum(t.state in ("complete", "pruned") for t in group),
        len(pruned),
        median(max(t.curve) + 1 for t in pruned) if pruned else None,
        len(known),
        sum(known),
        len(chances) - len(known),
    )


def _chance(
    study: StudyRecord, trial: TrialRecord, complete: list[TrialRecord], threshold: float
) -> float | None:
    """Share of its no-better peers that finished at or above the threshold."""
    epoch = max(trial.curve)
    own = sign(study) * trial.curve[epoch]
    peers = [t for t in complete if epoch in t.curve and sign(study) * t.curve[epoch] <= own]
    if len(peers) < LEAST:
        return None
    return sum((score(study, t) or 0.0) >= threshold for t in peers) / len(peers)


def draw(record: Pruned, ax: Axes) -> None:
    parts = {
        "pruned, others say its end": [c.known for c in record.cells],
        "pruned, nothing is known": [c.unknown for c in record.cells],
    }
    shares = {
        name: [n / max(1, c.ended) for n, c in zip(counts, record.cells, strict=True)]
        for name, counts in parts.items()
    }
    tops = marks.stacked(ax, shares, (style.LOOKS["pruned"], style.LOOKS["failed"]))
    for at, cell in enumerate(record.cells):
        if cell.epoch is not None:
            marks.note(ax, at, tops[at], f"{cell.pruned} of {cell.ended}\nat epoch {cell.epoch:g}")
    axes.shares(ax, "share of ended trials", top=1.28)
    axes.categories(ax, [c.label for c in record.cells], short(record.param))
    axes.legend_above(ax, 1)


def rows(record: Pruned) -> list[Row]:
    return [{"param": record.param, "value": c.label, **flat(c, "label")} for c in record.cells]


def caption(record: Pruned) -> str:
    pruned = sum(c.pruned for c in record.cells)
    unknown = sum(c.unknown for c in record.cells)
    expected = sum(c.expected for c in record.cells)
    peers = f"{LEAST} completed trials of the same depth that stood no better at that epoch"
    if unknown == pruned:
        return (
            f"None of {pruned} pruned trials has {peers}: what they would have reached is unknown."
        )
    return (
        f"Of {pruned} pruned trials, {pruned - unknown} have at least {peers}; by these, about "
        f"{expected:.1f} would have finished in the best tenth ({record.threshold:.4g} or better). "
        f"About the other {unknown} nothing can be known."
    )
