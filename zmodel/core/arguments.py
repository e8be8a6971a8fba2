"""Checks of arguments with clear errors.

Each raises a ValueError that says what must hold and how to fix it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

from zmodel.core.suggestion import suggestion


def at_least(name: str, value: object, low: int) -> None:
    """`value` must be a whole number of at least `low`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
        raise ValueError(
            f"{name} must be a whole number of at least {low}, received {value!r}; "
            f"use for example {name}={max(low, 3)}."
        )


def is_number(value: object) -> bool:
    """Whether it is an int or a float; a flag is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def at_most(name: str, value: int, high: int, key: str) -> None:
    """`value` must not exceed `high`, a limit that the user can raise by `key`."""
    if value > high:
        raise ValueError(
            f"{name} must be at most {high:,}, received {value:,}; make it smaller, or raise {key} "
            "if this is meant."
        )


def below_one(name: str, value: object, *, zero: bool) -> None:
    """`value` must lie in [0, 1) if `zero` is allowed, else in (0, 1)."""
    fits = isinstance(value, int | float) and (0 < value < 1 or (zero and value == 0))
    if not fits or isinstance(value, bool):
        raise ValueError(
            f"{name} must lie in {'[' if zero else '('}0, 1), received {value!r}; "
            f"use for example {name}=0.2."
        )


def known(name: str, value: object, options: Iterable[str]) -> None:
    """`value` must be one of `options`; the message names the nearest of them."""
    options = tuple(options)
    if value not in options:
        raise ValueError(
            f"{name} must be a known name, received {value!r}; {suggestion(value, options)}"
        )


def name(key: str, value: object) -> str:
    """A text; what was typed as ``1e3`` or ``2024_01`` has become another number by now."""
    if not isinstance(value, str):
        raise ValueError(
            f"{key} must be a name, received {value!r}; write one that looks like a number in "
            f"quotes within quotes: \"{key}='1e3'\"."
        )
    return value


def names(key: str, value: object) -> tuple[str, ...]:
    """Names as a list; a single text is a list of one, never of its letters.

    A number is refused: `2024_01` without quotes is read as 202401, which nobody typed.
    """
    given = (value,) if isinstance(value, str) else () if value is None else value
    if not isinstance(given, Sequence) or not all(isinstance(name, str) for name in given):
        raise ValueError(
            f"{key} must be a list of names, received {value!r}; write names that look like "
            f"numbers in quotes, for example {key}=[a,'7']."
        )
    return tuple(given)


def whole_numbers(key: str, value: object, example: str) -> tuple[int, ...]:
    """A list of whole numbers of at least 1; neither a text nor a single number."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(
            f"{key} must be a list of whole numbers, received {value!r}; use for example "
            f"{key}={example}."
        )
    for number in value:
        at_least(f"every entry of {key}", number, 1)
    return tuple(value)


def share(key: str, given: Any) -> float:
    """``0.05`` or ``"5%"`` as .05; ``None`` as 0."""
    try:
        text = str(given or 0)
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{key} must be a share such as 0.05 or 5%, received {given!r}.")
    return value
