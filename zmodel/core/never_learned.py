"""Whether a run is better than a constant answer.

That is the most frequent class, or the mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

DEVIATIONS = 2.0
"""Standard deviations of chance by which a run must have exceeded the majority's share."""


def judged_by_constant(metrics: Mapping[str, float], details: Mapping[str, Any]) -> bool | None:
    """Whether validation was never better than a constant answer.

    The answer is the most frequent class or the mean of the target. None where neither accuracy
    nor r2 is logged.

    Args:
        metrics: with the best of the run, ``val/acc_best`` or ``val/r2_best``.
        details: what the module tells of a validation: ``confusion_matrix`` or ``predictions``.
    """
    accuracy, confusion = metrics.get("val/acc_best"), details.get("confusion_matrix")
    if accuracy is not None and confusion is not None:
        return never_learned(accuracy, [sum(row) for row in confusion["counts"]])
    r2, predictions = metrics.get("val/r2_best"), details.get("predictions")
    if r2 is not None and predictions is not None:
        return never_explained(r2, predictions["samples"])
    return None


def never_learned(best_accuracy: float, class_counts: Sequence[int]) -> bool:
    """Whether the best accuracy of a run is at the level of the majority class, within noise.

    Args:
        best_accuracy: of all validations.
        class_counts: validation samples of each class.
    """
    n = sum(class_counts)
    return best_accuracy <= chance_level(max(class_counts) / n, n)


def chance_level(majority: float, samples: float) -> float:
    """The highest accuracy that says nothing, where the most frequent class has this share."""
    return majority + DEVIATIONS * math.sqrt(majority * (1 - majority) / samples)


def never_explained(best_r2: float, samples: int) -> bool:
    """Whether the best r2 of a run is at the level of predicting the mean, within noise.

    Predictions of variance v (in units of the target's) that have nothing to do with the target
    have r2 = 2 c - v, and their covariance c a standard deviation of sqrt(v / n). So r2 exceeds
    DEVIATIONS**2 / n, the largest value over all v, no more often than c its DEVIATIONS.

    Args:
        best_r2: of all validations.
        samples: n, how many are validated.
    """
    return best_r2 <= DEVIATIONS**2 / samples
