"""What each depth reached: every trial, the median, and how surely one depth is ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.analysis.page import style
from zmodel.analysis.statistics import intervals
from zmodel.analysis.statistics.selection import (
    need_scored,
    need_structural,
    objective_name,
    score,
    short,
    sign,
)
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Values by depth"
QUESTION = "What did each depth reach, and which one is ahead?"
TOP = 3
# a depth that wins this share of the rounds cannot be ruled out
RIVAL = 0.05
ROUNDS = 1000


@dataclass(frozen=True)
class Reached:
    """`wins`: share of bootstrap rounds in which the mean of the value's TOP best trials is the
    highest of all; `forced` marks the trials that coverage put there."""

    label: str
    values: tuple[float, ...]
    forced: tuple[bool, ...]
    best: float | None
    median: float | None
    low: float | None
    high: float | None
    wins: float


@dataclass(frozen=True)
class Values:
    param: str
    objective: str
    cells: tuple[Reached, ...]

    @property
    def forced(self) -> int:
        return sum(sum(cell.forced) for cell in self.cells)

    @property
    def leader(self) -> Reached:
        return max(self.cells, key=lambda c: c.wins)


def data(study: StudyRecord) -> Values:
    param = need_structural(study)
    cells = cells_of(study, param)
    groups = cells.split(need_scored(study))
    scores = [[score(study, t) or 0.0 for t in group] for group in groups]
    shares = wins(scores)
    return Values(
        param,
        objective_name(study),
        tuple(
            _reached(study, param, label, group, share)
            for label, group, share in zip(cells.labels, groups, shares, strict=True)
        ),
    )


def _reached(
    study: StudyRecord, param: str, label: str, group: Sequence[TrialRecord], share: float
) -> Reached:
    values = [float(t.value) for t in group if t.value is not None]
    interval = intervals.bootstrap(values)
    return Reached(
        label,
        tuple(values),
        tuple(param in attr(t, "forced", []) for t in group),
        sign(study) * max(sign(study) * v for v in values) if values else None,
        float(np.median(values)) if values else None,
        interval[0] if interval else None,
        interval[1] if interval else None,
        share,
    )


def wins(scores: Sequence[Sequence[float]], seed: int = 0) -> list[float]:
    """Share of bootstrap rounds that each cell wins by the mean of its TOP best scores.

    A cell with fewer than TOP trials cannot be resampled meaningfully and never wins.
    """
    rng = np.random.default_rng(seed)
    means = np.full((len(scores), ROUNDS), -np.inf)
    for row, values in enumerate(scores):
        if len(values) >= TOP:
            data = np.asarray(values, dtype=float)
            draws = data[rng.integers(0, len(data), (ROUNDS, len(data)))]
            means[row] = np.sort(draws, axis=1)[:, -TOP:].mean(axis=1)
    if not np.isfinite(means).any():
        return [0.0] * len(scores)
    counts = np.bincount(means.argmax(axis=0), minlength=len(scores))
    return [float(n) / ROUNDS for n in counts]


def draw(record: Values, ax: Axes) -> None:
    rng = np.random.default_rng(0)
    many = sum(len(c.values) for c in record.cells) > 300
    for at, cell in enumerate(record.cells):
        places = at + rng.uniform(-0.22, 0.22, len(cell.values))
        for forced in (False, True):
            chosen = [i for i, f in enumerate(cell.forced) if f == forced]
            ax.scatter(
                [places[i] for i in chosen],
                [cell.values[i] for i in chosen],
                s=18,
                facecolors="none" if forced else style.ACCENT,
                edgecolors=style.ACCENT,
                linewidths=0.9 if forced else 0,
                alpha=0.7,
                rasterized=many,
            )
        if cell.median is not None:
            ax.hlines(cell.median, at - 0.33, at + 0.33, color=style.SECOND, linewidth=2)
        if cell.low is not None and cell.high is not None:
            ax.vlines(at + 0.33, cell.low, cell.high, color=style.SECOND, linewidth=1.4)
    _legend(record, ax)
    ax.set_ylabel(record.objective)
    labels = [f"{c.label}\nn = {len(c.values)}" for c in record.cells]
    style.categories(ax, labels, short(record.param))
    ax.set_xlim(-0.6, len(record.cells) - 0.4)


def _legend(record: Values, ax: Axes) -> None:
    ax.scatter([], [], s=18, color=style.ACCENT, linewidths=0, label="completed trial")
    if record.forced:
        name = "forced by coverage"
        ax.scatter([], [], s=18, facecolors="none", edgecolors=style.ACCENT, label=name)
    ax.plot([], [], color=style.SECOND, label="median, 95 % interval")
    style.legend_above(ax)


def rows(record: Values) -> list[dict[str, Any]]:
    return [
        {
            "param": record.param,
            "value": c.label,
            "completed": len(c.values),
            "forced": sum(c.forced),
            "best": c.best,
            "median": c.median,
            "ci_low": c.low,
            "ci_high": c.high,
            "wins": c.wins,
        }
        for c in record.cells
    ]


def caption(record: Values) -> str:
    leader, name = record.leader, short(record.param)
    if leader.wins == 0:
        return f"No value of {name} has {TOP} completed trials yet, so none can be called ahead."
    text = (
        f"By the mean of its {TOP} best trials, {name} = {leader.label} is ahead in "
        f"{leader.wins:.0%} of bootstrap rounds"
    )
    rivals = [c for c in record.cells if c is not leader and c.wins >= RIVAL]
    if rivals:
        others = ", ".join(f"{c.label} in {c.wins:.0%}" for c in rivals)
        text += f" ({others}): these cannot be told apart"
    text += "."
    if record.forced:
        free = [v for c in record.cells for v, f in zip(c.values, c.forced, strict=True) if not f]
        bound = [v for c in record.cells for v, f in zip(c.values, c.forced, strict=True) if f]
        text += f" {len(bound)} trials were forced by coverage (median {np.median(bound):.4g}"
        text += f", of the chosen ones {np.median(free):.4g})." if free else ")."
    return text
