"""One part of a data set as arrays, and what they must fulfil before a run spends time on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zmodel.data.normalise import LARGEST, Floats


class Arrays(NamedTuple):
    """One part of a data set: x (N, *input_shape), y int64 (N,) in 0..classes-1.

    x is float32, or float64 where its values differ by less than float32 can tell.
    """

    x: Floats
    y: NDArray[np.int64]


def check_arrays(where: str, arrays: Arrays, classes: Sequence[str]) -> None:
    """ValueError, beginning with `where`, unless `arrays` keeps the contract of Arrays."""
    x, y = arrays
    if len(classes) < 2:
        raise ValueError(
            f"{where}: a classifier needs at least two classes, found {len(classes)} "
            f"({', '.join(classes)}); add samples of another class."
        )
    for name, array, types in (("x", x, ("float32", "float64")), ("y", y, ("int64",))):
        if array.dtype not in types:
            raise ValueError(
                f"{where}: {name} must be {' or '.join(types)}, found {array.dtype}; "
                f"convert it with .astype(np.{types[0]})."
            )
    if len(y) == 0 or len(x) != len(y) or y.ndim != 1:
        raise ValueError(
            f"{where}: x (N, ...) and y (N,) must hold the same number of samples, at least one; "
            f"found x {x.shape} and y {y.shape}."
        )
    if not 2 <= x.ndim <= 4 or x.size == 0:
        raise ValueError(
            f"{where}: a sample must be (features,), (channels, length) or (channels, height, "
            f"width), found {x.shape[1:]}; reshape x."
        )
    _check_values(where, x, y, len(classes))


def check_every_class(where: str, y: NDArray[np.int64], classes: Sequence[str]) -> None:
    """ValueError, beginning with `where`, that names the classes without a sample in `y`."""
    counts = np.bincount(y, minlength=len(classes))
    missing = [name for name, count in zip(classes, counts, strict=True) if count == 0]
    if missing:
        raise ValueError(
            f"{where}: every class needs at least one sample, found none of "
            f"{', '.join(map(repr, missing[:10]))} among {len(y)}; add samples, drop the class, or "
            "choose another split."
        )


def check_shape(where: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """ValueError unless the samples of two parts have the same shape."""
    if found != expected:
        raise ValueError(
            f"{where}: samples must have the shape of the training part, {expected}, found "
            f"{found}; prepare both parts in the same way."
        )


def _check_values(where: str, x: Floats, y: NDArray[np.int64], classes: int) -> None:
    finite = (np.abs(x.reshape(len(x), -1)) <= LARGEST).all(axis=1)
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"{where}: x must be finite in single precision, found NaN or infinity in "
            f"{int((~finite).sum())} of {len(x)} samples, the first at index {first}; fill or drop "
            "them."
        )
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(
            f"{where}: labels must be 0..{classes - 1} for {classes} classes, found "
            f"{y.min()}..{y.max()}; renumber the labels or mend the class names."
        )
