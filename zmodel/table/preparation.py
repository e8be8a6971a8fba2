"""Fills missing cells and turns words into columns of 0 and 1.

As fitted to what is trained on.

What is fitted are plain values, which travel in a model's config.json; scikit-learn's transformers
are made of them anew, the same in training and where the model is deployed.

Shapes: N rows, F columns, G >= F features.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zmodel.table.columns import WORDS, Column, numbers_of, one_message

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.compose import ColumnTransformer

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Preparation:
    """How the columns of a table become the numbers that a network takes.

    `fills`: the median of each column's numbers, or its most frequent word. `seen`: for columns of
    words the numbers of the words in the training samples; any other word gives all 0. `impute`:
    whether missing cells are filled or refused."""

    columns: tuple[Column, ...]
    fills: tuple[float, ...]
    seen: tuple[tuple[int, ...], ...]
    impute: bool

    @classmethod
    def fit(cls, columns: Sequence[Column], x: Floats, impute: bool) -> Preparation:
        """Of rows (N, F) as `values_of` gives them. ValueError for a column without a value."""
        from sklearn.impute import SimpleImputer

        empty = [c.name for c, values in zip(columns, x.T, strict=True) if np.isnan(values).all()]
        if empty:
            raise ValueError(
                f"every column needs a value in what is trained on, found none in "
                f"{', '.join(map(repr, empty))}; name them in data.drop_columns."
            )
        fills: list[float] = []
        seen: list[tuple[int, ...]] = []
        for column, values in zip(columns, x.T, strict=True):
            words = column.kind == WORDS
            strategy = "most_frequent" if words else "median"
            imputer = SimpleImputer(strategy=strategy).fit(values[:, None])
            fills.append(float(imputer.statistics_[0]))
            codes = np.unique(values[~np.isnan(values)]) if words else ()
            seen.append(tuple(int(code) for code in codes))
        return cls(tuple(columns), tuple(fills), tuple(seen), impute)

    def __call__(self, x: Floats) -> Floats:
        """Rows (N, F) to features (N, G): the numbers first, then the words."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found unknown categories", UserWarning)
            made: Floats = self._transformer.transform(x)
        return made

    @property
    def features(self) -> tuple[str, ...]:
        """What the G features are called: `height`, `colour=red`."""
        columns = list(zip(self.columns, self.seen, strict=True))
        names = [c.name for c, _ in columns if c.kind != WORDS]
        for column, seen in columns:
            if column.kind == WORDS:
                kept = seen[1:] if len(seen) == 2 else seen
                names += [f"{column.name}={column.words[code]}" for code in kept]
        return tuple(names)

    def rows(self, where: str, frame: pd.DataFrame) -> Floats:
        """Features (N, G) of a table that has at least these columns.

        Raises:
            ValueError: everything that is wrong with it.
        """
        missing = [c.name for c in self.columns if c.name not in frame]
        if missing:
            raise ValueError(
                f"{where}: a table must have the columns that were learned from, found none of "
                f"{', '.join(map(repr, missing))}."
            )
        x, problems = numbers_of(frame, self.columns, self.impute, None)
        if problems:
            raise one_message(where, problems)
        return self(x)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Preparation:
        columns = (Column(c["name"], c["kind"], tuple(c["words"])) for c in told["columns"])
        seen = (tuple(codes) for codes in told["seen"])
        return cls(tuple(columns), tuple(told["fills"]), tuple(seen), told["impute"])

    @cached_property
    def _transformer(self) -> ColumnTransformer:
        """Fitted to one row: what missing cells are filled with is all that it has to know."""
        from sklearn.compose import ColumnTransformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        words = [i for i, column in enumerate(self.columns) if column.kind == WORDS]
        others = [i for i in range(len(self.columns)) if i not in words]
        encoder = OneHotEncoder(
            categories=[np.array(self.seen[i], dtype=float) for i in words],
            drop="if_binary",
            handle_unknown="ignore",
            sparse_output=False,
        )
        steps = [
            ("numbers", SimpleImputer(strategy="median"), others),
            ("words", make_pipeline(SimpleImputer(strategy="most_frequent"), encoder), words),
        ]
        made = ColumnTransformer([step for step in steps if step[2]])
        return made.fit(np.array([self.fills]))
