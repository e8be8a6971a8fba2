"""Whether a run is better than a constant answer.

That is the most frequent class, or the mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

DEVIATIONS = 2.0
"""Standard deviations of chance by which a run must have exceeded the majority's share."""


def never_learned(best_accuracy: float, class_counts: Sequence[int]) -> bool:
    """Whether the best accuracy of a run is at the level of the majority class, within noise.

    Args:
        best_accuracy: of all validations.
        class_counts: validation samples of each class.
    """
    n = sum(class_counts)
    share = max(class_counts) / n
    return best_accuracy <= share + DEVIATIONS * math.sqrt(share * (1 - share) / n)


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
