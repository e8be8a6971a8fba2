"""How fast each depth learns, and where the curves of two depths cross.

Epochs to 90 %: the first epoch at which a completed trial reaches nine tenths of its own best (of
the way from its first value to its best when smaller is better or values are negative).
Crossings compare the better half of each depth's trials, so that a badly chosen learning rate
does not decide; curves are best-so-far, and a stopped trial keeps what it had reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.intervals import around, bootstrap
from zmodel.analysis.statistics.selection import (
    curve_name,
    curve_sign,
    need_structural,
    score,
    short,
)
from zmodel.analysis.statistics.steps import grid, running_best
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Learning speed by depth"
QUESTION = "Which depths start slowly, and when do they overtake the others?"
SIZE = (style.WIDTH, 4.4)
LEAST = 3
ROUNDS = 100
MOST = 400
SURE = 0.8


@dataclass(frozen=True)
class Speed:
    """How fast a depth learns.

    `epochs`: median epochs to 90 % with its 95 % interval; `median`: the better half's median
    best-so-far by epoch."""

    label: str
    trials: int
    epochs: float
    low: float | None
    high: float | None
    median: tuple[float, ...]


@dataclass(frozen=True)
class Crossing:
    """The epoch at which one depth overtakes another.

    From `epoch` on `late` stays ahead of `early`, which led before; `low`, `high`: 90 % of
    the bootstrap rounds that cross; `share`: of the rounds that cross at all."""

    early: str
    late: str
    epoch: int
    low: float
    high: float
    share: float


@dataclass(frozen=True)
class Speeds:
    """Epochs are counted from 1; `epochs` are those of the cells' medians."""

    param: str
    objective: str
    labels: tuple[str, ...]
    epochs: tuple[int, ...]
    cells: tuple[Speed, ...]
    crossings: tuple[Crossing, ...]
    maximize: bool

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
    steps = grid(t.curve for group in groups.values() for t in group)
    tables = {label: _better_half(study, group, steps) for label, group in groups.items()}
    epochs = steps + 1
    crossings = (_crossing(a, b, tables, epochs) for a, b in combinations(tables, 2))
    return Speeds(
        param,
        curve_name(study),
        cells.labels,
        tuple(map(int, epochs)),
        tuple(_speed(study, label, group, tables[label]) for label, group in groups.items()),
        tuple(crossing for crossing in crossings if crossing),
        curve_sign(study) > 0,
    )


def _speed(study: StudyRecord, label: str, group: list[TrialRecord], table: np.ndarray) -> Speed:
    epochs = [epochs_to_share(study, trial) for trial in group]
    low, high = bootstrap(epochs) or (None, None)
    middle = curve_sign(study) * np.median(table, axis=0)
    return Speed(label, len(group), float(np.median(epochs)), low, high, tuple(map(float, middle)))


def epochs_to_share(study: StudyRecord, trial: TrialRecord, share: float = 0.9) -> int:
    """Epochs, counted from 1, until the trial reached `share` of its own best."""
    values = {step: curve_sign(study) * v for step, v in trial.curve.items() if np.isfinite(v)}
    best, first = max(values.values()), next(iter(values.values()))
    ratio = curve_sign(study) > 0 and min(values.values()) >= 0
    goal = share * best if ratio else first + share * (best - first)
    return next(step for step, value in values.items() if value >= goal) + 1


