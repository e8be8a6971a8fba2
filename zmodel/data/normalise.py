"""Mean and deviation per channel.

Taken and used before anything is rounded to single precision.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
BLUR = 1e-4
"""Share of a channel's deviation that rounding to float32 may take."""
NOISE = 1e-13
"""A deviation of a smaller share of the mean is what calculations leave behind."""


class Normaliser(NamedTuple):
    """Broadcasts against samples: mean and std are (1, C), (1, C, 1) or (1, C, 1, 1).

    Their type, float32 or float64, is that in which samples are centred; the result is float32.
    """

    mean: Floats
    std: Floats

    def __call__(self, x: Floats) -> NDArray[np.float32]:
        centred = (x.astype(self.mean.dtype, copy=False) - self.mean) / self.std
        return centred.astype(np.float32, copy=False)


def fit_normaliser(x: Floats) -> Normaliser:
    """Statistics per channel (per feature for vectors) of x (N, C, ...) over all else.

    Summed in double precision by NumPy, whose result does not depend on the number of threads.
    A channel that is constant, as far as its type can tell, is only centred.
    """
    mean, std = _moments(x)
    least = np.finfo(np.float32).eps if x.dtype == np.float32 else NOISE
    std = np.where(std > least * np.abs(mean), std, 1)
    return Normaliser(mean.astype(x.dtype), std.astype(x.dtype))


def narrowed(x: Floats) -> Floats:
    """`x` as float32, or as it is when that would blur a channel."""
    return x if blurred(x).any() else x.astype(np.float32, copy=False)


def blurred(x: Floats) -> NDArray[np.bool_]:
    """(C,): the channels of finite x (N, C, ...) that vary too little for float32 to follow.

    A time in seconds, 1.7e9, that varies by ten is rounded to multiples of 128.
    """
    if x.dtype == np.float32:
        return np.zeros(x.shape[1], dtype=bool)
    lost = np.abs(x - x.astype(np.float32)).max(axis=_all_but_channels(x), keepdims=True)
    if not lost.any():
        return np.zeros(x.shape[1], dtype=bool)
    mean, std = _moments(x)
    return ((lost > BLUR * std) & (std > NOISE * np.abs(mean))).reshape(-1)


def _moments(x: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of every channel, in double precision."""
    axes = _all_but_channels(x)
    mean = x.mean(axis=axes, keepdims=True, dtype=np.float64)
    return mean, x.std(axis=axes, keepdims=True, dtype=np.float64)


def _all_but_channels(x: Floats) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))
