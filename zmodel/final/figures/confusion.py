"""Confusion matrix of the test set, summed over seeds.

Drawn as the study's own is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmodel.analysis.diagnostics.training import confusion
from zmodel.analysis.diagnostics.training.confusion import Confusion
from zmodel.final.scores import told
from zmodel.final.summary import FinalResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Confusion matrix"
QUESTION = "Which classes does the winner mix up on the test set?"
SIZE = confusion.SIZE


def data(result: FinalResult) -> Confusion:
    counts = tuple(tuple(told(n) for n in row) for row in result.counts)
    return Confusion(result.winner.trial, "test", result.classes, counts)


def draw(record: Confusion, ax: Axes) -> None:
    confusion.draw(record, ax)


def rows(record: Confusion) -> list[dict[str, Any]]:
    return confusion.rows(record)


def nothing(record: Confusion) -> str | None:
    return confusion.nothing(record)


def caption(record: Confusion) -> str:
    return f"Counts over all seeds. {confusion.caption(record)}"
