"""Reads and checks samples for a deployed model.

Shapes: N samples.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import DTypeLike, NDArray

from zmodel.table.series import with_mask


def samples(
    x: NDArray, shape: Sequence[int], dtype: DTypeLike = np.float32, features: Sequence[str] = ()
) -> NDArray:
    """Checked samples (N, *shape); flat rows and a missing channel axis are put in shape.

    Raises:
        ValueError: not numbers, another shape, or not finite.
    """
    if x.dtype.kind not in "fiub":
        raise ValueError(f"Samples must be real numbers, got an array of type {x.dtype}.")
    if dtype == np.float64 and x.dtype.kind == "f" and x.dtype.itemsize < 8:
        raise ValueError(
            f"Samples must be float64: {x.dtype} has lost what varies in them. Save them as they "
            "were read, without a conversion."
        )
    if np.dtype(dtype).kind in "iu" and x.dtype.kind == "f":
        raise ValueError(f"Samples must be whole numbers ({np.dtype(dtype)}), got {x.dtype}.")
    wanted = tuple(shape)
    given = tuple(x.shape[1:])
    flat = (math.prod(wanted),)
    columns = ", ".join(features[:20]) + (", ..." if features[20:] else "")
    if x.ndim < 1 or given not in (wanted, flat, *([wanted[1:]] if wanted[0] == 1 else [])):
        raise ValueError(
            f"Samples must have the shape (N, {', '.join(map(str, wanted))}), or be rows of "
            f"{flat[0]} numbers{f' ({columns})' if columns else ''}, got {tuple(x.shape)}."
        )
    small = np.abs(x) <= np.finfo(np.float32).max
    bad = np.flatnonzero(~small.reshape(len(x), *flat).all(axis=1))
    if len(bad):
        raise ValueError(
            f"Samples must be finite: {len(bad)} of {len(x)} are not (NaN, infinite, or too large "
            f"for float32), the first is number {bad[0]}."
        )
    return np.ascontiguousarray(x, dtype=dtype).reshape(len(x), *wanted)


def padded(x: NDArray, shape: Sequence[int]) -> NDArray:
    """Series (N, C, up to L) that may end early, in NaN, to samples (N, *shape) with their mask.

    Raises:
        ValueError: of other kind or longer.
    """
    channels, longest = shape[0] - 1, shape[1]
    if x.ndim == 2 and channels == 1:
        x = x[:, None]
    if x.ndim != 3 or x.shape[1] != channels or x.shape[2] > longest or x.dtype.kind not in "fiu":
        raise ValueError(
            f"Series must be numbers (N, {channels}, up to {longest}), NaN after the end of each, "
            f"got {x.dtype} of shape {tuple(x.shape)}."
        )
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    rest = ((0, 0), (0, 0), (0, longest - x.shape[2]))
    return with_mask("Series", np.pad(x, rest, constant_values=np.nan))


def read_array(path: Path, name: str | None) -> NDArray:
    """The array `name` of an .npz, by default `x` or the only one; or what an .npy holds."""
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            wanted = name or (found.files[0] if len(found.files) == 1 else "x")
            if wanted not in found.files:
                there_are = ", ".join(found.files) or "none"
                raise ValueError(f"it has no array '{wanted}' (--array NAME); arrays: {there_are}")
            return found[wanted]
    except (ValueError, OSError, EOFError, BadZipFile, zlib.error) as error:  # torn or foreign
        raise ValueError(f"{path} cannot be used: {error}.") from error
