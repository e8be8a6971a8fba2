"""Draws a split: stratified, in whole groups, or in folds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zmodel.core.arguments import at_least, at_most, below_one

Indices = NDArray[np.int64]
AUTO = "auto"


def checked_folds(folds: int | str | None, fold: int) -> int | None:
    """The number of folds: None for none, or "auto".

    ValueError unless `fold` is one of them."""
    if folds is None or folds == AUTO:
        return None
    at_least("data.folds", folds, 2)
    assert isinstance(folds, int)
    at_least("data.fold", fold, 0)
    at_most("data.fold", fold, folds - 1, "data.folds")
    return folds


def stratified_split(
    y: NDArray[np.int64], fraction: float, seed: int, classes: Sequence[str] | NDArray = ()
) -> tuple[Indices, Indices]:
    """(rest, part): sorted, disjoint, together all of `y`; part has `fraction` of every class.

    Each class is rounded by itself and keeps at least one sample on both sides. Raises
    ValueError when a class has a single sample, or for a fraction outside (0, 1); `classes` are
    names for its message.
    """
    below_one("the fraction of a split", fraction, zero=False)
    rng = np.random.default_rng(seed)
    part = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        if len(members) < 2:
            raise ValueError(
                f"a stratified split needs at least 2 samples per class, found {len(members)} of "
                f"class {_name(label, classes)}; add samples or drop the class."
            )
        take = min(max(1, round(fraction * len(members))), len(members) - 1)
        part[rng.permutation(members)[:take]] = True
    return np.flatnonzero(~part), np.flatnonzero(part)


def grouped_split(
    y: NDArray[np.int64], groups: NDArray, fraction: float, seed: int
) -> tuple[Indices, Indices]:
    """As stratified_split, but all samples of a group lie on one side, against leakage.

    Groups are taken in random order, each if it brings the class counts of the part nearer to
    `fraction` of all; so with few or large groups the fraction is met roughly. Raises
    ValueError when that leaves one side empty.
    """
    below_one("the fraction of a split", fraction, zero=False)
    _, y = np.unique(y, return_inverse=True)
    names, member = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), int(y.max()) + 1))
    np.add.at(counts, (member, y), 1)
    missing = fraction * counts.sum(axis=0)
    taken = np.zeros(len(names), dtype=bool)
    for group in np.random.default_rng(seed).permutation(len(names)):
        if np.sum((missing - counts[group]) ** 2) < np.sum(missing**2):
            taken[group] = True
            missing = missing - counts[group]
    if taken.all() or not taken.any():
        raise ValueError(
            f"a split by groups needs groups on both sides, found {len(names)} groups for "
            f"{len(y)} samples and a fraction of {fraction}; use finer groups or another fraction."
        )
    part = taken[member]
    return np.flatnonzero(~part), np.flatnonzero(part)


def fold_split(
    y: NDArray[np.int64],
    groups: NDArray | None,
    folds: int,
    fold: int,
    seed: int,
    classes: Sequence[str] | NDArray = (),
) -> tuple[Indices, Indices]:
    """(rest, part): part is the `fold`-th of `folds` parts of `y`, together all of it.

    Every part has the same share of each class, as far as whole groups allow it where there are
    `groups` (scikit-learn's StratifiedKFold and StratifiedGroupKFold). Raises ValueError for
    fewer samples of a class, or fewer groups, than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # 1 s to import

    counts = np.bincount(y)
    if groups is None and counts.min() < folds:
        raise ValueError(
            f"data.folds={folds} needs as many samples of every class, found {counts.min()} of "
            f"class {_name(counts.argmin(), classes)}; use fewer folds, add samples or drop the "
            "class."
        )
    if groups is not None and len(np.unique(groups)) < folds:
        raise ValueError(
            f"data.folds={folds} needs as many groups, found {len(np.unique(groups))}; use fewer "
            "folds or finer groups."
        )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(n_splits=folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # a class in fewer groups than folds: said by check_every_class
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(y, y, groups))[fold]


def _name(label: Any, classes: Sequence[str] | NDArray) -> str:
    return repr(str(classes[label])) if len(classes) else str(label)
