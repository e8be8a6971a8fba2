"""Converts labels of a file into classes 0..C-1."""

from __future__ import annotations

import logging
import re
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

WHOLE = re.compile(r"-?(0|[1-9][0-9]*)(\.0*)?")
EXACT = 2.0**53
"""Larger floats skip whole numbers."""
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def numbers_if_written_so(cells: NDArray) -> NDArray:
    """Cells of text as whole numbers if all are written as such, or as decimals.

    Else as they are, for a class may be called 007, 1e3 or nan.
    """
    texts, place = np.unique(cells.astype(str), return_inverse=True)
    try:
        if all(map(WHOLE.fullmatch, texts)):
            return np.array([int(t.partition(".")[0]) for t in texts], dtype=np.int64)[place]
    except OverflowError:
        return cells
    values = [float(t) for t in texts if DECIMAL.fullmatch(t)]
    measured = len(values) == len(texts) and any(value % 1 for value in values)
    return np.array(values)[place] if measured else cells


def find_classes(where: str, labels: NDArray, map_labels: bool = False) -> NDArray:
    """The distinct labels in the order of their class numbers: strings sorted, numbers as is.

    Numbers must be 0..C-1 already, so that a gap or a label of -1 is seen, unless `map_labels`
    allows any: then they too are numbered in sorted order. Raises ValueError otherwise.
    """
    values = np.unique(plain_labels(where, labels))
    _warn_of_spellings(where, values)
    if values.dtype.kind == "U" or map_labels or np.array_equal(values, np.arange(len(values))):
        return values
    found = ", ".join(map(str, values[:6])) + (", ..." if len(values) > 6 else "")
    raise ValueError(
        f"{where}: labels that are numbers must be 0..{len(values) - 1} for {len(values)} classes, "
        f"found {found}; renumber them, or set data.map_labels=true to number them in this order."
    )


def encode(where: str, labels: NDArray, classes: NDArray) -> NDArray[np.int64]:
    """The class number of every label. Raises ValueError for one that is not in `classes`."""
    labels = plain_labels(where, labels)
    if classes.dtype.kind == "U":
        labels = labels.astype(str)
    if labels.dtype.kind == classes.dtype.kind:
        y = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
        unknown = np.unique(labels[classes[y] != labels])
    else:
        y, unknown = np.zeros(len(labels)), np.unique(labels)
    if len(unknown):
        raise ValueError(
            f"{where}: labels must be among those of the training part "
            f"({', '.join(map(str, classes[:10]))}), found {', '.join(map(str, unknown[:10]))}; "
            "correct the labels or add training samples of that class."
        )
    return y.astype(np.int64)


def plain_labels(where: str, labels: NDArray) -> NDArray:
    """`labels` (N,) as whole numbers or strings. Raises ValueError for anything else."""
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(
            f"{where}: labels must have one entry per sample, found shape {labels.shape}; for "
            "one-hot labels take y.argmax(axis=1), for masks a LightningDataModule of your own "
            "(docs/how-to/own_network.md)."
        )
    if labels.dtype.kind == "O":
        labels = _from_objects(where, labels)
    if labels.dtype.kind == "S":
        return np.char.decode(labels, "utf-8")
    if labels.dtype.kind == "b":
        return labels.astype(str)
    if labels.dtype.kind == "f":
        fractional = labels[~((np.abs(labels) < EXACT) & (labels == np.round(labels)))]
        if len(fractional):
            raise ValueError(
                f"{where}: labels must be classes, whole numbers or strings, found "
                f"{fractional[0]} ({len(fractional)} such of {len(labels)}); to predict measured "
                "values set task=regression, and drop samples without a label."
            )
    if labels.dtype.kind in "fiu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "U":
        return labels
    raise ValueError(
        f"{where}: labels must be whole numbers or strings, found {labels.dtype}; convert them."
    )


def _warn_of_spellings(where: str, classes: NDArray) -> None:
    """Two classes whose names differ in capitals or spaces alone are one, most of the time."""
    spellings = defaultdict(list)
    for name in classes if classes.dtype.kind == "U" else ():
        spellings["".join(str(name).split()).casefold()].append(str(name))
    alike = [" and ".join(map(repr, names)) for names in spellings.values() if len(names) > 1]
    if alike:
        log.warning(f"{where}: taken for different classes: {', '.join(alike[:5])}; one spelling?")


def _from_objects(where: str, labels: NDArray) -> NDArray:
    """A column of Python objects: strings, or numbers that pandas did not tell apart."""
    bad = [i for i, label in enumerate(labels) if not isinstance(label, str)]
    if not bad:
        return labels.astype(str)
    if len(bad) == len(labels):
        try:
            return labels.astype(np.float64)
        except (TypeError, ValueError):
            pass
    raise ValueError(
        f"{where}: labels must be all strings or all whole numbers, found {labels[bad[0]]!r} in "
        f"row {bad[0]} ({len(bad)} such of {len(labels)}); fill or drop these rows."
    )
