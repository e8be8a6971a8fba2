"""The running trial as callbacks and loops see it; ``None`` outside a study."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, SupportsFloat, SupportsIndex

from zmodel.core.interrupt import Interrupted, Paused, stop


class EndedByPruner(Exception):
    """The study's pruner has ended the running trial: its loop is left."""


class RunningTrial(Protocol):
    """What a study offers to the run inside it."""

    number: int
    params: dict[str, Any]
    """What was searched for."""
    pruned: bool
    pause_at: int | None
    """Epochs after which the run raises ``Paused``, with ``last.ckpt`` written; None: never."""

    def tell_folds(self, count: int) -> None:
        """Note that what the run reports are folds, so many of them, and no epochs."""

    def report(self, epoch: int, value: float) -> None:
        """Store the metric of this epoch (0-based) in the study."""

    def should_prune(self) -> bool:
        """Whether the study's pruner, if there is one, ends this trial now."""


_running: ContextVar[RunningTrial | None] = ContextVar("running_trial", default=None)
_within: ContextVar[bool] = ContextVar("within_trial", default=False)


def within_trial() -> bool:
    """Whether the calling code is part of a trial, also where that is withheld."""
    return _within.get()


def pauses_after(epochs: int) -> bool:
    """Whether the running trial, if there is one, pauses when so many epochs are done."""
    trial = _running.get()
    return trial is not None and trial.pause_at is not None and epochs >= trial.pause_at


def running_trial() -> RunningTrial | None:
    """The trial that the calling code works for, or ``None``."""
    return _running.get()


@contextmanager
def running(trial: RunningTrial) -> Iterator[RunningTrial]:
    """Make ``trial`` the running one for the duration of the block."""
    assert _running.get() is None, "a run belongs to one trial"
    token, within = _running.set(trial), _within.set(True)
    try:
        yield trial
    finally:
        _running.reset(token)
        _within.reset(within)


@contextmanager
def withheld() -> Iterator[RunningTrial | None]:
    """Hide the running trial from callbacks: what runs inside the block is a part of it."""
    trial = _running.get()
    token = _running.set(None)
    try:
        yield trial
    finally:
        _running.reset(token)


def report(step: SupportsIndex, value: SupportsFloat) -> None:
    """Tell the study what the running trial is worth after a step; outside a study do nothing.

    Every study keeps these values as the trial's learning curve. A call may also end the loop it
    stands in, by an exception that the study knows; let it pass.

        for epoch in range(cfg.epochs):
            ...
            zmodel.report(epoch, loss)

    Args:
        step: counted from 0: epochs, or other steps that all trials have in common.
        value: what the study optimises, as it is now.

    Raises:
        EndedByPruner: the study's pruner ends the trial.
        Interrupted: Ctrl-C or SIGTERM, and the study gives the trial again; or its time limit, and
            it has failed.
        Paused: the study's stopping rule pauses the trial after this step.
        ValueError: they are no step and no number.
    """
    number, measured = _step(step), _measured(value)
    trial = running_trial()
    if trial is None:
        return
    trial.report(number, measured)
    if trial.should_prune():
        trial.pruned = True
        raise EndedByPruner(f"the study's pruner ended trial {trial.number} after step {number}")
    if pauses_after(number + 1):
        raise Paused  # also when the study is to stop: the trial may take no further step
    if stop.signum is not None:
        raise Interrupted(stop.signum)


def _step(given: SupportsIndex) -> int:
    try:
        number = operator.index(given)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(
            "zmodel.report(step, value): step must be a whole number, counted from 0, got "
            f"{given!r}."
        )
    return number


def _measured(given: SupportsFloat) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        raise ValueError(
            f"zmodel.report(step, value): value must be one number, got {given!r}."
        ) from None
