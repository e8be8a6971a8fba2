"""Series of unequal length as one array, with a channel for their ends.

Shapes: N samples, C channels, L the longest length.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.floating[Any]]


def ends_early(x: NDArray[Any]) -> bool:
    """Whether x holds series (N, C, L) of which some end early, in NaN, and nothing else is NaN."""
    if x.ndim != 3 or x.dtype.kind != "f" or not np.isnan(x).any():
        return False
    return not _faulty(np.isnan(x)).any()


def with_mask(where: str, x: Series) -> Series:
    """(N, C, L), NaN after the end of each series, to (N, C + 1, L) without NaN.

    After its end a series keeps its last value, so that nothing depends on other samples. The last
    channel is 1 where the series is, 0 after its end.

    Raises:
        ValueError: beginning with `where`, for samples of another kind or NaN in between.
    """
    if x.ndim != 3:
        raise ValueError(
            f"{where}: data.unequal_lengths needs series (N, channels, length), found x "
            f"{x.shape}; reshape x, or set data.unequal_lengths=false."
        )
    missing = np.isnan(x)
    faulty = np.flatnonzero(_faulty(missing))
    if len(faulty):
        raise ValueError(
            f"{where}: NaN must follow the end of a series, in all of its channels alike, found it "
            f"elsewhere in {len(faulty)} of {len(x)} samples, the first at index {faulty[0]}; "
            "fill them."
        )
    lengths = (~missing[:, 0]).sum(1)
    last = x[np.arange(len(x)), :, lengths - 1]
    held = np.where(missing, last[:, :, None], x)
    return np.concatenate([held, ~missing[:, :1]], axis=1, dtype=x.dtype)


def _faulty(missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,): samples (N, C, L) with NaN in some channels alone, before a number, or everywhere."""
    alike = (missing == missing[:, :1]).all(axis=(1, 2))
    at_the_end = ~(missing[:, 0, :-1] & ~missing[:, 0, 1:]).any(axis=1)
    return ~(alike & at_the_end & ~missing[:, 0, 0])
