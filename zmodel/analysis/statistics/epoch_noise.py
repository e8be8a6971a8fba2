"""How much a learning curve varies from one epoch to the next, around its trend."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np


def epoch_noise(curve: Sequence[float] | np.ndarray) -> float:
    """Standard deviation of one epoch's value; 0 for a curve of fewer than three epochs with a
    finite value.

    By second differences, in which a straight trend is gone and which have six times the variance
    of one value (Gasser, Sroka & Jennen-Steinmetz, Biometrika 73, 1986).
    """
    values = np.asarray(curve, dtype=float)
    bends = np.diff(values[np.isfinite(values)], 2)
    return float(np.sqrt(np.mean(bends**2) / 6)) if len(bends) else 0.0


def best_of_noise(noise: float, epochs: int) -> float:
    """By how much the best of so many epochs of a flat curve exceeds its level on average.

    The largest of as many normal values (Blom, Statistical Estimates and Transformed
    Beta-Variables, 1958).
    """
    return noise * NormalDist().inv_cdf((epochs - 0.375) / (epochs + 0.25))
