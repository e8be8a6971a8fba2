"""Columns of a table and their cells as numbers: measurements, dates, words.

Shapes: N rows, F columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

NUMBER, DATE, WORDS = "number", "date", "words"
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
"""How a cell of numbers or dates is left out; of words only the empty one is."""
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
COMMA = re.compile(r"[+-]?\d+,\d+")
FORMS = (
    (re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([T ].*)?"), "write dates as 2024-01-31"),
    (re.compile(r"\W*\d[\d.,' ]*\W*\w{0,3}"), "write numbers as 1234.5, without a unit"),
)
"""Words that were meant as something else, and how that is written."""
LARGEST = float(np.finfo(np.float32).max)
"""Networks compute in single precision."""
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Column:
    """`words`: what the cells of a column of words may be, in the order of their numbers."""

    name: str
    kind: str
    words: tuple[str, ...] = ()


def column_of(name: str, cells: pd.Series) -> Column:
    """What most cells of a column are.

    Numbers (truth values too), dates written as 2024-01-31, or words."""
    if cells.dtype.kind in "biufm":
        return Column(name, NUMBER)
    if cells.dtype.kind == "M":
        return Column(name, DATE)
    text = _text(cells)
    filled = text[~_is_missing(text)]
    if not len(filled) or _numbers(filled).notna().mean() >= 0.5 or filled.map(_comma).all():
        return Column(name, NUMBER)
    if filled.map(lambda cell: ISO.fullmatch(cell) is not None).mean() >= 0.5:
        return Column(name, DATE)
    return Column(name, WORDS, tuple(sorted(set(text) - {""})))


def values_of(column: Column, cells: pd.Series) -> NDArray[np.float64]:
    """(N,) numbers: as they are, days since 1970, or the number of a word.

    An unknown word has the next free number. NaN where a cell is missing, infinity where it is
    wrong."""
    import pandas as pd

    if column.kind == WORDS:
        numbers = {word: i for i, word in enumerate(column.words)}
        text = _text(cells)
        return text.map(lambda w: np.nan if w == "" else numbers.get(w, len(numbers))).to_numpy(
            np.float64
        )
    if cells.dtype.kind == "m":
        return cells.dt.total_seconds().to_numpy(np.float64, na_value=np.nan)
    if column.kind == NUMBER and cells.dtype.kind in "biuf":
        return cells.to_numpy(np.float64, na_value=np.nan)
    if column.kind == DATE:
        moments = cells
        if cells.dtype.kind != "M":
            moments = pd.to_datetime(_text(cells), errors="coerce", format="ISO8601", utc=True)
        days = (moments.to_numpy("datetime64[ns]") - np.datetime64("1970-01-01")) / DAY
        return _wrong(days, cells)
    return _wrong(_numbers(_text(cells)).to_numpy(np.float64, na_value=np.nan), cells)


def problems_of(
    column: Column, cells: pd.Series, values: NDArray[np.float64], impute: bool, most: int
) -> list[str]:
    """What is wrong with a column that is to be learned from, each with the way to mend it.

    Args:
        impute: whether missing cells are filled.
        most: different words that a column may have.
    """
    name, found = column.name, []
    wanted = {NUMBER: "a finite number", DATE: "a date", WORDS: "a word"}[column.kind]
    wrong = ~(np.abs(values) <= LARGEST) & ~np.isnan(values)
    if wrong.any():
        fix = "correct or drop the rows, or the column (data.drop_columns)"
        found.append(_told(name, cells, wrong, wanted, fix))
    missing = np.isnan(values)
    if len(values) and missing.all():
        found.append(f"column {name!r} is empty; name it in data.drop_columns.")
    elif missing.any() and not impute:
        fix = "set data.impute=true to fill them, drop the rows, or the column (data.drop_columns)"
        found.append(_told(name, cells, missing, wanted, fix))
    count, filled = len(column.words), int((~missing).sum())
    if count > most:
        single = count == filled
        what = "another word in every row: it names rows" if single else f"{count} different words"
        more = "" if single else f", or raise data.max_words={most}"
        written = next((way for form, way in FORMS if form.fullmatch(column.words[0])), None)
        if written:
            what, more = f"{column.words[0]!r}", f", or {written}"
        found.append(
            f"column {name!r} must hold a number, or one of at most {most} words, found {what}; "
            f"name it in data.drop_columns{more}."
        )
    return found


def numbers_of(
    frame: pd.DataFrame, columns: Sequence[Column], impute: bool, most: int | None
) -> tuple[NDArray[np.float64], list[str]]:
    """(N, F) as :func:`values_of` gives them, and what is wrong, as :func:`problems_of` says it.

    Args:
        most: None: as many words as each column is known to have.
    """
    x = np.empty((len(frame), len(columns)), order="F")  # columns are looked at one by one
    problems = []
    for i, column in enumerate(columns):
        cells = frame[column.name]
        x[:, i] = values_of(column, cells)
        limit = len(column.words) if most is None else most
        problems += problems_of(column, cells, x[:, i], impute, limit)
    return x, problems


def one_message(where: str, problems: Sequence[str]) -> ValueError:
    """An error with everything that is to be mended."""
    if len(problems) == 1:
        return ValueError(f"{where}: {problems[0]}")
    listed = "".join(f"\n  - {problem}" for problem in problems)
    return ValueError(f"{where}: {len(problems)} problems to fix:{listed}")


def unfilled(name: str, cells: pd.Series) -> list[str]:
    """What is wrong with a column of labels, parts or groups."""
    empty = (cells.isna() | (cells == "")).to_numpy()
    return [_told(name, cells, empty, "a value", "fill it or drop the rows")] if empty.any() else []


def weights_of(name: str, cells: pd.Series) -> tuple[NDArray[np.float64], list[str]]:
    """Weights of the rows, and what is wrong with them; 0 leaves a row out."""
    values = values_of(Column(name, NUMBER), cells)
    bad = ~((values >= 0) & (values <= LARGEST))
    if bad.any():
        wanted = "a weight, a finite number that is not negative,"
        return values, [_told(name, cells, bad, wanted, "correct or drop the rows")]
    if not values.any():
        return values, [f"column {name!r} must hold a weight above 0, found 0 in every row."]
    return values, []


def target_of(name: str, cells: pd.Series) -> tuple[NDArray[np.float64], list[str]]:
    """A measured target of the rows, and what is wrong with it: no target is ever filled in."""
    values = values_of(Column(name, NUMBER), cells)
    bad = ~(np.abs(values) <= LARGEST)
    if not bad.any():
        return values, []
    fix = "correct or drop the rows"
    if bad.all():
        fix = "name another column (data.label_column), or learn classes (task=classification)"
    return values, [_told(name, cells, bad, "a finite number", fix)]


def _told(name: str, cells: pd.Series, bad: NDArray[np.bool_], wanted: str, fix: str) -> str:
    row = int(np.flatnonzero(bad)[0])
    value = cells.iloc[row]
    shown = repr(value) if isinstance(value, str) else value
    if isinstance(value, str) and _comma(value):
        fix = f"write a decimal point, {fix}"
    return (
        f"column {name!r} must hold {wanted} in every row, found {shown} in row {row} (counted "
        f"from 0; {int(bad.sum())} such of {len(cells)}); {fix}."
    )


def _text(cells: pd.Series) -> pd.Series:
    """Cells as they are written, without spaces around them; a missing one is empty."""
    return cells.astype(object).where(cells.notna(), "").astype(str).str.strip()


def _is_missing(text: pd.Series) -> pd.Series:
    return text.str.lower().isin(MISSING)


def _numbers(text: pd.Series) -> pd.Series:
    import pandas as pd

    return pd.to_numeric(text, errors="coerce")


def _wrong(values: NDArray[np.float64], cells: pd.Series) -> NDArray[np.float64]:
    """`values` with infinity where there is something that is no value."""
    missing = _is_missing(_text(cells)).to_numpy()
    return np.where(np.isnan(values) & ~missing, np.inf, values)


def _comma(cell: str) -> bool:
    return COMMA.fullmatch(cell) is not None
