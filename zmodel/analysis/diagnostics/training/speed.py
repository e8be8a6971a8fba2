"""How fast each depth learns, and where the curves of two depths cross.

Epochs to 90 %: the first epoch at which a completed trial reaches nine tenths of its own best (of
the way from its first value to its best when smaller is better or values are negative).
Crossings compare the better half of each depth's trials, so that a badly chosen learning rate
does not decide; curves are best-so-far, and a stopped trial keeps what it had reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics import intervals
from zmodel.analysis.statistics.selection import need_structural, objective_name, score, short, sign
from zmodel.analysis.statistics.steps import grid, running_best
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Learning speed by depth"
QUESTION = "Which depths start slowly, and when do they overtake the others?"
SIZE = (7.2, 3.4)
LEAST = 3
ROUNDS = 100
MOST = 400
SURE = 0.8


@dataclass(frozen=True)
class Speed:
    """`epochs`: median epochs (counted from 1) to 90 % with its bootstrap interval; `median`: the
    better half's median best-so-far by epoch."""

    label: str
    trials: int
    epochs: float
    low: float | None
    high: float | None
    median: tuple[float, ...]


@dataclass(frozen=True)
class Crossing:
    """From `epoch` (0-based) on `late` stays ahead of `early`, which led before; `low`, `high`:
    90 % of bootstrap rounds that cross; `share`: of the rounds that cross at all."""

    early: str
    late: str
    epoch: int
    low: float
    high: float
    share: float


@dataclass(frozen=True)
class Speeds:
    """`epochs` (0-based): those of the cells' medians."""

    param: str
    objective: str
    labels: tuple[str, ...]
    epochs: tuple[int, ...]
    cells: tuple[Speed, ...]
    crossings: tuple[Crossing, ...]

    @property
    def sure(self) -> list[Crossing]:
        """The crossings that most bootstrap rounds have too."""
        return [c for c in self.crossings if c.share >= SURE]


def data(study: StudyRecord) -> Speeds:
    param = need_structural(study)
    cells = cells_of(study, param)
    ended = [t for t in study.trials if t.state == "complete" and len(t.curve) > 1]
    groups = {
        label: found
        for label, group in zip(cells.labels, cells.split(ended), strict=True)
        if len(found := [t for t in group if score(study, t) is not None]) >= LEAST
    }
    if not groups:
        raise Unavailable(
            f"needs a depth with at least {LEAST} completed trials that reported a value per epoch"
        )
    epochs = grid(t.curve for group in groups.values() for t in group)
    tables = {label: _better_half(study, group, epochs) for label, group in groups.items()}
    return Speeds(
        param,
        objective_name(study),
        cells.labels,
        tuple(map(int, epochs)),
        tuple(_speed(study, label, group, tables[label]) for label, group in groups.items()),
        tuple(_crossings(tables, epochs)),
    )


def _speed(study: StudyRecord, label: str, group: list[TrialRecord], table: np.ndarray) -> Speed:
    epochs = [epochs_to_share(study, trial) for trial in group]
    interval = intervals.bootstrap(epochs)
    middle = sign(study) * np.median(table, axis=0)
    return Speed(
        label,
        len(group),
        float(np.median(epochs)),
        interval[0] if interval else None,
        interval[1] if interval else None,
        tuple(map(float, middle)),
    )


def epochs_to_share(study: StudyRecord, trial: TrialRecord, share: float = 0.9) -> int:
    """Epochs, counted from 1, until the trial reached `share` of its own best."""
    values = {epoch: sign(study) * v for epoch, v in trial.curve.items() if np.isfinite(v)}
    best, first = max(values.values()), next(iter(values.values()))
    ratio = sign(study) > 0 and min(values.values()) >= 0
    goal = share * best if ratio else first + share * (best - first)
    return next(epoch for epoch, value in values.items() if value >= goal) + 1


