"""Which samples of a source are for training, validation and test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zmodel.core.arguments import known
from zmodel.data.splits import Indices, grouped_split, stratified_split

PART_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
TEST_SEED = 0
"""Of a drawn test part: no setting changes it, so that no choice can look at the test samples."""


def named_parts(where: str, parts: NDArray) -> NDArray:
    """`parts` (N,) as train, val, test. Raises ValueError for other names and without train."""
    names = np.asarray(parts).astype(str)
    for name in np.unique(names):
        known(f"{where}: the part of a sample", str(name), PART_NAMES)
    named = np.array([PART_NAMES[name] for name in names])
    if not (named == "train").any():
        raise ValueError(
            f"{where}: some samples must be of part train, found {', '.join(np.unique(named))}; "
            "mend the names of the parts, or name none and let them be drawn."
        )
    return named


def check_groups(where: str, parts: NDArray, groups: NDArray) -> None:
    """ValueError when a group lies in more than one of the given parts."""
    for group in np.unique(groups):
        places = np.unique(parts[groups == group])
        if len(places) > 1:
            raise ValueError(
                f"{where}: a group must lie in one part, found {group!r} in "
                f"{' and '.join(places)}: samples of it would leak; mend the split."
            )


def draw_test(
    where: str, y: NDArray[np.int64], groups: NDArray | None, fraction: float, classes: NDArray
) -> Indices:
    """`fraction` of the samples, of every class alike, or in whole groups."""
    try:
        if groups is not None:
            return grouped_split(y, groups, fraction, TEST_SEED)[1]
        return stratified_split(y, fraction, TEST_SEED, classes)[1]
    except ValueError as error:
        raise ValueError(f"{where}, drawing the test part: {error}") from error
