"""From the content of a file to samples, labels, parts and groups.

Shapes: N samples; x float32 (N, features), (N, channels, length) or (N, channels, height, width).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zmodel.core.arguments import known
from zmodel.data.files.open_file import open_file

if TYPE_CHECKING:
    import pandas as pd


class Columns(NamedTuple):
    """Names of the columns of a table, or of the arrays in an .npz, that are no features."""

    label: str
    part: str | None = None
    group: str | None = None
    drop: Sequence[str] = ()


class Table(NamedTuple):
    """`features` are the names of the columns of x, of a table."""

    x: NDArray
    labels: NDArray
    parts: NDArray | None = None
    groups: NDArray | None = None
    features: tuple[str, ...] = ()


def read_table(
    path: Path,
    columns: Columns,
    labels_path: Path | None = None,
    features: Sequence[str] = (),
) -> Table:
    """The content of a file, all of it; of a table only `features` in their order, if given.

    .npz: x, the labels and the arrays that `columns` names; or a given split as x_train,
    y_train, x_val, y_val, x_test, y_test. .npy: x, with the labels in `labels_path`. Else a
    table: every column that `columns` does not name is a feature and must be a number.
    Raises ValueError that names the file and what is wrong with it.
    """
    content = open_file(path)
    if isinstance(content, np.ndarray):
        if labels_path is None:
            raise ValueError(
                f"{path} holds samples alone, their labels must be in another .npy file; name it "
                "by data.labels_path."
            )
        table = Table(content, open_file(labels_path))
    elif isinstance(content, Mapping):
        table = _from_arrays(path, content, columns)
    else:
        table = _from_frame(path, content, columns, features)
    for name in ("labels", "parts", "groups"):
        _check_length(path, name, getattr(table, name), len(table.x))
    return table._replace(x=_floats(path, table.x))


def _from_arrays(path: Path, arrays: Mapping[str, NDArray], columns: Columns) -> Table:
    def named(name: str) -> NDArray:
        known(f"the array in {path}", name, arrays)
        return arrays[name]

    groups = named(columns.group) if columns.group else None
    if "x_train" not in arrays:
        parts = named(columns.part) if columns.part else None
        return Table(named("x"), named(columns.label), parts, groups)
    given = [part for part in ("train", "val", "test") if f"x_{part}" in arrays]
    xs, ys = ([named(f"{name}_{part}") for part in given] for name in "xy")
    shapes = sorted({x.shape[1:] for x in xs})
    if len(shapes) > 1 or any(len(x) != len(y) for x, y in zip(xs, ys, strict=True)):
        trios = zip(given, xs, ys, strict=True)
        found = ", ".join(f"{part}: x {x.shape} y {y.shape}" for part, x, y in trios)
        raise ValueError(
            f"{path}: all parts must have samples of one shape and a label for each, found "
            f"{found}; prepare the parts in the same way."
        )
    parts = np.repeat(given, [len(x) for x in xs])
    return Table(np.concatenate(xs), np.concatenate(ys), parts, groups)


def _from_frame(
    path: Path, frame: pd.DataFrame, columns: Columns, features: Sequence[str]
) -> Table:
    frame = frame.rename(columns=str)
    special = [name for name in columns[:3] if name is not None]
    keys = zip(("label_column", "part_column", "group_column"), columns[:3], strict=True)
    named = [(f"data.{key}, a column of {path},", name) for key, name in keys if name is not None]
    named += [(f"data.drop_columns, columns of {path},", name) for name in columns.drop]
    named += [(f"the columns of {path}", name) for name in features]
    for key, name in named:
        known(key, name, frame.columns)
    features = features or [c for c in frame.columns if c not in (*special, *columns.drop)]
    if not features:
        raise ValueError(f"{path}: a table must have columns of features, found none; add some.")
    for name in (*special, *features):
        _check_column(path, frame, name, number=name not in special)
    label, part, group = (None if c is None else frame[c].to_numpy() for c in columns[:3])
    assert label is not None
    return Table(frame[list(features)].to_numpy(np.float64), label, part, group, tuple(features))


def _check_column(path: Path, frame: pd.DataFrame, name: str, number: bool) -> None:
    import pandas as pd

    column = frame[name]
    bad = pd.to_numeric(column, errors="coerce").isna() if number else column.isna()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        value = column.iloc[row]
        found = repr(value) if isinstance(value, str) else value
        raise ValueError(
            f"{path}: column {name!r} must hold a {'number' if number else 'value'} in every row, "
            f"found {found} in row {row} (counted from 0; {int(bad.sum())} such of "
            f"{len(column)}); fill or encode it, drop the rows, or name the column in "
            "data.drop_columns."
        )


def _floats(path: Path, x: NDArray) -> NDArray[np.float32]:
    if x.dtype.kind not in "fiub" or not len(x.shape) or len(x) == 0:
        raise ValueError(
            f"{path}: x must be an array of numbers with at least one sample, found {x.dtype} of "
            f"shape {x.shape}; convert or fill it."
        )
    with np.errstate(over="ignore"):  # too large a number becomes infinite, and is reported
        return x.astype(np.float32)


def _check_length(path: Path, name: str, values: NDArray | None, n: int) -> None:
    if values is not None and values.shape != (n,):
        raise ValueError(
            f"{path}: {name} must have one entry per sample, {n}, found shape {values.shape}; "
            "mend the file."
        )
