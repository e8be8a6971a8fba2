"""Predicted against true values of the test set.

Means over seeds, drawn as the study's are.
"""

from __future__ import annotations

import numpy as np

from zmodel.analysis.diagnostics.training import residuals
from zmodel.analysis.diagnostics.training.residuals import Residuals, draw, rows, size
from zmodel.final.summary import FinalResult

__all__ = ["QUESTION", "TITLE", "caption", "data", "draw", "rows", "size"]

TITLE = "Residuals"
QUESTION = "How far are the winner's predictions from the measured values, and where?"


def data(result: FinalResult) -> Residuals:
    every = result.estimated
    predicted = np.mean([e.predicted for e in every], axis=0, dtype=float)
    true = every[0].true.astype(float)
    return Residuals(result.winner.trial, "test", every[0].targets, true, predicted)


def caption(record: Residuals) -> str:
    return f"Means over all seeds. {residuals.caption(record)}"
