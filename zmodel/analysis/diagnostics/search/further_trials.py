"""What further trials would gain at most, in all and per depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.more_trials import AHEAD, LEAST, FurtherGain, gain_of_more
from zmodel.analysis.statistics.noise import best_error
from zmodel.analysis.statistics.selection import (
    best,
    by_depth,
    need_scored,
    objective_name,
    score,
    short,
    structural,
)
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import is_given

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Enough trials"
QUESTION = "What would further trials gain?"
SIZE = (7.2, 2.6)


@dataclass(frozen=True)
class NextTrials:
    """What the next trials would gain.

    Of the next trials like these, `ahead` in number: they gain at most `high` over the best of
    the study, with 90 %, and anything at all with `chance`. The halving numbers are trials that
    halve the remaining regret: median, ends of a 90 % interval; None: no end."""

    value: str
    trials: int
    high: float | None
    chance: float | None
    halve: float | None = None
    halve_low: float | None = None
    halve_high: float | None = None


@dataclass(frozen=True)
class FurtherTrials:
    """What further trials of a study would gain, also for each depth.

    `error`: standard error of the best value, where it is known; `values`: for each depth the
    same number of trials spent at that depth alone."""

    objective: str
    param: str | None
    ahead: int
    best: float
    error: float | None
    study: NextTrials
    values: tuple[NextTrials, ...]


def data(study: StudyRecord) -> FurtherTrials:
    need_scored(study)
    if study.attrs.get("stopping"):
        raise Unavailable("only chosen trials ran to their end: they say nothing of the next ones")
    trials = [t for t in study.trials if t.state in ("complete", "pruned", "failed")]
    top = score(study, best(study)) or 0.0
    whole = _gain(study, trials, top)
    if whole is None:
        raise Unavailable(
            f"it takes more than {LEAST} completed trials, of which the best are not all alike"
        )
    param = next(iter(structural(study)), None)
    groups = by_depth(study, trials) if param else {}
    rows = tuple(_row(label, group, _gain(study, group, top)) for label, group in groups.items())
    value = best(study).value or 0.0
    return FurtherTrials(
        objective_name(study), param, AHEAD, value, best_error(study, value),
        _row("all", trials, whole), rows,
    )  # fmt: skip


def _gain(study: StudyRecord, trials: Sequence[TrialRecord], top: float) -> FurtherGain | None:
    drawn = [t for t in trials if not is_given(t)]
    ended = sorted(drawn, key=lambda t: (t.finished or datetime.max, t.number))
    found = [score(study, t) if t.state == "complete" else None for t in ended]
    accuracy = "acc" in objective_name(study) and 0 <= top <= 1
    ceiling = 1.0 if accuracy else math.inf
    return gain_of_more([-math.inf if s is None else s for s in found], top, ceiling)


def _row(label: str, trials: Sequence[TrialRecord], gain: FurtherGain | None) -> NextTrials:
    if gain is None:
        return NextTrials(label, len(trials), None, None)
    halve = (n if math.isfinite(n) else None for n in gain.halve)
    return NextTrials(label, len(trials), gain.high, gain.chance, *halve)


def draw(record: FurtherTrials, ax: Axes) -> None:
    shown = [record.study, *record.values]
    for at, row in enumerate(shown):
        marks.interval(ax, at, None if row.high is None else 0.0, row.high, linewidth=5)
        marks.note(ax, at, row.high or 0.0, "unknown" if row.high is None else f"{row.high:.2g}")
    if record.error is not None:
        ax.axhline(record.error, linestyle="--", linewidth=1.2, label="standard error of the best")
        axes.legend_above(ax)
    name = short(record.param) if record.param else ""
    axes.categories(ax, [row.value for row in shown], name)
    ax.set_xlim(-0.6, len(shown) - 0.4)
    ax.margins(y=0.2)
    ax.set_ylim(bottom=0)
    ax.set_ylabel(f"gain of {record.ahead} more trials")


def rows(record: FurtherTrials) -> list[Row]:
    return [flat(row) for row in (record.study, *record.values)]


def caption(record: FurtherTrials) -> str:
    whole = record.study
    text = (
        f"{record.ahead} more trials would gain at most {whole.high:.2g} of {record.objective} "
        f"over {record.best:.4g} (with 90 %), and anything at all with {whole.chance:.0%}. "
    )
    known = [row for row in record.values if row.high is not None]
    if known and record.param:
        most = max(known, key=lambda row: row.high or 0.0)
        text += (
            f"Spent at one depth alone they would gain most at {short(record.param)} = "
            f"{most.value}: at most {most.high:.2g}. "
        )
    return text + _halving(whole)


def _halving(row: NextTrials) -> str:
    if row.halve is None:
        return "No number of trials can be told that would halve what is left to gain."
    upper = "without an upper end" if row.halve_high is None else f"to {row.halve_high:,.0f}"
    return (
        f"About {row.halve:,.0f} more would halve what is left to gain (90 % interval "
        f"{row.halve_low:,.0f} {upper})."
    )
