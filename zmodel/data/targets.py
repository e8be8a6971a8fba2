"""The kinds of targets: numbers of classes, or measured values.

Shapes: N samples, T targets; y is int64 (N,) for classes, float (N, T) for values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zmodel.data.normalise import blurred
from zmodel.table.columns import LARGEST

STRATUM = 20
"""Samples that make a stratum of a measured target worth drawing from by itself."""
MOST_STRATA = 10
MOST_SPREAD = 1e15
"""Of a target, and its inverse the least: its square is far inside what float32 can tell."""


class Targets(Protocol):
    """What a data set must know of its y."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes, or of the targets."""

    def check(self, where: str, y: NDArray[Any]) -> None:
        """ValueError, beginning with `where`, unless y can be learned."""

    def check_part(self, where: str, y: NDArray[Any]) -> None:
        """ValueError unless a part of the samples can be trained or scored on."""

    def strata(self, y: NDArray[Any]) -> tuple[NDArray[np.int64], Sequence[str]]:
        """(N,) numbers of strata, and their names: a drawn split takes the same share of each."""


@dataclass(frozen=True)
class Classes:
    """y is 0..C-1."""

    names: tuple[str, ...]

    def check(self, where: str, y: NDArray[Any]) -> None:
        count = len(self.names)
        if count < 2:
            raise ValueError(
                f"{where}: a classifier needs at least two classes, found {count} "
                f"({', '.join(self.names)}); add samples of another class."
            )
        if y.dtype != np.int64 or y.ndim != 1:
            raise ValueError(
                f"{where}: y must be int64, found {y.dtype} of shape {y.shape}; convert it with "
                ".astype(np.int64)."
            )
        if len(y) and (y.min() < 0 or y.max() >= count):
            raise ValueError(
                f"{where}: labels must be 0..{count - 1} for {count} classes, found "
                f"{y.min()}..{y.max()}; renumber the labels or correct the class names."
            )

    def check_part(self, where: str, y: NDArray[Any]) -> None:
        counts = np.bincount(y, minlength=len(self.names))
        missing = [name for name, count in zip(self.names, counts, strict=True) if count == 0]
        if missing:
            raise ValueError(
                f"{where}: every class needs at least one sample, found none of "
                f"{', '.join(map(repr, missing[:10]))} among {len(y)}; add samples, drop the "
                "class, or choose another split."
            )

    def strata(self, y: NDArray[Any]) -> tuple[NDArray[np.int64], Sequence[str]]:
        return y, self.names


@dataclass(frozen=True)
class Measured:
    """y is what a regression predicts; the names are those of the targets."""

    names: tuple[str, ...]

    def check(self, where: str, y: NDArray[Any]) -> None:
        if y.dtype.kind != "f" or y.ndim != 2 or y.shape[1] != len(self.names):
            raise ValueError(
                f"{where}: y must be decimals (N, {len(self.names)}), found {y.dtype} {y.shape}; "
                "convert it with .astype(np.float64)."
            )
        bad = np.flatnonzero(~(np.abs(y) <= LARGEST).all(axis=1))
        if len(bad):
            raise ValueError(
                f"{where}: targets must be finite, found NaN or infinity in {len(bad)} of {len(y)} "
                f"samples, the first at index {bad[0]}; drop samples without a value."
            )
        for name, far in zip(self.names, blurred(y), strict=True):
            if far:
                raise ValueError(
                    f"{where}: target {name!r} must vary by more than single precision can tell, "
                    "found values that lie too close together for their size; subtract a constant."
                )
        for name, spread in zip(self.names, y.std(axis=0, dtype=np.float64), strict=True):
            if spread and not 1 / MOST_SPREAD <= spread <= MOST_SPREAD:
                raise ValueError(
                    f"{where}: the standard deviation of target {name!r} must lie between "
                    f"{1 / MOST_SPREAD:.0e} and {MOST_SPREAD:.0e}, since errors are squared in "
                    f"single precision, found {spread:.3g}; give it in another unit."
                )

    def check_part(self, where: str, y: NDArray[Any]) -> None:
        constant = [name for name, column in zip(self.names, y.T, strict=True) if _same(column)]
        if constant:
            raise ValueError(
                f"{where}: a target must have more than one value, found one alone in "
                f"{', '.join(map(repr, constant))} among {len(y)}; drop the target, or choose "
                "another split."
            )

    def strata(self, y: NDArray[Any]) -> tuple[NDArray[np.int64], Sequence[str]]:
        """Of about equal size, by the rank of the first target: small, ..., large values."""
        count = int(np.clip(len(y) // STRATUM, 1, MOST_STRATA))
        rank = np.empty(len(y), dtype=np.int64)
        rank[np.argsort(y[:, 0], kind="stable")] = np.arange(len(y))
        return rank * count // max(1, len(y)), ()


def _same(column: NDArray[Any]) -> bool:
    return not len(column) or bool((column == column[0]).all())
