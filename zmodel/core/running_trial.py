"""The running trial, as callbacks see it: one accessor, ``None`` outside a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class RunningTrial(Protocol):
    """What a study offers to the run inside it."""

    number: int
    pruned: bool
    pause_at: int | None
    """Epochs after which the run raises ``Paused``, with ``last.ckpt`` written; None: never."""

    def report(self, epoch: int, value: float) -> None:
        """Store the metric of this epoch (0-based) in the study."""

    def should_prune(self) -> bool:
        """Whether the study's pruner, if there is one, ends this trial now."""


_running: ContextVar[RunningTrial | None] = ContextVar("running_trial", default=None)


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
    token = _running.set(trial)
    try:
        yield trial
    finally:
        _running.reset(token)


@contextmanager
def withheld() -> Iterator[RunningTrial | None]:
    """Hide the running trial from callbacks: what runs inside the block is a part of it."""
    trial = _running.get()
    token = _running.set(None)
    try:
        yield trial
    finally:
        _running.reset(token)
