"""Selects and checks the feature columns of a table."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zmodel.core.arguments import known
from zmodel.data.files.labels import DECIMAL
from zmodel.data.normalise import blurred

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

NAMELESS = "Unnamed: "
"""How pandas calls a column whose name is missing."""
SECONDS = (9.4e8, 2.3e9)
"""Since 1970: from 1999 to 2042."""


def features_of(path: Path, frame: pd.DataFrame, others: Sequence[str]) -> list[str]:
    """The columns that `others` does not name, without numbers of rows: a warning says which."""
    names = [name for name in frame.columns if name not in others]
    ids = [name for name in names if _is_id(name, frame[name])]
    if ids:
        log.warning(
            f"{path}: left out, because it only numbers the rows: column "
            f"{', '.join(map(repr, ids))}; if it is a measurement, give it another name."
        )
    features = [name for name in names if name not in ids]
    if not features:
        raise ValueError(f"{path}: a table must have columns of features, found none; add some.")
    return features


def check_names(path: Path, frame: pd.DataFrame, named: Sequence[tuple[str, str]]) -> None:
    """ValueError unless every (setting, column) names a column of the table."""
    problems = []
    for setting, name in named:
        try:
            known(f"{setting}, a column of {path},", name, frame.columns)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        numbers = any(map(DECIMAL.fullmatch, frame.columns))
        hint = ["Some names are numbers: the first line must name the columns."] if numbers else []
        raise ValueError(("\n" if problems[1:] else " ").join([*problems, *hint]))


def warn_of_ids(path: Path, x: NDArray[np.float64], features: Sequence[str]) -> None:
    """Say which features look like a time or the number of a row: they name single samples."""
    if not len(x) or np.isnan(x).any():
        return
    far = blurred(x)
    for i, name in enumerate(features):
        values = x[:, i]
        kind = None
        if _is_time(values):
            kind = "a time"
        elif _counts(values):
            kind = "the number of the row"
        elif far[i]:
            kind = f"a time or an id: it varies by {values.std():.3g} around {values.mean():.6g}"
        if kind:
            log.warning(
                f"{path}: column {name!r} looks like {kind}. A column that identifies samples "
                f"helps in training and misleads on new ones: 'data.drop_columns=[{name}]' drops it"
            )


def _is_id(name: str, column: pd.Series) -> bool:
    """Whether name and values both say that the column tells rows apart and measures nothing."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)
    nameless = name.startswith(NAMELESS)
    if not nameless and (not words or words[-1].lower() not in ("id", "index", "idx")):
        return False
    if column.dtype.kind in "iu":
        return nameless or column.is_unique
    return nameless and bool((column.isna() | (column == "")).all())


def _counts(values: NDArray[np.float64]) -> bool:
    """Whether the values are n, n+1, n+2, ... in any order."""
    n, low = len(values), values.min()
    if n < 10 or values.max() - low != n - 1:
        return False
    return np.array_equal(np.sort(values), low + np.arange(n))


def _is_time(values: NDArray[np.float64]) -> bool:
    """Whether all are whole seconds, milli-, micro- or nanoseconds since 1970 of our decades."""
    low, high = SECONDS
    inside = any(values.min() > low * k and values.max() < high * k for k in (1, 1e3, 1e6, 1e9))
    return inside and len(np.unique(values)) > 1 and bool((values == np.round(values)).all())
