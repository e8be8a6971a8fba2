"""Whether an accuracy is better than always naming the most frequent class."""

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
