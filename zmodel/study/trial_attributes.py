"""What workers note about trials, read from a storage that others can write to.

An attribute of the wrong kind counts as absent: a trial that somebody else wrote may lack
everything, and must not end the workers that read it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optuna.trial import FrozenTrial


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_lease(value: Any) -> bool:
    """Whether this is the record of a worker's lease, see lease.py."""
    parts = ("worker", "machine", "path")
    return isinstance(value, dict) and all(isinstance(value.get(part), str) for part in parts)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


KINDS: dict[str, Callable[[Any], bool]] = {
    "slot": _whole,
    "attempt": _whole,
    "crashes": _whole,
    "resumed_from": _whole,
    "lease": is_lease,
    "forced": _names,
    "forced_to": lambda value: isinstance(value, dict),
}


def attr(trial: FrozenTrial, key: str, default: Any = None) -> Any:
    """The attribute `key` of KINDS; `default` when it is absent or of another kind."""
    value = trial.user_attrs.get(key)
    return value if KINDS[key](value) else default


def fixed_params(trial: FrozenTrial) -> dict[str, Any]:
    """The parameters that a trial was enqueued with."""
    given = trial.system_attrs.get("fixed_params")
    return given if isinstance(given, dict) else {}
