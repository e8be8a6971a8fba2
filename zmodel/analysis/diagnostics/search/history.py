"""Values of trials in the order in which they ended.

With the best so far, by trials, epochs and seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING

from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.depths import Depths, depths_of
from zmodel.analysis.statistics.selection import (
    baseline_value,
    listed,
    need_scored,
    objective_name,
    recorded_epochs,
    recorded_seconds,
    score,
    sign,
)
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.widening import phase_starts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Optimisation history"
QUESTION = "Did the search still improve at the end, and what did improving cost?"
SIZE = (style.WIDTH, 4.2)


@dataclass(frozen=True)
class EndedTrial:
    """One ended trial, in the order in which trials ended. Costs are sums up to and with it, and
    of all that trials which began before its end and are paused have cost; `last_reported` is of a
    pruned trial."""

    trial: int
    state: str
    value: float | None
    last_reported: float | None
    best_so_far: float | None
    epochs_so_far: int
    seconds_so_far: float


@dataclass(frozen=True)
class History:
    objective: str
    maximize: bool
    steps: tuple[EndedTrial, ...]
    baseline: float | None = None
    depths: Depths = Depths()
    phases: tuple[int, ...] = ()
    """The first trial of each further phase, where the space was widened."""


def data(study: StudyRecord) -> History:
    need_scored(study)
    ended = [t for t in study.trials if t.state in ("complete", "pruned", "failed")]
    paused = sorted((t for t in study.trials if t.state == "paused"), key=_start, reverse=True)
    steps: list[EndedTrial] = []
    best: float | None = None
    epochs, seconds = 0, 0.0
    for trial in sorted(ended, key=_end):
        spent = [trial]
        while paused and _start(paused[-1]) <= _end(trial)[0]:
            spent.append(paused.pop())
        epochs += sum(map(recorded_epochs, spent))
        seconds += sum(recorded_seconds(t) or 0.0 for t in spent)
        reached = score(study, trial) if trial.state == "complete" else None
        if reached is not None and (best is None or reached > best):
            best = reached
        steps.append(
            EndedTrial(
                trial.number,
                trial.state,
                trial.value if reached is not None else None,
                trial.curve[max(trial.curve)] if trial.state == "pruned" and trial.curve else None,
                None if best is None else sign(study) * best,
                epochs,
                seconds,
            )
        )
    return History(
        objective_name(study),
        sign(study) > 0,
        tuple(steps),
        baseline_value(study),
        depths_of(study),
        tuple(phase_starts(study.attrs)),
    )


def _start(trial: TrialRecord) -> datetime:
    return trial.started or datetime.min


def _end(trial: TrialRecord) -> tuple[datetime, int]:
    return (trial.finished or datetime.max, trial.number)


def draw(record: History, ax: Axes) -> None:
    upper, lower = style.panels(ax, 2, 1, height_ratios=[3, 2])
    done = sorted((s.trial, s.value) for s in record.steps if s.value is not None)
    lost = [s for s in record.steps if s.last_reported is not None]
    numbers, values = [n for n, _ in done], [v for _, v in done]
    marks.trials(upper, numbers, values, numbers, record.depths, 16)
    if lost:
        look: style.Look = {"marker": "x", "linewidths": 1, "label": "pruned trial, last value"}
        places = [s.trial for s in lost], [s.last_reported or 0.0 for s in lost]
        marks.dots(upper, *places, style.STATE["pruned"], 16, **look)
    best = accumulate(values, max if record.maximize else min)
    marks.steps(upper, numbers, list(best), label="best so far")
    marks.baseline(upper, record.baseline)
    for at in record.phases:
        upper.axvline(at - 0.5, color=style.MUTED, linewidth=1, linestyle=":")
        marks.note(upper, at - 0.5, min(values), "space widened")
    marks.depth_legend(upper, record.depths)
    axes.whole_numbers(upper, "x")
    upper.set_xlabel("trial number")
    shown = [*values, *(s.last_reported for s in lost), record.baseline]
    value_axis(upper, record.objective, shown, record.maximize)
    axes.legend_above(upper)
    known = [s for s in record.steps if s.best_so_far is not None]
    so_far = [s.best_so_far or 0.0 for s in known]
    marks.steps(lower, [float(s.epochs_so_far) for s in known], so_far)
    marks.baseline(lower, record.baseline)
    lower.set_xlim(left=0)
    lower.set_xlabel("epochs trained in all trials")
    value_axis(lower, "best so far", so_far, record.maximize)


def rows(record: History) -> list[Row]:
    return [flat(step) for step in record.steps]


def caption(record: History) -> str:
    last = record.steps[-1]
    at, first = next(
        (i, s) for i, s in enumerate(record.steps, start=1) if s.best_so_far == last.best_so_far
    )
    widened = f" The space was widened before trial {listed([*map(str, record.phases)])}."
    return (
        f"Best {record.objective} {last.best_so_far:.4g}, first reached by trial {first.trial}, "
        f"when {at} of {len(record.steps)} had ended. They took {last.epochs_so_far:,} epochs and "
        f"{axes.in_words(last.seconds_so_far)} of all workers.{widened if record.phases else ''}"
    )
