"""How well early values predict final ones.

Measured by rank correlation at each epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.page import axes, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import drawn, need_curves, need_objective_curves, score
from zmodel.analysis.statistics.steps import grid, running_best
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Foresight"
QUESTION = "From which epoch on does a trial's value tell how it will end?"
SIZE = (style.WIDTH, 2.9)
LEAST = 8
MOST = 1000
HIGH = 0.9


@dataclass(frozen=True)
class Foresight:
    """How well values at an epoch predict the final ones.

    By epoch, counted from 1: Spearman's correlation of the best so far with the final value,
    over completed trials; `upper`: the same within the better half."""

    trials: int
    epochs: tuple[int, ...]
    correlation: tuple[float, ...]
    upper: tuple[float, ...]

    @property
    def needed(self) -> int | None:
        """The first epoch from which the correlation stays at 0.9 or more."""
        return self._stays_high(self.correlation)

    @property
    def needed_upper(self) -> int | None:
        """The same within the better half."""
        return self._stays_high(self.upper)

    def _stays_high(self, line: tuple[float, ...]) -> int | None:
        below = [at for at, r in enumerate(line) if r < HIGH]
        first = below[-1] + 1 if below else 0
        return self.epochs[first] if first < len(self.epochs) else None


def data(study: StudyRecord) -> Foresight:
    need_objective_curves(study)
    trials = drawn(need_curves(study, LEAST), MOST)
    epochs = grid(t.curve for t in trials)
    table = np.array([running_best(study, t, epochs) for t in trials])
    final = np.array([score(study, t) for t in trials], dtype=float)
    half = len(trials) // 2
    return Foresight(
        len(trials),
        tuple(map(int, epochs + 1)),
        _by_epoch(table, final),
        _by_epoch(table[:half], final[:half]),
    )


def _by_epoch(table: np.ndarray, final: np.ndarray) -> tuple[float, ...]:
    from scipy.stats import rankdata

    target = rankdata(final)
    return tuple(_correlation(rankdata(column), target) for column in table.T)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread else 0.0


def draw(record: Foresight, ax: Axes) -> None:
    ax.plot(record.epochs, record.correlation, color=style.INK, label="all completed trials")
    ax.plot(record.epochs, record.upper, color=style.INK, linestyle="--", label="the better half")
    ax.axhline(HIGH, color=style.MUTED, linewidth=1, linestyle=":")
    ax.set_ylim(min(0.0, min(record.upper), min(record.correlation)), 1.03)
    axes.whole_numbers(ax, "x")
    ax.set_xlabel("epoch")
    ax.set_ylabel("rank correlation with the end")
    axes.legend_above(ax)


def rows(record: Foresight) -> list[Row]:
    return [
        {"epoch": epoch, "correlation": a, "correlation_better_half": b}
        for epoch, a, b in zip(record.epochs, record.correlation, record.upper, strict=True)
    ]


def caption(record: Foresight) -> str:
    early = min(2, len(record.epochs) - 1)
    text = f"At epoch {record.epochs[early]} the correlation is "
    text += f"{record.correlation[early]:.2f} over {record.trials} trials."
    if record.needed is not None:
        text += f" From epoch {record.needed} on it stays above {HIGH}."
    late = record.needed_upper
    if late is not None and late > (record.needed or 0):
        text += f" Among the better half, where the choice is made, only from epoch {late} on."
    return text
