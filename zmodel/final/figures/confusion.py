"""Confusion matrix of the test set, summed over seeds.

Drawn as the study's own is.
"""

from __future__ import annotations

from zmodel.analysis.diagnostics.training import confusion
from zmodel.analysis.diagnostics.training.confusion import SIZE, Confusion, draw, nothing, rows
from zmodel.final.scores import told
from zmodel.final.summary import FinalResult

__all__ = ["QUESTION", "SIZE", "TITLE", "caption", "data", "draw", "nothing", "rows"]

TITLE = "Confusion matrix"
QUESTION = "Which classes does the winner mix up on the test set?"


def data(result: FinalResult) -> Confusion:
    counts = tuple(tuple(told(n) for n in row) for row in result.counts)
    return Confusion(result.winner.trial, "test", result.classes, counts)


def caption(record: Confusion) -> str:
    return f"Counts over all seeds. {confusion.caption(record)}"
