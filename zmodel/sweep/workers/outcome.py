"""From what a job returned to the outcome that the study records."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from zmodel.core.interrupt import Interrupted

TRACEBACK_CHARACTERS = 8_000
RESULT_ATTRS = (
    "epochs", "max_epochs", "best_epoch", "stopped_early", "seconds", "parameters", "metrics",
    "seed",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """``values`` of a completed trial, or why there are none."""

    values: tuple[float, ...] | None = None
    reason: str | None = None
    traceback: str | None = None
    interrupted: Interrupted | None = None
    attrs: dict[str, Any] = field(default_factory=dict)


def outcome_of(returned: JobReturn, objectives: int, folder: Path) -> Outcome:
    """Judge a job that came back.

    Failed: an exception, nothing returned, not a number, not finite, or the wrong count.
    """
    attrs = result_attrs(folder)
    if returned.status == JobStatus.FAILED:
        error = returned._return_value
        if isinstance(error, Interrupted):
            return Outcome(interrupted=error)
        return failure(error, attrs)
    try:
        return Outcome(values=as_values(returned.return_value, objectives), attrs=attrs)
    except ValueError as error:
        return Outcome(reason=f"ValueError: {error}", attrs=attrs)


def failure(error: BaseException, attrs: dict[str, Any] | None = None) -> Outcome:
    """What is kept of an exception: type and message, and the end of its traceback."""
    text = "".join(traceback.format_exception(error))
    first_line = str(error).strip().splitlines()[:1]
    reason = ": ".join([type(error).__name__, *first_line])
    return Outcome(reason=reason, traceback=text[-TRACEBACK_CHARACTERS:], attrs=attrs or {})


def as_values(returned: Any, objectives: int) -> tuple[float, ...]:
    """The objective values as finite floats; ``ValueError`` otherwise."""
    items = (
        returned if isinstance(returned, Sequence) and not isinstance(returned, str) else [returned]
    )
    if len(items) != objectives:
        raise ValueError(f"expected {objectives} objective values, got {returned!r}")
    try:
        values = tuple(float(item) for item in items)
    except (TypeError, ValueError):
        raise ValueError(f"the objective must be a number, got {returned!r}") from None
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"the objective must be finite, got {returned!r}")
    return values


def result_attrs(folder: Path) -> dict[str, Any]:
    """What the study keeps of ``result.json``; nothing if the task wrote none."""
    try:
        result = json.loads((folder / "result.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    attrs = {key: result[key] for key in RESULT_ATTRS if key in result}
    attrs["git_commit"] = result.get("git", {}).get("commit")
    attrs["git_dirty"] = result.get("git", {}).get("dirty")
    return attrs
