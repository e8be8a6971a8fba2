"""The running trial, as callbacks see it: one accessor, ``None`` outside a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol


class Partner(Protocol):
    """A piece of a run that is computed together with the same piece of other runs."""

    def advance(self, partners: Sequence[Any]) -> None:
        """Compute the pieces of all partners, this one among them."""


class RunningTrial(Protocol):
    """What a study offers to the run inside it."""

    number: int
    pruned: bool
    meet: Callable[[Partner], None] | None
    """Wait until the other trials of this process have come here too, or have ended; then all
    partners are advanced by one call. ``None`` when this process runs one trial at a time."""

    def report(self, epoch: int, value: float) -> None:
        """Store the metric of this epoch (0-based) in the study."""

    def should_prune(self) -> bool:
        """Whether the study's pruner, if there is one, ends this trial now."""


_running: ContextVar[RunningTrial | None] = ContextVar("running_trial", default=None)


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
