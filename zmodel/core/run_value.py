"""Reads a metric from the ``result.json`` of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RESULT_KEYS = ("parameters", "seconds", "epochs")
"""Entries of the result that may serve as an objective, beside the logged metrics."""


def value_of(name: str, result: Mapping[str, Any]) -> float | None:
    """A metric as it was in the epoch whose weights are kept.

    The last logged value where there is no such epoch or it was not logged by then; ``None`` if it
    never was."""
    kept = {} if name.endswith("_best") else result.get("best_metrics") or {}
    own = {key: result.get(key) for key in RESULT_KEYS}
    found = {**(result.get("metrics") or {}), **kept, **own}.get(name)
    return float(found) if isinstance(found, int | float) else None
