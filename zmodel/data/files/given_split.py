"""Reads a split that the source gives: a column, an array or folders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zmodel.core.arguments import known

PART_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def named_parts(where: str, parts: NDArray) -> NDArray:
    """`parts` (N,) as train, val, test. Raises ValueError for other names and without train."""
    names = np.asarray(parts).astype(str)
    for name in np.unique(names):
        known(f"{where}: the part of a sample", str(name), PART_NAMES)
    named = np.array([PART_NAMES[name] for name in names])
    if not (named == "train").any():
        raise ValueError(
            f"{where}: some samples must be of part train, found {', '.join(np.unique(named))}; "
            "correct the names of the parts, or name none and let them be drawn."
        )
    return named


def check_groups(where: str, parts: NDArray, groups: NDArray) -> None:
    """ValueError when a group lies in more than one of the given parts."""
    for group in np.unique(groups):
        places = np.unique(parts[groups == group])
        if len(places) > 1:
            raise ValueError(
                f"{where}: a group must lie in one part, found {str(group)!r} in "
                f"{' and '.join(places)}: samples of it would leak; correct the split."
            )
