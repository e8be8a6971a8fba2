"""Turns what a job returned into the outcome of its trial."""

from __future__ import annotations

import io
import math
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from optuna.trial import TrialState

from zmodel.core.interrupt import Interrupted, Paused
from zmodel.core.running_trial import EndedByPruner
from zmodel.study.run_folder import result_attrs
from zmodel.study.storage.errors import StorageError, full_disk
from zmodel.study.storage.outage import StorageUnavailable
from zmodel.sweep.workers.trial_watch import TIME_IS_UP, timeout_reason

TRACEBACK_CHARACTERS = 8_000
STORAGE_ERRORS = (StorageError, StorageUnavailable)
"""What ends a worker: without its storage it can neither get trials nor record them."""


class NoSpace(Exception):
    """A disk is full: no trial can go on, and none is to blame."""


class Unusable(ValueError):
    """What a task returned is of another kind than the study needs."""


def require_space(error: BaseException) -> None:
    """Raise NoSpace when a full disk is what the error came from."""
    if full_disk(error) is not None:
        raise NoSpace(
            "there is no space left on a disk that trials write to; free some, then give the same "
            "command again: the running trials are put back"
        ) from error


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended.

    With values, with the reason of a failure, put back with a reason, or paused, which is no
    outcome yet."""

    state: TrialState = TrialState.FAIL
    values: tuple[float, ...] | None = None
    reason: str | None = None
    traceback: str | None = None
    put_back: str | None = None
    paused: bool = False
    unusable: bool = False
    """What the task returned cannot be the result of any trial: nothing, a text, another count."""
    attrs: dict[str, Any] = field(default_factory=dict)


def outcome_of(
    returned: JobReturn, folder: Path, objectives: int, limit: float | None, pruned: bool
) -> TrialOutcome:
    """Judge a job that came back.

    Failed: an exception, nothing returned, not a number, not finite, the wrong count, or stopped
    at its time limit.

    Raises:
        StorageError, StorageUnavailable, NoSpace: the run met one of them.
    """
    attrs = result_attrs(folder)
    try:
        value = value_of(returned)
    except Interrupted as error:
        if error.signum == TIME_IS_UP:
            return TrialOutcome(reason=timeout_reason(limit), attrs=attrs)
        return TrialOutcome(put_back=str(error))
    except Paused:
        return TrialOutcome(paused=True)
    except EndedByPruner:
        return TrialOutcome(TrialState.PRUNED, attrs=attrs)
    except STORAGE_ERRORS:
        raise
    except Exception as error:
        return failure(error, attrs)
    try:
        values = as_values(value, objectives)
    except ValueError as error:
        unusable = isinstance(error, Unusable)
        return TrialOutcome(reason=f"ValueError: {error}", unusable=unusable, attrs=attrs)
    if pruned:
        return TrialOutcome(TrialState.PRUNED, attrs=attrs)
    return TrialOutcome(TrialState.COMPLETE, values, attrs=attrs)


def value_of(returned: JobReturn) -> Any:
    """What the task returned; its exception is raised."""
    with redirect_stderr(io.StringIO()):  # where Hydra repeats the overrides of a failed job
        return returned.return_value


def failure(error: BaseException, attrs: dict[str, Any] | None = None) -> TrialOutcome:
    """What is kept of an exception: type and message, and the end of its traceback.

    Raises:
        NoSpace: that was the reason.
    """
    require_space(error)
    text = "".join(traceback.format_exception(error))
    first_line = str(error).strip().splitlines()[:1]
    reason = ": ".join([type(error).__name__, *first_line])
    return TrialOutcome(reason=reason, traceback=text[-TRACEBACK_CHARACTERS:], attrs=attrs or {})


def as_values(returned: Any, objectives: int) -> tuple[float, ...]:
    """The objective values as finite floats.

    Raises:
        Unusable: they are no numbers, or not as many as there are objectives.
        ValueError: one is not finite.
    """
    items = (
        returned if isinstance(returned, Sequence) and not isinstance(returned, str) else [returned]
    )
    if len(items) != objectives:
        raise Unusable(
            f"expected {objectives} objective values, got {returned!r}: hydra.sweeper.direction "
            "has one entry per value, as in [minimize,maximize]"
        )
    try:
        values = tuple(float(item) for item in items)
    except (TypeError, ValueError):
        raise Unusable(
            f"the objective must be a number, got {returned!r}: the task returns what is optimised"
        ) from None
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"the objective must be finite, got {returned!r}")
    return values
