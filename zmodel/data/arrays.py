"""The arrays of one part of a data set, and their checks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from zmodel.data.batches import Part
from zmodel.data.normalise import Floats, narrowed
from zmodel.data.targets import Targets
from zmodel.table.columns import LARGEST


class Arrays(NamedTuple):
    """One part of a data set: samples, targets and perhaps weights.

    x (N, *input_shape); y int64 (N,) in 0..classes-1, or for regression decimals (N, targets);
    weights (N,) above 0, if samples do not count alike.

    x is float32, or float64 where its values differ by less than float32 can tell.
    """

    x: Floats
    y: NDArray[Any]
    weights: Floats | None = None

    def take(self, indices: NDArray[np.int64]) -> Arrays:
        """Some of the samples."""
        return Arrays(*(None if a is None else a[indices] for a in self))  # type: ignore[arg-type]

    def narrowed(self) -> Arrays:
        """x in single precision, if that tells its values apart."""
        return self._replace(x=narrowed(self.x))

    def digest(self, indices: NDArray[np.int64], settings: str) -> str:
        """SHA-256 of settings, contents and these indices."""
        digest = hashlib.sha256(settings.encode())
        for array in (*self, indices):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def tensors(self, scaled: Callable[[Floats], Floats]) -> Part:
        """In single precision; `scaled` brings the weights to a certain sum."""
        every = [np.ascontiguousarray(self.x, dtype=np.float32)]
        every.append(self.y if self.y.dtype == np.int64 else self.y.astype(np.float32))
        if self.weights is not None:
            every.append(scaled(self.weights.astype(np.float64)).astype(np.float32))
        return tuple(map(torch.from_numpy, every))


def mean_one(weights: Floats) -> Floats:
    """Weights to train by: as a whole, the samples count as much as without weights."""
    return weights / weights.mean()


def effective(weights: Floats) -> Floats:
    """Weights for evaluation, whose sum is the effective number of samples.

    That is the number of samples of equal weight whose mean would be as uncertain (Kish, Survey
    Sampling, 1965)."""
    share = weights / weights.max()
    return share * (share.sum() / np.square(share).sum())


def check_arrays(where: str, arrays: Arrays, targets: Targets, holes: bool = False) -> None:
    """ValueError, beginning with `where`, unless `arrays` keeps the contract of Arrays.

    `holes`: values may be missing, NaN.
    """
    x, y, weights = arrays
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
    if weights is not None:
        above = (weights > 0) & (weights <= LARGEST)
        if weights.shape != y.shape[:1] or not above.all():
            raise ValueError(
                f"{where}: weights must be {len(y)} finite numbers above 0, one per sample, found "
                f"shape {weights.shape} with {int((~above).sum())} others; correct or drop them."
            )


def check_shape(where: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """ValueError unless the samples of two parts have the same shape."""
    if found != expected:
        raise ValueError(
            f"{where}: samples must have the shape of the training part, {expected}, found "
            f"{found}; prepare both parts in the same way."
        )
