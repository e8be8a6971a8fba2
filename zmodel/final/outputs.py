"""Predictions that are neither of classes nor of values, such as masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Unjudged:
    """What :class:`zmodel.callbacks.save_predictions.SavePredictions` wrote for one seed."""

    reason: str
    """Why they are not judged."""
    outputs: NDArray[Any] | None
    """(M, ...) of the first M test samples: what a deployed model gives. None: there are none."""