def _better_half(study: StudyRecord, group: list[TrialRecord], steps: np.ndarray) -> np.ndarray:
    """Best-so-far scores, one row per trial of the better half (at least LEAST), by step."""
    order = sorted(group, key=lambda t: -(score(study, t) or 0.0))
    kept = order[: min(MOST, max(LEAST, (len(order) + 1) // 2))]
    return np.array([running_best(study, trial, steps) for trial in kept])


def _crossing(a: str, b: str, tables: dict[str, np.ndarray], epochs: np.ndarray) -> Crossing | None:
    first, second = tables[a], tables[b]
    rng = np.random.default_rng(0)

    def again(table: np.ndarray) -> np.ndarray:
        return np.median(table[rng.integers(0, len(table), len(table))], axis=0)

    with np.errstate(invalid="ignore"):  # before the first report both are -inf
        point = overtaking(np.median(second, axis=0) - np.median(first, axis=0))
        if point is None:
            return None
        resampled = [overtaking(-again(first) + again(second)) for _ in range(ROUNDS)]
    place, b_wins = point
    rounds = [float(epochs[found[0]]) for found in resampled if found and found[1] == b_wins]
    low, high = around(float(epochs[place]), rounds, 0.9)
    if low is None or high is None:
        return None
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
    upper, lower = style.panels(ax, 2, 1, height_ratios=[2, 3])
    colors = style.colors_of(record.labels)
    for cell in record.cells:
        color, place = colors[cell.label], record.labels.index(cell.label)
        marks.interval(upper, place, cell.low, cell.high, color=color, linewidth=2.2)
        marks.dots(upper, [place], [cell.epochs], color, 46, alpha=1, zorder=3)
        (line,) = lower.plot(record.epochs, cell.median, color=color, label=cell.label)
        line.set_gid(f"depth {place}")
    upper.set_ylim(bottom=0)
    upper.set_xlim(-0.6, len(record.labels) - 0.4)
    axes.whole_numbers(upper)
    upper.set_ylabel("epochs to 90 %")
    axes.categories(upper, record.labels, short(record.param))
    for crossing in record.sure:
        late = next(c for c in record.cells if c.label == crossing.late)
        height = late.median[record.epochs.index(crossing.epoch)]
        marks.dots(lower, [crossing.epoch], [height], style.INK, 34, hollow=True, zorder=4)
    axes.log_axis(lower)
    lower.set_xlabel("epoch (log scale); circles: one depth overtakes another")
    medians = [value for cell in record.cells for value in cell.median]
    value_axis(lower, "best so far", medians, record.maximize)
    axes.legend_above(lower, 6)


def rows(record: Speeds) -> list[Row]:
    speeds = [{"kind": "speed", "value": c.label, **flat(c, "label")} for c in record.cells]
    crossings = [
        {"kind": "crossing", "value": f"{c.late} overtakes {c.early}", **flat(c, "early", "late")}
        for c in record.crossings
    ]
    return speeds + crossings


def details(record: Speeds) -> tuple[str, list[Row]]:
    """The lines of the figure."""
    return "Median best so far of the better half, by epoch", [
        {"epoch": epoch}
        | {
            f"{short(record.param)}={c.label}": c.median[at] if np.isfinite(c.median[at]) else None
            for c in record.cells
        }
        for at, epoch in enumerate(record.epochs)
    ]


def caption(record: Speeds) -> str:
    name, key = short(record.param), (lambda c: c.epochs)
    fast, slow = min(record.cells, key=key), max(record.cells, key=key)
    text = f"{name} = {fast.label} needs {fast.epochs:g} epochs to 90 % of its own best"
    if len(record.cells) == 1:
        return f"{text}; no other value has {LEAST} completed trials with curves."
    text += f", {name} = {slow.label} needs {slow.epochs:g}. Curves: median of each better half."
    if record.sure:
        last = max(record.sure, key=lambda c: c.epoch)
        pairs = "1 pair crosses" if len(record.sure) == 1 else f"{len(record.sure)} pairs cross"
        text += (
            f" {pairs}; last, {name} = {last.late} overtakes {last.early} at epoch {last.epoch} "
            f"({last.low:.0f} to {last.high:.0f})."
        )
    known = {cell.label for cell in record.cells}
    if few := [label for label in record.labels if label not in known]:
        text += f" Not drawn, under {LEAST} completed trials with curves: {', '.join(few)}."
    return text
