"""How the search went: each trial's value and the best so far, by trials, epochs and seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from zmodel.analysis.page import style
from zmodel.analysis.statistics.selection import (
    need_scored,
    objective_name,
    recorded_epochs,
    recorded_seconds,
    score,
    sign,
)
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Optimisation history"
QUESTION = "Did the search still improve at the end, and what did improving cost?"
SIZE = (7.2, 5.2)


@dataclass(frozen=True)
class Step:
    """One ended trial, in the order in which trials ended. Costs are sums up to and with it;
    `reported` is the last value of a pruned trial."""

    number: int
    state: str
    value: float | None
    reported: float | None
    best: float | None
    epochs: int
    seconds: float


@dataclass(frozen=True)
class History:
    objective: str
    maximize: bool
    steps: tuple[Step, ...]


def data(study: StudyRecord) -> History:
    need_scored(study)
    ended = [t for t in study.trials if t.state in ("complete", "pruned", "failed")]
    steps: list[Step] = []
    best: float | None = None
    epochs, seconds = 0, 0.0
    for trial in sorted(ended, key=_end):
        epochs += recorded_epochs(trial)
        seconds += recorded_seconds(trial) or 0.0
        reached = score(study, trial) if trial.state == "complete" else None
        if reached is not None and (best is None or reached > best):
            best = reached
        steps.append(
            Step(
                trial.number,
                trial.state,
                trial.value if reached is not None else None,
                trial.curve[max(trial.curve)] if trial.state == "pruned" and trial.curve else None,
                None if best is None else sign(study) * best,
                epochs,
                seconds,
            )
        )
    return History(objective_name(study), sign(study) > 0, tuple(steps))


def _end(trial: TrialRecord) -> tuple[datetime, int]:
    return (trial.finished or datetime.max, trial.number)


def draw(record: History, ax: Axes) -> None:
    upper, lower = style.panels(ax, 2, 1, height_ratios=[3, 2])
    _draw_trials(record, upper)
    left, right = style.panels(lower, 1, 2)
    _draw_cost(record, left, [s.epochs for s in record.steps], "epochs trained in all trials")
    minutes = [s.seconds / 60 for s in record.steps]
    _draw_cost(record, right, minutes, "minutes of all workers")


def _draw_trials(record: History, ax: Axes) -> None:
    done = sorted((s.number, s.value) for s in record.steps if s.value is not None)
    lost = [(s.number, s.reported) for s in record.steps if s.reported is not None]
    numbers, values = [n for n, _ in done], [v for _, v in done]
    many = len(record.steps) > 300
    ax.scatter(
        numbers,
        values,
        s=16,
        color=style.ACCENT,
        alpha=0.55,
        linewidths=0,
        label="completed trial",
        rasterized=many,
    )
    if lost:
        ax.scatter(
            [n for n, _ in lost],
            [v for _, v in lost],
            s=16,
            marker="x",
            color=style.STATE["pruned"],
            linewidths=1,
            label="pruned trial, last value",
            rasterized=many,
        )
    best = accumulate(values, max if record.maximize else min)
    ax.step(numbers, list(best), where="post", color=style.SECOND, label="best so far")
    ax.set_xlabel("trial number")
    ax.set_ylabel(record.objective)
    style.legend_above(ax)


def _draw_cost(record: History, ax: Axes, cost: list[float] | list[int], name: str) -> None:
    known = [(c, s.best) for c, s in zip(cost, record.steps, strict=True) if s.best is not None]
    ax.step([c for c, _ in known], [b for _, b in known], where="post", color=style.SECOND)
    ax.set_xlim(left=0)
    ax.set_xlabel(name)
    ax.set_ylabel("best so far")


def rows(record: History) -> list[dict[str, Any]]:
    return [
        {
            "trial": s.number,
            "state": s.state,
            "value": s.value,
            "last_reported": s.reported,
            "best_so_far": s.best,
            "epochs_so_far": s.epochs,
            "seconds_so_far": s.seconds,
        }
        for s in record.steps
    ]


def caption(record: History) -> str:
    last = record.steps[-1]
    reached = next(i for i, s in enumerate(record.steps) if s.best == last.best)
    return (
        f"Best {record.objective} {last.best:.4g}, first reached by trial "
        f"{record.steps[reached].number} as number {reached + 1} of {len(record.steps)} that "
        f"ended; {last.epochs:,} epochs and {last.seconds / 60:,.1f} worker minutes in all."
    )
