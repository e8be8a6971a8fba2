"""Common parts of data sets in files of users.

Targets, a split given or drawn, leaks.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zmodel.core.arguments import below_one, known
from zmodel.data.arrays import Arrays
from zmodel.data.base import InMemoryData
from zmodel.data.drawn_split import Indices, fold_split, grouped_split, stratified_split
from zmodel.data.files.given_split import check_groups, named_parts
from zmodel.data.files.labels import encode, find_classes
from zmodel.data.files.shared_samples import report_shared
from zmodel.data.normalise import Floats
from zmodel.data.targets import Classes, Measured, Targets

TEST_SEED = 0
"""Of a drawn test part: no setting changes it, so that no choice can look at the test samples."""


class Rows(NamedTuple):
    """N samples in an order that never changes.

    Labels as written, or measured (N, targets); names of parts, groups, how to read the content of
    some of them, and weights."""

    labels: NDArray
    parts: NDArray | None
    groups: NDArray | None
    read: Callable[[Indices], Floats]
    weights: Floats | None = None

    def arrays(self, indices: Indices, y: NDArray[Any]) -> Arrays:
        """Some of the samples, with their y."""
        weights = None if self.weights is None else self.weights[indices]
        return Arrays(self.read(indices), y, weights)


class OwnData(InMemoryData):
    """A subclass says in rows() which samples there are.

    Parts that the source names are kept. What it does not name is drawn, of every class alike or
    in whole groups: the test part by a fixed seed, then the validation part by `split_seed`.

    test_fraction   share of all samples that the test gets, if it is drawn
    map_labels      accept whole numbers other than 0..C-1 as labels, numbered in sorted order
    duplicates      samples that training and validation share: error, warn or ignore; those
                    that training and test share are never more than a warning
    """

    def __init__(
        self,
        *,
        test_fraction: float = 0.2,
        map_labels: bool = False,
        duplicates: str = "error",
        **common: Any,
    ) -> None:
        super().__init__(**common)
        below_one("test_fraction", test_fraction, zero=False)
        known("duplicates", duplicates, ("error", "warn", "ignore"))
        self.test_fraction, self.map_labels = test_fraction, map_labels
        self.duplicates = duplicates
        self.classes: NDArray = np.empty(0)
        """Distinct labels, in the order of their class numbers."""
        self.measured: tuple[str, ...] = ()
        """Names of the targets of a regression, which has no classes."""
        self._given_parts: NDArray | None = None
        self._groups: NDArray | None = None

    @abstractmethod
    def rows(self) -> Rows:
        """The samples of the source, of all parts."""

    def test_is_elsewhere(self) -> bool:
        """Whether load_test() reads another source, so that rows() has no test part."""
        return False

    @property
    def targets(self) -> Targets:
        return Measured(self.measured) if self.measured else Classes(tuple(self.class_names))

    @property
    def class_names(self) -> Sequence[str]:
        if not len(self.classes) and not self.measured:
            self.setup("fit")
        return [str(label) for label in self.classes]

    def load_train(self) -> Arrays:
        rows, test = self._rows_and_test()
        rest = np.flatnonzero(~test)
        self._given_parts = None if rows.parts is None else rows.parts[rest]
        self._groups = None if rows.groups is None else rows.groups[rest]
        return rows.arrays(rest, self.encoded(self.source, rows.labels[rest]))

    def load_test(self) -> Arrays:
        rows, test = self._rows_and_test()
        part, rest = np.flatnonzero(test), np.flatnonzero(~test)
        arrays = rows.arrays(part, self.encoded(self.source, rows.labels[part]))
        self.compare_test(rows.read(rest), arrays.x)
        return arrays

    def encoded(self, where: str, labels: NDArray) -> NDArray[Any]:
        """y: numbers of classes, or the measured values as they are."""
        return labels if self.measured else encode(where, labels, self.classes)

    def compare_test(self, train: Floats, test: Floats) -> None:
        """Warn of samples that were trained on."""
        if self.duplicates != "ignore":
            report_shared(f"{self.source}: training and test part", train, test, fatal=False)

    def split(self, train: Arrays) -> tuple[Indices, Indices]:
        parts, groups = self._given_parts, self._groups
        if parts is not None and (parts == "val").any():
            if self.reshuffle:
                raise ValueError(
                    "data.reshuffle=true draws the validation part anew for every seed, but the "
                    "source names one; drop its names, or set data.reshuffle=false."
                )
            rest, val = np.flatnonzero(parts == "train"), np.flatnonzero(parts == "val")
        elif groups is not None:
            strata, _ = self.targets.strata(train.y)
            rest, val = grouped_split(strata, groups, self.val_fraction, self.split_seed)
        else:
            rest, val = super().split(train)
        self._compare(train, rest, val)
        return rest, val

    def split_fold(self, train: Arrays, folds: int) -> tuple[Indices, Indices]:
        if self._given_parts is not None and (self._given_parts == "val").any():
            raise ValueError(
                f"data.folds={folds} draws the validation parts, but the source names one; drop "
                "its names, or set data.folds=null."
            )
        strata, names = self.targets.strata(train.y)
        rest, val = fold_split(strata, self._groups, folds, self.fold, self.split_seed, names)
        self._compare(train, rest, val)
        return rest, val

    def most_folds(self, train: Arrays) -> int:
        if self._given_parts is not None and (self._given_parts == "val").any():
            return 0
        return super().most_folds(train) if self._groups is None else len(np.unique(self._groups))

    def _compare(self, train: Arrays, rest: Indices, val: Indices) -> None:
        """Complain of samples that training and validation share."""
        if self.duplicates != "ignore":
            where = f"{self.source}: training and validation part"
            fatal = self.duplicates == "error"
            report_shared(where, train.x[rest], train.x[val], fatal=fatal)

    def _rows_and_test(self) -> tuple[Rows, NDArray[np.bool_]]:
        """The samples, with checked names of parts, and which of them are the test part."""
        rows = self.rows()
        labels, parts, groups = rows.labels, rows.parts, rows.groups
        test = np.zeros(len(labels), dtype=bool)
        free = np.arange(len(labels))
        if parts is not None:
            parts = named_parts(self.source, parts)
            test, free = parts == "test", np.flatnonzero(parts == "train")
            if groups is not None:
                check_groups(self.source, parts, groups)
        if not self.measured:
            self.classes = find_classes(self.source, labels[~test], self.map_labels)
        if not test.any() and not self.test_is_elsewhere():
            y = self.encoded(self.source, labels[free])
            test[free[self._draw_test(y, None if groups is None else groups[free])]] = True
        return rows._replace(parts=parts), test

    def _draw_test(self, y: NDArray[Any], groups: NDArray | None) -> Indices:
        """A share of the samples, of every class alike, or in whole groups."""
        try:
            strata, names = self.targets.strata(y)
            if groups is not None:
                return grouped_split(strata, groups, self.test_fraction, TEST_SEED)[1]
            return stratified_split(strata, self.test_fraction, TEST_SEED, names)[1]
        except ValueError as error:
            raise ValueError(f"{self.source}, drawing the test part: {error}") from error