def _better_half(study: StudyRecord, group: list[TrialRecord], epochs: np.ndarray) -> np.ndarray:
    """Best-so-far scores, one row per trial of the better half (at least LEAST), by epoch."""
    order = sorted(group, key=lambda t: -(score(study, t) or 0.0))
    kept = order[: min(MOST, max(LEAST, (len(order) + 1) // 2))]
    return np.array([running_best(study, trial, epochs) for trial in kept])


def _crossings(tables: dict[str, np.ndarray], epochs: np.ndarray) -> list[Crossing]:
    labels = list(tables)
    found = []
    for i, a in enumerate(labels):
        for b in labels[i + 1 :]:
            with np.errstate(invalid="ignore"):  # before the first report both are -inf
                crossing = _crossing(a, b, tables[a], tables[b], epochs)
            if crossing:
                found.append(crossing)
    return found


def _crossing(
    a: str, b: str, first: np.ndarray, second: np.ndarray, epochs: np.ndarray
) -> Crossing | None:
    point = overtaking(np.median(second, axis=0) - np.median(first, axis=0))
    if point is None:
        return None
    place, b_wins = point
    rng = np.random.default_rng(0)
    rounds = []
    for _ in range(ROUNDS):
        x = np.median(first[rng.integers(0, len(first), len(first))], axis=0)
        y = np.median(second[rng.integers(0, len(second), len(second))], axis=0)
        again = overtaking(y - x)
        if again is not None and again[1] == b_wins:
            rounds.append(int(epochs[again[0]]))
    if not rounds:
        return None
    low, high = intervals.spread(rounds, 0.9)
    early, late = (a, b) if b_wins else (b, a)
    return Crossing(early, late, int(epochs[place]), low, high, len(rounds) / ROUNDS)


def overtaking(difference: Sequence[float] | np.ndarray) -> tuple[int, bool] | None:
    """When the sign of a difference by epoch last changes: (place, whether it ends positive).

    None when the one that leads in the end led all the time.
    """
    gap = np.asarray(difference, dtype=float)
    if len(gap) == 0 or not np.isfinite(gap[-1]) or gap[-1] == 0:
        return None
    against = np.flatnonzero(np.sign(gap) == -np.sign(gap[-1]))
    if len(against) == 0:
        return None
    return int(against[-1]) + 1, bool(gap[-1] > 0)


def draw(record: Speeds, ax: Axes) -> None:
    left, right = style.panels(ax, 1, 2, width_ratios=[2, 3])
    colors = style.colors_of(record.labels)
    epochs = [epoch + 1 for epoch in record.epochs]
    for at, cell in enumerate(record.cells):
        color = colors[cell.label]
        if cell.low is not None and cell.high is not None:
            left.vlines(at, cell.low, cell.high, color=color, linewidth=2.2)
        left.scatter([at], [cell.epochs], s=46, color=color, zorder=3)
        right.plot(epochs, cell.median, color=color, label=cell.label)
    left.set_ylim(bottom=0)
    left.set_ylabel("epochs to 90 % of own best")
    style.categories(left, [c.label for c in record.cells], short(record.param))
    for crossing in record.sure:
        late = next(c for c in record.cells if c.label == crossing.late)
        right.scatter(
            [crossing.epoch + 1],
            [late.median[record.epochs.index(crossing.epoch)]],
            s=34,
            zorder=4,
            facecolors="none",
            edgecolors=style.INK,
            linewidths=1.1,
        )
    style.log_axis(right)
    right.set_xlabel("epoch (log scale); circles: one depth overtakes another")
    right.set_ylabel(f"{record.objective}, best so far")
    style.legend_above(right, 6, title=short(record.param))


def rows(record: Speeds) -> list[dict[str, Any]]:
    speeds = [
        {
            "kind": "speed",
            "value": c.label,
            "trials": c.trials,
            "epochs": c.epochs,
            "ci_low": c.low,
            "ci_high": c.high,
        }
        for c in record.cells
    ]
    crossings = [
        {
            "kind": "crossing",
            "value": f"{c.late} overtakes {c.early}",
            "epochs": c.epoch + 1,
            "ci_low": c.low + 1,
            "ci_high": c.high + 1,
            "share_of_rounds": c.share,
        }
        for c in record.crossings
    ]
    return speeds + crossings


def details(record: Speeds) -> tuple[str, list[dict[str, Any]]]:
    """The lines of the figure."""
    return "Median best so far of the better half, by epoch", [
        {"epoch": epoch + 1}
        | {f"{short(record.param)}={c.label}": _finite(c.median[at]) for c in record.cells}
        for at, epoch in enumerate(record.epochs)
    ]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def caption(record: Speeds) -> str:
    fast = min(record.cells, key=lambda c: c.epochs)
    slow = max(record.cells, key=lambda c: c.epochs)
    name = short(record.param)
    if len(record.cells) == 1:
        return (
            f"Only {name} = {fast.label} has {LEAST} completed trials; it needs {fast.epochs:g} "
            "epochs to 90 % of its own best."
        )
    text = (
        f"{name} = {fast.label} needs {fast.epochs:g} epochs to 90 % of its own best, {name} = "
        f"{slow.label} needs {slow.epochs:g}. Curves: median of each depth's better half."
    )
    if record.sure:
        last = max(record.sure, key=lambda c: c.epoch)
        pairs = (
            "One pair crosses:"
            if len(record.sure) == 1
            else f"{len(record.sure)} pairs cross; last,"
        )
        text += (
            f" {pairs} {name} = {last.late} overtakes {last.early} at epoch "
            f"{last.epoch + 1} ({last.low + 1:.0f} to {last.high + 1:.0f})."
        )
    return text
