"""Reads what workers note about trials.

The storage may be written to by others.

An attribute of the wrong kind counts as absent: a trial that somebody else wrote may lack
everything, and must end neither the workers that read it nor a report.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from optuna.trial import FrozenTrial

if TYPE_CHECKING:
    from zmodel.study.records import TrialRecord


def _real(value: Any) -> float | None:
    """A finite number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else None


def _whole(value: Any) -> int | None:
    """A whole number of at least 0."""
    number = _real(value)
    return int(number) if number is not None and number >= 0 and number.is_integer() else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _line(value: Any) -> str | None:
    """The first line of a text that has one."""
    return value.strip().splitlines()[0] if isinstance(value, str) and value.strip() else None


def _names(value: Any) -> list[str] | None:
    """A list of texts."""
    known = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    return list(value) if known else None


def _lease(value: Any) -> dict[str, Any] | None:
    """The record of a worker's lease, see lease.py."""
    parts = ("worker", "machine", "path")
    known = isinstance(value, dict) and all(isinstance(value.get(part), str) for part in parts)
    return value if known else None


def _dictionary(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _rejected(value: Any) -> list[dict[str, dict[str, Any]]] | None:
    """Configurations that were not tried, each with its `params` and the `amounts` of it."""
    if not isinstance(value, list | tuple):
        return None
    parts = ("params", "amounts")
    return [
        one
        for one in value
        if isinstance(one, dict) and all(isinstance(one.get(part), dict) for part in parts)
    ]


def _stretches(value: Any) -> list[Stretch] | None:
    """[[start, end, worker], ...], times in ISO 8601."""
    if not isinstance(value, list | tuple):
        return None
    try:
        return [
            Stretch(datetime.fromisoformat(start), datetime.fromisoformat(end), str(worker))
            for start, end, worker in value
        ]
    except (TypeError, ValueError):
        return None


class Stretch(NamedTuple):
    """What a worker did of a trial until it paused."""

    start: datetime
    end: datetime
    worker: str


KINDS: dict[str, Callable[[Any], Any]] = {
    "slot": _whole,
    "attempt": _whole,
    "crashes": _whole,
    "resumed_from": _whole,
    "starts_anew": _flag,
    "lease": _lease,
    "worker": _line,
    "dir": _line,
    "forced": _names,
    "forced_to": _dictionary,
    "control": _flag,
    "baseline": _flag,
    "replicate": _whole,
    "enqueued": _flag,
    "baseline_moved": _dictionary,
    "folds": _whole,
    "until": _whole,
    "paused_at": _whole,
    "pauses": _whole,
    "stretches": _stretches,
    "spared": _flag,
    "max_epochs": _whole,
    "epochs": _whole,
    "best_epoch": _whole,
    "cooled_from": _whole,
    "stopped_early": _flag,
    "never_learned": _flag,
    "validated": _whole,
    "majority": _real,
    "seconds": _real,
    "parameters": _whole,
    "metrics": _dictionary,
    "amounts": _dictionary,
    "rejected": _whole,
    "rejected_params": _rejected,
    "fail_reason": _line,
}
"""Attribute -> how it is read: its value, or None when it is of another kind."""


def attr(trial: FrozenTrial | TrialRecord, key: str, default: Any = None) -> Any:
    """The attribute `key` of KINDS; `default` when it is absent or of another kind."""
    attrs = trial.user_attrs if isinstance(trial, FrozenTrial) else trial.attrs
    value = KINDS[key](attrs.get(key))
    return default if value is None else value


def is_given(trial: FrozenTrial | TrialRecord) -> bool:
    """Whether its parameters were chosen beforehand: further trials will not be like it."""
    return attr(trial, "enqueued") is True or attr(trial, "baseline") is True


def is_replicate(trial: FrozenTrial | TrialRecord) -> bool:
    """Whether it repeats another one with another seed: it counts as a trial, and is no result."""
    return attr(trial, "replicate") is not None


def fixed_params(trial: FrozenTrial) -> dict[str, Any]:
    """The parameters that a trial was enqueued with."""
    given = trial.system_attrs.get("fixed_params")
    return given if isinstance(given, dict) else {}


def state_of(trial: TrialRecord) -> str:
    """Its state, as people call it."""
    put_back = trial.state == "waiting" and trial.attrs.keys() & {"interrupted", "resumed_from"}
    return "interrupted, will resume" if put_back else trial.state
