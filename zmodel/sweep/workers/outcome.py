"""From what a job returned to the outcome of its trial that the study records."""

from __future__ import annotations

import io
import json
import math
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from optuna.trial import TrialState

from zmodel.core.interrupt import Interrupted
from zmodel.study.storage.errors import StorageError
from zmodel.study.storage.outage import StorageUnavailable

TRACEBACK_CHARACTERS = 8_000
RESULT_ATTRS = (
    "epochs", "max_epochs", "best_epoch", "stopped_early", "seconds", "parameters", "metrics",
    "seed",
)  # fmt: skip
STORAGE_ERRORS = (StorageError, StorageUnavailable)
"""What ends a worker: without its storage it can neither get trials nor record them."""


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended: values of a completed one, a reason of a failed one, or interrupted."""

    state: TrialState = TrialState.FAIL
    values: tuple[float, ...] | None = None
    reason: str | None = None
    traceback: str | None = None
    interrupted: Interrupted | None = None
    attrs: dict[str, Any] = field(default_factory=dict)


def outcome_of(returned: JobReturn, objectives: int, folder: Path, pruned: bool) -> TrialOutcome:
    """Judge a job that came back.

    Failed: an exception, nothing returned, not a number, not finite, or the wrong count.

    Raises:
        StorageError, StorageUnavailable: the run met one of them.
    """
    attrs = result_attrs(folder)
    try:
        value = value_of(returned)
    except Interrupted as error:
        return TrialOutcome(interrupted=error)
    except STORAGE_ERRORS:
        raise
    except Exception as error:
        return failure(error, attrs)
    try:
        values = as_values(value, objectives)
    except ValueError as error:
        return TrialOutcome(reason=f"ValueError: {error}", attrs=attrs)
    if pruned:
        return TrialOutcome(TrialState.PRUNED, attrs=attrs)
    return TrialOutcome(TrialState.COMPLETE, values, attrs=attrs)


def value_of(returned: JobReturn) -> Any:
    """What the task returned; its exception is raised."""
    with redirect_stderr(io.StringIO()):  # where Hydra repeats the overrides of a failed job
        return returned.return_value


def failure(error: BaseException, attrs: dict[str, Any] | None = None) -> TrialOutcome:
    """What is kept of an exception: type and message, and the end of its traceback."""
    text = "".join(traceback.format_exception(error))
    first_line = str(error).strip().splitlines()[:1]
    reason = ": ".join([type(error).__name__, *first_line])
    return TrialOutcome(reason=reason, traceback=text[-TRACEBACK_CHARACTERS:], attrs=attrs or {})


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
