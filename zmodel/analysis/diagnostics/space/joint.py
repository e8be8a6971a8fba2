"""Number of trials per combination of two parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmodel.analysis.diagnostics.space.importance import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import score, short, sign
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Joint coverage"
QUESTION = "Which combinations of the important parameters were never tried?"
PAIRS = 2
# in more cells than this the numbers could not be read
MOST_NOTES = 150


@dataclass(frozen=True)
class Pair:
    """`trials`, `completed`, `best`: [i][j] is at value i of `first` and value j of `second`."""

    first: str
    second: str
    first_labels: tuple[str, ...]
    second_labels: tuple[str, ...]
    trials: tuple[tuple[int, ...], ...]
    completed: tuple[tuple[int, ...], ...]
    best: tuple[tuple[float | None, ...], ...]

    @property
    def empty(self) -> int:
        return sum(n == 0 for row in self.completed for n in row)


@dataclass(frozen=True)
class Joint:
    pairs: tuple[Pair, ...]


def data(study: StudyRecord) -> Joint:
    names = important(study, PAIRS + 1)
    if len(names) < 2 or not any(t.params for t in study.trials):
        raise Unavailable("needs two parameters that vary and a trial that has them")
    return Joint(tuple(_pair(study, names[0], other) for other in names[1:]))


def _pair(study: StudyRecord, first: str, second: str) -> Pair:
    rows, columns = cells_of(study, first), cells_of(study, second)
    table = [columns.split(group) for group in rows.split(study.trials)]
    scores = [
        [
            [s for t in cell if t.state == "complete" and (s := score(study, t)) is not None]
            for cell in row
        ]
        for row in table
    ]
    return Pair(
        first,
        second,
        rows.labels,
        columns.labels,
        tuple(tuple(len(cell) for cell in row) for row in table),
        tuple(tuple(len(cell) for cell in row) for row in scores),
        tuple(tuple(sign(study) * max(c) if c else None for c in row) for row in scores),
    )


def draw(record: Joint, ax: Axes) -> None:
    for pair, panel in zip(record.pairs, style.panels(ax, len(record.pairs), 1), strict=True):
        most = max(map(max, pair.completed)) or 1
        turned = list(zip(*pair.completed, strict=True))
        panel.imshow(turned, cmap="Blues", vmin=0, vmax=most, aspect="auto", rasterized=True)
        if len(pair.first_labels) * len(pair.second_labels) <= MOST_NOTES:
            _draw_notes(pair, panel, most)
        axes.categories(panel, pair.first_labels, short(pair.first))
        shown = [axes.clipped(label, 20) for label in pair.second_labels]
        every = math.ceil(len(shown) / axes.MOST_LABELS)
        panel.set_yticks(range(0, len(shown), every), shown[::every])
        panel.set_ylabel(axes.clipped(short(pair.second)))
        panel.grid(False)


def size(record: Joint) -> tuple[float, float]:
    heights = (0.9 + 0.3 * min(12, max(4, len(pair.second_labels))) for pair in record.pairs)
    return style.WIDTH, sum(heights)


def nothing(record: Joint) -> str | None:
    if any(n for pair in record.pairs for row in pair.completed for n in row):
        return None
    return "No trial with these parameters has completed yet."


def _draw_notes(pair: Pair, ax: Axes, most: int) -> None:
    for i, row in enumerate(pair.completed):
        for j, n in enumerate(row):
            best = pair.best[i][j]
            note = "none" if best is None else f"{n}: {best:.3g}"
            color = "#ffffff" if n > 0.55 * most else "#000000"
            ax.text(i, j, note, ha="center", va="center", fontsize=7, color=color)


def rows(record: Joint) -> list[Row]:
    return [
        {
            pair.first: a,
            pair.second: b,
            "trials": pair.trials[i][j],
            "completed": pair.completed[i][j],
            "best": pair.best[i][j],
        }
        for pair in record.pairs
        for i, a in enumerate(pair.first_labels)
        for j, b in enumerate(pair.second_labels)
    ]


def caption(record: Joint) -> str:
    parts = [
        f"{short(p.first)} x {short(p.second)}: {p.empty} of "
        f"{len(p.first_labels) * len(p.second_labels)} combinations without a completed trial"
        for p in record.pairs
    ]
    return f"{'; '.join(parts)}. In each cell: completed trials, and the best value among them."
