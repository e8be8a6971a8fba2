"""Reads a trial's user attributes. Anybody may have written them: a wrong type counts as absent."""

from __future__ import annotations

import math

from zmodel.study.records import TrialRecord


def real(trial: TrialRecord, name: str) -> float | None:
    """A finite number, else None."""
    value = trial.attrs.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def count(trial: TrialRecord, name: str) -> int | None:
    """A whole number of at least 0, else None."""
    value = real(trial, name)
    return int(value) if value is not None and value >= 0 and value == int(value) else None


def flag(trial: TrialRecord, name: str) -> bool | None:
    value = trial.attrs.get(name)
    return value if isinstance(value, bool) else None


def words(trial: TrialRecord, name: str) -> tuple[str, ...]:
    """A list of texts; a single text is a list of one."""
    value = trial.attrs.get(name)
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def line(trial: TrialRecord, name: str) -> str:
    """The first line of a text, else nothing."""
    value = trial.attrs.get(name)
    return value.strip().splitlines()[0] if isinstance(value, str) and value.strip() else ""
