"""The running trial, as callbacks see it: one accessor, ``None`` outside a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class RunningTrial(Protocol):
    """What a study offers to the run inside it."""

    number: int
    pruned: bool

    def report(self, epoch: int, value: float) -> None:
        """Store the metric of this epoch (0-based) in the study."""

    def should_prune(self) -> bool:
        """Whether the study's pruner, if there is one, ends this trial now."""


_running: RunningTrial | None = None


def running_trial() -> RunningTrial | None:
    """The trial this process is working on, or ``None``."""
    return _running


@contextmanager
def running(trial: RunningTrial) -> Iterator[RunningTrial]:
    """Make ``trial`` the running one for the duration of the block."""
    global _running
    assert _running is None, "a process runs one trial at a time"
    _running = trial
    try:
        yield trial
    finally:
        _running = None


@contextmanager
def withheld() -> Iterator[RunningTrial | None]:
    """Hide the running trial from callbacks: what runs inside the block is a part of it."""
    global _running
    trial, _running = _running, None
    try:
        yield trial
    finally:
        _running = trial
