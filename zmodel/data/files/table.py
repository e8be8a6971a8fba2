"""Reads samples, labels, parts, groups and weights from a file.

Shapes: N samples; x (N, features), (N, channels, length) or (N, channels, height, width).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zmodel.core.arguments import known
from zmodel.data.files.columns import check_names, features_of, warn_of_ids
from zmodel.data.files.labels import numbers_if_written_so
from zmodel.data.normalise import Floats
from zmodel.table.columns import (
    WORDS,
    Column,
    column_of,
    numbers_of,
    one_message,
    target_of,
    unfilled,
    weights_of,
)
from zmodel.table.open_file import SEPARATED, open_file

if TYPE_CHECKING:
    import pandas as pd


class Columns(NamedTuple):
    """Names of the columns of a table, or of the arrays in an .npz, that are no features.

    `label` are the columns of the labels: one, or as many as there are `measured` targets. Missing
    cells are refused unless they are to be filled (`impute`); so are columns of more than
    `most_words` different words.
    """

    label: tuple[str, ...]
    part: str | None = None
    group: str | None = None
    weight: str | None = None
    drop: Sequence[str] = ()
    measured: bool = False
    impute: bool = False
    most_words: int = 20

    @property
    def as_text(self) -> list[str]:
        """Whose cells are kept as they are written, for a class may be called NA or 007."""
        labels = () if self.measured else self.label
        return [*labels, *(name for name in (self.part, self.group) if name is not None)]


class Table(NamedTuple):
    """A file of samples as it was read.

    `labels` are (N,), or (N, targets) when they are measured. For a table `features` are the
    columns of x, which has numbers for words and NaN for missing cells."""

    x: NDArray
    labels: NDArray
    parts: NDArray | None = None
    groups: NDArray | None = None
    weights: NDArray | None = None
    features: tuple[Column, ...] = ()


def read_table(
    path: Path,
    columns: Columns,
    labels_path: Path | None = None,
    features: Sequence[Column] = (),
) -> Table:
    """The content of a file, all of it; of a table only `features` in their order, if given.

    x is float32 where that holds every value of the file's type, else float64.
    .npz: x, the labels and the arrays that `columns` names; or a given split as x_train,
    y_train, x_val, y_val, x_test, y_test. .npy: x, with the labels in `labels_path`. Else a
    table: every column that `columns` does not name is a feature.
    Rows of weight 0 are left out.
    Raises ValueError that names the file and everything that is wrong with it.
    """
    content = open_file(path, columns.as_text)
    if isinstance(content, np.ndarray):
        table = _from_array(path, content, columns, labels_path)
    elif isinstance(content, Mapping):
        table = _from_arrays(path, content, columns)
    else:
        table = _from_frame(path, content, columns, features)
    if columns.measured:
        table = table._replace(labels=_measured(path, table.labels))
    for name in ("labels", "parts", "groups", "weights"):
        _check_length(path, name, getattr(table, name), len(table.x))
    return _weighed(table._replace(x=_floats(path, table.x)))


def _weighed(table: Table) -> Table:
    """Without the rows of weight 0."""
    if table.weights is None or table.weights.all():
        return table
    kept = np.flatnonzero(table.weights)
    arrays = ("x", "labels", "parts", "groups", "weights")
    found = {name: getattr(table, name) for name in arrays}
    return table._replace(**{name: a[kept] for name, a in found.items() if a is not None})


def _measured(path: Path, labels: NDArray) -> NDArray[np.float64]:
    """(N, targets). ValueError when they are no numbers."""
    if labels.dtype.kind not in "fiub" or labels.ndim not in (1, 2):
        raise ValueError(
            f"{path}: targets of a regression must be numbers (N,) or (N, targets), found "
            f"{labels.dtype} of shape {labels.shape}; convert them, or set task=classification."
        )
    return labels.reshape(len(labels), -1).astype(np.float64)


def _from_array(path: Path, x: NDArray, columns: Columns, labels_path: Path | None) -> Table:
    if labels_path is None:
        raise ValueError(
            f"{path} holds only samples, their labels must be in another .npy file; name it "
            "by data.labels_path."
        )
    unused = [name for name in (columns.part, columns.group, columns.weight) if name is not None]
    if unused:
        raise ValueError(
            f"{path} holds only samples, found the names of further arrays "
            f"({', '.join(unused)}); save all of them in one .npz file."
        )
    return Table(x, open_file(labels_path))


def _from_arrays(path: Path, arrays: Mapping[str, NDArray], columns: Columns) -> Table:
    def named(name: str) -> NDArray:
        known(f"the array in {path}", name, arrays)
        return arrays[name]

    groups = named(columns.group) if columns.group else None
    weights = _weights(path, columns.weight, named(columns.weight)) if columns.weight else None
    if "x_train" not in arrays:
        lost = [name for name in ("x_val", "x_test") if name in arrays]
        if lost:
            raise ValueError(
                f"{path}: samples of a given split must be x_train, y_train, x_val and so on, "
                f"found {', '.join(lost)} without x_train; rename x and y to x_train and y_train."
            )
        parts = named(columns.part) if columns.part else None
        return Table(named("x"), named(columns.label[0]), parts, groups, weights)
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
    return Table(np.concatenate(xs), np.concatenate(ys), parts, groups, weights)


def _weights(path: Path, name: str, given: NDArray) -> NDArray[np.float64]:
    import pandas as pd

    values, problems = weights_of(name, pd.Series(given.ravel()))
    if problems:
        raise one_message(str(path), problems)
    return values.reshape(given.shape)


def _from_frame(
    path: Path, frame: pd.DataFrame, columns: Columns, features: Sequence[Column]
) -> Table:
    frame = frame.rename(columns=str)
    special = [("data.label_column", name) for name in columns.label]
    others = {"part": columns.part, "group": columns.group, "weight": columns.weight}
    special += [(f"data.{key}_column", name) for key, name in others.items() if name is not None]
    dropped = [("data.drop_columns", name) for name in columns.drop]
    needed = [("a feature", column.name) for column in features]
    check_names(path, frame, [*special, *dropped, *needed])
    new = not features
    if new:
        names = features_of(path, frame, [name for _, name in (*special, *dropped)])
        features = [column_of(name, frame[name]) for name in names]
    x, problems = numbers_of(frame, features, columns.impute, columns.most_words)
    labels, found = _labels(path, frame, columns)
    problems += found
    for name in (columns.part, columns.group):
        problems += [] if name is None else unfilled(name, frame[name])
    weights = None
    if columns.weight is not None:
        weights, found = weights_of(columns.weight, frame[columns.weight])
        problems += found
    if problems:
        raise one_message(str(path), problems)
    if new:
        numbers = [i for i, column in enumerate(features) if column.kind != WORDS]
        warn_of_ids(path, x[:, numbers], [features[i].name for i in numbers])
    part, group = (
        None if c is None else frame[c].to_numpy() for c in (columns.part, columns.group)
    )
    if group is not None and path.suffix.lower() in SEPARATED:
        group = numbers_if_written_so(group)
    return Table(x, labels, part, group, weights, tuple(features))


def _labels(path: Path, frame: pd.DataFrame, columns: Columns) -> tuple[NDArray, list[str]]:
    """The labels as they are written, or the measured targets (N, targets), and what is wrong."""
    if columns.measured:
        found = [target_of(name, frame[name]) for name in columns.label]
        problems = [problem for _, wrong in found for problem in wrong]
        return np.stack([values for values, _ in found], axis=1), problems
    (name,) = columns.label
    label, problems = frame[name].to_numpy(), unfilled(name, frame[name])
    if path.suffix.lower() in SEPARATED and not problems:
        label = numbers_if_written_so(label)
    return label, problems


def _floats(path: Path, x: NDArray) -> Floats:
    """float32 where it holds every value of the type, else float64."""
    if x.dtype.kind not in "fiub" or not len(x.shape) or len(x) == 0:
        raise ValueError(
            f"{path}: x must be an array of numbers with at least one sample, found {x.dtype} of "
            f"shape {x.shape}; convert or fill it."
        )
    dtype = np.float32 if np.can_cast(x.dtype, np.float32) else np.float64
    return np.ascontiguousarray(x, dtype=dtype)


def _check_length(path: Path, name: str, values: NDArray | None, n: int) -> None:
    if values is not None and (len(values) != n or values.ndim > 1 + (name == "labels")):
        raise ValueError(
            f"{path}: {name} must have one entry per sample, {n}, found shape {values.shape}; "
            "correct the file."
        )
