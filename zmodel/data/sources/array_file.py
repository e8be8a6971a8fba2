"""Samples in a table or a file of arrays.

.npz, a pair of .npy, .csv, .tsv, .parquet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zmodel.core.arguments import at_least, known, name, names, whole_numbers
from zmodel.data.arrays import Arrays
from zmodel.data.files.own_data import OwnData, Rows
from zmodel.data.files.table import Columns, read_table
from zmodel.data.normalise import Floats
from zmodel.table.columns import WORDS, Column
from zmodel.table.preparation import Preparation
from zmodel.table.series import ends_early, with_mask


class ArrayFile(OwnData):
    """Read as written; the shape of a sample decides the kind of network.

    path           the file; relative to the working directory
    labels_path    labels of samples in an .npy file
    test_path      test samples in a second file of the same kind (with `test_labels_path`)
    task           classification; or regression, whose targets are measured values
    label_column   column of the labels; of a regression the target, or a list of several. null: y
                   in .npz, in tables label, or target of a regression
    part_column    column (or array) with train, val, test; null: draw the parts
    group_column   column (or array) of what must not be torn apart: subject, recording, ...
    weight_column  column (or array) of numbers by which samples count, in training and in the
                   scores; a row of weight 0 is left out; null: all alike
    drop_columns   columns of a table that are no features: a date; one that only numbers the rows
                   is left out by itself, with a warning
    impute         fill missing cells of a table: numbers by the median, words by the most frequent
                   one, both of what is trained on; false: refuse them
    max_words      most different words of a column of a table; each becomes a feature of 0 and 1
    input_shape    of one sample, to make signals or images of flat rows; (N, H, W) would be
                   taken for signals of H channels, [1, H, W] makes images of it
    unequal_lengths  series x (N, channels, length) end early, in NaN: they are held at their last
                   value, and one more channel is 1 up to the end of each, then 0

    An .npz may hold a given split: x_train, y_train, x_val, y_val, x_test, y_test. The file is
    read as a whole, test samples are dropped at once before stage "test".
    """

    def __init__(
        self,
        path: str | Path,
        *,
        task: str = "classification",
        labels_path: str | Path | None = None,
        test_path: str | Path | None = None,
        test_labels_path: str | Path | None = None,
        label_column: str | Sequence[str] | None = None,
        part_column: str | None = None,
        group_column: str | None = None,
        weight_column: str | None = None,
        drop_columns: Sequence[str] = (),
        impute: bool = False,
        max_words: int = 20,
        input_shape: Sequence[int] | None = None,
        unequal_lengths: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.path = Path(path).expanduser()
        self.labels_path = _optional(labels_path)
        self.test_path, self.test_labels_path = _optional(test_path), _optional(test_labels_path)
        known("data.task", task, ("classification", "regression"))
        at_least("data.max_words", max_words, 2)
        measured = task == "regression"
        self.columns = Columns(
            self._labels(label_column, measured),
            _named("part", part_column),
            _named("group", group_column),
            _named("weight", weight_column),
            names("data.drop_columns", drop_columns),
            measured,
            impute,
            max_words,
        )
        self.measured = self.columns.label if measured else ()
        self.sample_shape, self.unequal_lengths = _shape(input_shape), unequal_lengths
        self.table: tuple[Column, ...] = ()
        """Columns of a table that are learned from, in their order; known from rows() on."""

    @property
    def source(self) -> str:
        return str(self.path)

    def _labels(self, given: str | Sequence[str] | None, measured: bool) -> tuple[str, ...]:
        """The columns of the labels."""
        if given is None:
            table = "target" if measured else "label"
            return ("y" if self.path.suffix.lower() == ".npz" else table,)
        found = (
            names("data.label_column", given) if measured else (name("data.label_column", given),)
        )
        if not found:
            raise ValueError("data.label_column must name at least one column, received none.")
        if len(set(found)) < len(found):
            twice = ", ".join(found)
            raise ValueError(f"data.label_column must name every column once, received {twice}.")
        return found

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features of a table, in the order in which the network gets them."""
        if self.preparation is not None:
            return self.preparation.features
        return tuple(column.name for column in self.table)

    @property
    def holes(self) -> bool:
        return bool(self.table) and self.columns.impute

    @property
    def row_reader(self) -> Preparation | None:
        """What makes samples of the rows of such a table, where the model is deployed."""
        if self.preparation is not None or not self.table:
            return self.preparation
        count = len(self.table)
        return Preparation(self.table, (0.0,) * count, ((),) * count, impute=False)

    def fit_preparation(self, x: Floats) -> Preparation | None:
        """Of a table with words or missing cells."""
        words = any(column.kind == WORDS for column in self.table)
        if not words and not self.holes:
            return None
        if self.sample_shape is not None:
            raise ValueError(
                f"{self.path}: data.input_shape needs samples that are all numbers, found words or "
                "data.impute=true; set one of them to null."
            )
        return Preparation.fit(self.table, x, self.columns.impute)

    def test_is_elsewhere(self) -> bool:
        return self.test_path is not None

    def rows(self) -> Rows:
        if self.columns.weight in self.columns.label:
            raise ValueError(
                "data.weight_column must not be what is learned, received "
                f"{self.columns.weight!r} for both; name another column."
            )
        table = read_table(self.path, self.columns, self.labels_path, self.table)
        if self.test_path is not None and table.parts is not None and "test" in table.parts:
            raise ValueError(
                f"{self.path}: the test part must be given once, found it in the file and in "
                f"data.test_path={self.test_path}; set data.test_path=null or drop those rows."
            )
        self.table = table.features
        if self.measured and table.labels.shape[1] != len(self.measured):  # columns of an array
            self.measured = tuple(f"{self.measured[0]}{i}" for i in range(table.labels.shape[1]))
        x = self._shaped(self.path, table.x)
        return Rows(
            table.labels, table.parts, table.groups, lambda indices: x[indices], table.weights
        )

    def load_test(self) -> Arrays:
        if self.test_path is None:
            return super().load_test()
        rows, _ = self._rows_and_test()
        columns = self.columns._replace(part=None, group=None, drop=())
        table = read_table(self.test_path, columns, self.test_labels_path, self.table)
        x = self._shaped(self.test_path, table.x)
        self.compare_test(rows.read(np.arange(len(rows.labels))), x)
        return Arrays(x, self.encoded(str(self.test_path), table.labels), table.weights)

    def _shaped(self, path: Path, x: Floats) -> Floats:
        """x (N, *input_shape), or as it is; series of unequal length with their mask."""
        if self.sample_shape is not None:
            if math.prod(self.sample_shape) != math.prod(x.shape[1:]):
                raise ValueError(
                    f"{path}: data.input_shape={list(self.sample_shape)} needs "
                    f"{math.prod(self.sample_shape)} numbers per sample, found "
                    f"{math.prod(x.shape[1:])} (shape {x.shape[1:]}); correct data.input_shape."
                )
            x = x.reshape(len(x), *self.sample_shape)
        if self.unequal_lengths:
            return with_mask(str(path), x)
        if ends_early(x):
            raise ValueError(
                f"{path}: series must be of one length, found some that end early, in NaN; set "
                "data.unequal_lengths=true, which holds their last value and adds a channel that "
                "says where a series is."
            )
        return x


def _named(kind: str, column: str | None) -> str | None:
    return None if column is None else name(f"data.{kind}_column", column)


def _shape(given: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if given is None else whole_numbers("data.input_shape", given, "[1,28,28]")


def _optional(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path).expanduser()
