"""Cells of a table as numbers: what a column is, what is missing, what is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from zmodel.table.columns import DATE, NUMBER, WORDS, column_of, problems_of, target_of, values_of

NAN, WRONG = np.nan, np.inf


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        ([1, 2], NUMBER, [1, 2]),
        ([True, False], NUMBER, [1, 0]),
        (["1.5", "", "?", "NaN", "2"], NUMBER, [1.5, NAN, NAN, NAN, 2]),
        (["1", "2", "x"], NUMBER, [1, 2, WRONG]),
        (["0,5", "1,5"], NUMBER, [WRONG, WRONG]),
        (["1970-01-02", "", "1970-01-03 12:00"], DATE, [1, NAN, 2.5]),
        (["1970-01-02", "1970-13-02"], DATE, [1, WRONG]),
        (pd.to_datetime(["1970-01-11", None]), DATE, [10, NAN]),
        (pd.to_timedelta(["1min", None]), NUMBER, [60, NAN]),
        (["red", "blue", "", " red "], WORDS, [1, 0, NAN, 1]),
        (["NA", "EU"], WORDS, [1, 0]),
        (pd.Categorical(["b", None, "a"]), WORDS, [1, NAN, 0]),
        (pd.array([1, None], dtype="Int64"), NUMBER, [1, NAN]),
        (["", ""], NUMBER, [NAN, NAN]),
    ],
)
def test_what_a_column_is_and_its_values(cells, kind, values):
    series = pd.Series(cells)
    column = column_of("c", series)
    assert column.kind == kind
    np.testing.assert_array_equal(values_of(column, series), values)


def test_a_word_that_was_not_known_has_a_number_of_its_own():
    column = column_of("c", pd.Series(["a", "b"]))
    assert values_of(column, pd.Series(["b", "z", "y", ""])).tolist()[:3] == [1, 2, 2]


@pytest.mark.parametrize(
    ("cells", "impute", "words"),
    [
        (["1", "", "3"], False, ["found '' in row 1", "data.impute=true"]),
        (["1", "", "3"], True, []),
        (["1", "x", ""], False, ["found 'x' in row 1", "data.impute=true"]),
        (["0,5", "1,5"], True, ["decimal point"]),
        (["", ""], True, ["is empty"]),
        ([f"w{i % 5}" for i in range(20)], False, ["5 different words, or raise data.max_words=4"]),
        ([f"w{i}" for i in range(20)], False, ["names rows"]),
        ([f"${i}.50" for i in range(20)], False, ["found '$0.50'", "write numbers as 1234.5"]),
        ([f"{i} kg" for i in range(20)], False, ["write numbers as 1234.5"]),
        ([f"{i + 1}.02.2024" for i in range(20)], False, ["found '1.02", "dates as 2024-01-31"]),
        (["a", "b"], False, []),
    ],
)
def test_what_is_wrong_with_a_column(cells, impute, words):
    series = pd.Series(cells)
    column = column_of("c", series)
    found = " ".join(problems_of(column, series, values_of(column, series), impute, 4))
    words = [w.replace("words, or", "words; name it in data.drop_columns, or") for w in words]
    assert all(word in found for word in words) and bool(found) == bool(words)


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        (["1", "", "3"], "found '' in row 1"),
        (["1", "x", "3"], "found 'x' in row 1"),
        (["yes", "no", "yes"], "task=classification"),
    ],
)
def test_a_target_that_is_no_number_is_never_told_to_be_filled(cells, named):
    _, (problem,) = target_of("price", pd.Series(cells))
    assert named in problem and "impute" not in problem and "drop_columns" not in problem


def test_a_target_has_its_numbers():
    values, problems = target_of("price", pd.Series(["1.5", "2"]))
    assert (values.tolist(), problems) == ([1.5, 2], [])
