"""Missing values and words, as fitted to what was trained on."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from zmodel.table.columns import column_of, values_of
from zmodel.table.preparation import Preparation

TABLE = pd.DataFrame(
    {
        "colour": ["red", "blue", "red", "green", ""],
        "size": ["1", "2", "", "4", "9"],
        "new": ["yes", "no", "no", "no", "no"],
    }
)


def fitted(rows: slice, impute: bool = True) -> Preparation:
    columns = [column_of(name, TABLE[name]) for name in TABLE]
    x = np.stack([values_of(c, TABLE[c.name]) for c in columns], axis=1)
    return Preparation.fit(columns, x[rows], impute)


def test_medians_and_words_are_those_of_the_fitted_rows():
    made = fitted(slice(0, 3))
    assert made.features == ("size", "colour=red", "new=yes")
    # green was not seen: neither blue nor red; the missing colour is the most frequent one
    found = made.rows("t", TABLE)
    assert found.tolist() == [[1, 1, 1], [2, 0, 0], [1.5, 1, 0], [4, 0, 0], [9, 1, 0]]
    whole = fitted(slice(None))
    assert whole.features == ("size", "colour=blue", "colour=green", "colour=red", "new=yes")
    assert whole.rows("t", TABLE)[2].tolist() == [3, 0, 0, 1, 0]


def test_it_travels_as_plain_values():
    made = fitted(slice(None))
    again = Preparation.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    np.testing.assert_array_equal(again.rows("t", TABLE), made.rows("t", TABLE))
    new = TABLE.assign(colour="pink", more=1)[["more", "new", "size", "colour"]]  # in another order
    assert again.rows("t", new)[:, 1:4].sum() == 0


def test_a_table_that_does_not_fit_is_refused_with_all_that_is_wrong():
    made = fitted(slice(None), impute=False)
    with pytest.raises(ValueError, match=r"(?s)t: 2 problems.*'colour'.*row 4.*'size'.*row 2"):
        made.rows("t", TABLE)
    with pytest.raises(ValueError, match="found none of 'size', 'new'"):
        made.rows("t", TABLE[["colour"]])
    with pytest.raises(ValueError, match="found none in 'colour'"):
        fitted(slice(4, 5))
