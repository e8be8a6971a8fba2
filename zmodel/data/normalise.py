"""Mean and deviation per channel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Normaliser(NamedTuple):
    """Broadcasts against samples: mean and std are (1, C), (1, C, 1) or (1, C, 1, 1)."""

    mean: Floats
    std: Floats

    def __call__(self, x: Floats) -> Floats:
        return (x - self.mean) / self.std


def fit_normaliser(x: Floats) -> Normaliser:
    """Statistics per channel (per feature for vectors) of x (N, C, ...) over all else.

    Summed in double precision by NumPy, whose result does not depend on the number of threads.
    A channel that is constant, as far as float32 can tell, is only centred.
    """
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axis=axes, keepdims=True, dtype=np.float64)
    std = x.std(axis=axes, keepdims=True, dtype=np.float64)
    std = np.where(std > np.finfo(np.float32).eps * np.abs(mean), std, 1)
    return Normaliser(mean.astype(np.float32), std.astype(np.float32))
