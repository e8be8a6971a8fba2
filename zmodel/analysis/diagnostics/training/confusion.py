"""The best trial's confusion matrix on validation data, from its result.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import best
from zmodel.study.records import StudyRecord
from zmodel.study.run_folder import read_result, run_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Confusion matrix"
QUESTION = "Which classes does the best trial mix up?"
SIZE = (5.0, 4.1)
FEW = 8
"""So few mistakes are a sentence, not a picture."""
# above this many classes the counts would be too small to read
MOST_WRITTEN = 20


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix.

    `counts[i][j]`: examples of true class i that were predicted as class j; or the sum of their
    weights, with a digit."""

    number: int
    split: str
    classes: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]

    @property
    def accuracy(self) -> float:
        hits = sum(row[i] for i, row in enumerate(self.counts))
        return hits / max(1, self.total)

    @property
    def total(self) -> float:
        return sum(n for row in self.counts for n in row)

    def mistakes(self) -> list[tuple[str, str, float]]:
        """True class, predicted class and count, the most frequent first."""
        wrong = [
            (self.classes[i], self.classes[j], n)
            for i, row in enumerate(self.counts)
            for j, n in enumerate(row)
            if i != j and n
        ]
        return sorted(wrong, key=lambda mistake: -mistake[2])


def data(study: StudyRecord) -> Confusion:
    trial = best(study)
    folder = run_folder(study, trial)
    if folder is None:
        raise Unavailable(f"the run folder of the best trial ({trial.number}) was not found")
    matrix = read_result(folder).get("confusion_matrix")
    if not isinstance(matrix, dict):
        raise Unavailable(f"{folder / 'result.json'} holds no confusion_matrix")
    try:
        counts = tuple(tuple(round(n, 1) for n in row) for row in matrix["counts"])
        classes = tuple(str(name) for name in matrix["classes"])
    except (KeyError, TypeError, ValueError):
        raise Unavailable(f"{folder / 'result.json'}: confusion_matrix cannot be read") from None
    if not counts or any(len(row) != len(classes) for row in (counts, *counts)):
        raise Unavailable(f"{folder / 'result.json'}: confusion_matrix is not square")
    return Confusion(trial.number, str(matrix.get("split", "val")), classes, counts)


def draw(record: Confusion, ax: Axes) -> None:
    shares = [[n / max(1, sum(row)) for n in row] for row in record.counts]
    size = len(record.classes)
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, rasterized=True)
    ticks = range(size) if size <= 40 else range(0, size, 10)
    turn = 90 if size > MOST_WRITTEN or max(map(len, record.classes)) > 3 else 0
    ax.set_xticks(ticks, [record.classes[i] for i in ticks], rotation=turn)
    ax.set_yticks(ticks, [record.classes[i] for i in ticks])
    if size <= MOST_WRITTEN:
        for i, row in enumerate(record.counts):
            for j, n in enumerate(row):
                if n:
                    color = "#ffffff" if shares[i][j] > 0.5 else "#000000"
                    ax.text(j, i, str(n), ha="center", va="center", fontsize=8, color=color)
    ax.grid(False)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.02)
    bar.set_label("share of the true class")


def nothing(record: Confusion) -> str | None:
    """The mistakes in words when there are few."""
    wrong = record.mistakes()
    if sum(n for *_, n in wrong) > FEW:
        return None
    listed = ", ".join(f"{true} taken for {taken} ({n})" for true, taken, n in wrong)
    return (
        f"Trial {record.number} is wrong about {sum(n for *_, n in wrong):g} of "
        f"{record.total:,.0f} samples of "
        f"the {record.split} split{': ' if listed else ''}{listed}."
    )


def rows(record: Confusion) -> list[Row]:
    return [
        {"true": true, "predicted": predicted, "count": n}
        for true, row in zip(record.classes, record.counts, strict=True)
        for predicted, n in zip(record.classes, row, strict=True)
    ]


def caption(record: Confusion) -> str:
    text = (
        f"Trial {record.number} on the {record.split} split: {record.accuracy:.1%} on the "
        "diagonal. Numbers count examples, colours are shares of a row."
    )
    for true, taken, n in record.mistakes()[:1]:
        text += f" Most frequent mistake: {true} taken for {taken}, {n} times."
    return text
