"""How well a value at an early epoch foretells the final one: rank correlation by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.analysis import style
from zmodel.analysis.diagnostics.speed import running_best
from zmodel.analysis.selection import score, top
from zmodel.analysis.unavailable import Unavailable
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Foresight"
QUESTION = "From which epoch on does a trial's value tell how it will end?"
SIZE = (7.2, 2.9)
LEAST = 8
MOST = 1000


@dataclass(frozen=True)
class Foresight:
    """By epoch: Spearman's correlation of the best so far with the final value, over completed
    trials; `upper`: the same within the better half; `needed`: first epoch from which the former
    stays at 0.9 or more."""

    trials: int
    correlation: tuple[float, ...]
    upper: tuple[float, ...]
    needed: int | None


def data(study: StudyRecord) -> Foresight:
    if len(study.directions) > 1:
        raise Unavailable("trials of several objectives report no values per epoch")
    trials = [t for t in top(study, 1.0) if len(t.curve) > 1]
    if len(trials) < LEAST:
        raise Unavailable(
            f"needs at least {LEAST} completed trials that reported a value per epoch, "
            f"the study has {len(trials)}"
        )
    if len(trials) > MOST:
        chosen = np.random.default_rng(0).choice(len(trials), MOST, replace=False)
        trials = [trials[i] for i in sorted(chosen)]
    length = max(max(t.curve) for t in trials) + 1
    table = np.array([running_best(study, t, length) for t in trials])
    final = np.array([score(study, t) for t in trials], dtype=float)
    half = len(trials) // 2
    everyone = _by_epoch(table, final)
    below = [epoch for epoch, r in enumerate(everyone) if r < 0.9]
    needed = below[-1] + 1 if below else 0
    return Foresight(
        len(trials),
        everyone,
        _by_epoch(table[:half], final[:half]),
        needed if needed < length else None,
    )


def _by_epoch(table: np.ndarray, final: np.ndarray) -> tuple[float, ...]:
    from scipy.stats import rankdata

    target = rankdata(final)
    return tuple(_correlation(rankdata(column), target) for column in table.T)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread else 0.0


def draw(record: Foresight, ax: Axes) -> None:
    epochs = range(1, len(record.correlation) + 1)
    ax.plot(epochs, record.correlation, color=style.ACCENT, label="all completed trials")
    ax.plot(epochs, record.upper, color=style.SECOND, linestyle="--", label="the better half")
    ax.axhline(0.9, color=style.MUTED, linewidth=1, linestyle=":")
    ax.set_ylim(min(0.0, min(record.upper), min(record.correlation)), 1.03)
    ax.set_xlabel("epoch")
    ax.set_ylabel("rank correlation with the end")
    ax.legend(loc="lower right")


def rows(record: Foresight) -> list[dict[str, Any]]:
    return [
        {"epoch": epoch + 1, "correlation": a, "correlation_better_half": b}
        for epoch, (a, b) in enumerate(zip(record.correlation, record.upper, strict=True))
    ]


def caption(record: Foresight) -> str:
    early = record.correlation[min(2, len(record.correlation) - 1)]
    text = f"After 3 epochs the correlation is {early:.2f} over {record.trials} trials."
    if record.needed is not None:
        text += f" From epoch {record.needed + 1} on it stays above 0.9."
    late = next((e for e in range(len(record.upper)) if min(record.upper[e:]) >= 0.9), None)
    if late is not None and late > (record.needed or 0):
        text += f" Among the better half, where the choice is made, only from epoch {late + 1} on."
    return text
