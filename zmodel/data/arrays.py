"""The arrays of one part of a data set, and their checks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zmodel.data.normalise import LARGEST, Floats
from zmodel.data.targets import Targets


class Arrays(NamedTuple):
    """One part of a data set: x (N, *input_shape); y int64 (N,) in 0..classes-1, or for regression
    decimals (N, targets).

    x is float32, or float64 where its values differ by less than float32 can tell.
    """

    x: Floats
    y: NDArray[Any]


def check_arrays(where: str, arrays: Arrays, targets: Targets, holes: bool = False) -> None:
    """ValueError, beginning with `where`, unless `arrays` keeps the contract of Arrays.

    `holes`: values may be missing, NaN.
    """
    x, y = arrays
    if x.dtype not in ("float32", "float64"):
        raise ValueError(
            f"{where}: x must be float32 or float64, found {x.dtype}; convert it with "
            ".astype(np.float32)."
        )
    targets.check(where, y)
    if len(y) == 0 or len(x) != len(y):
        raise ValueError(
            f"{where}: x (N, ...) and y must hold the same number of samples, at least one; "
            f"found x {x.shape} and y {y.shape}."
        )
    if not 2 <= x.ndim <= 4 or x.size == 0:
        raise ValueError(
            f"{where}: a sample must be (features,), (channels, length) or (channels, height, "
            f"width), found {x.shape[1:]}; reshape x."
        )
    flat = x.reshape(len(x), -1)
    finite = ((np.abs(flat) <= LARGEST) | (np.isnan(flat) if holes else False)).all(axis=1)
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"{where}: x must be finite in single precision, found NaN or infinity in "
            f"{int((~finite).sum())} of {len(x)} samples, the first at index {first}; fill or drop "
            "them."
        )


def check_shape(where: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """ValueError unless the samples of two parts have the same shape."""
    if found != expected:
        raise ValueError(
            f"{where}: samples must have the shape of the training part, {expected}, found "
            f"{found}; prepare both parts in the same way."
        )
