"""Counts how much of the budget is used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """Counts of slots by the state of their latest attempt.

    Attributes:
        total: without a limit of trials, those begun.
        epochs: done, and in all; None when the budget is one of trials alone.
        work_left: of a budget of epochs, whether it pays for more.
    """

    total: int
    finished: int
    running: int
    waiting: int
    failed: int
    pruned: int
    paused: int = 0
    epochs: tuple[int, int] | None = None
    work_left: bool = False

    @property
    def is_complete(self) -> bool:
        if self.epochs is None:
            return self.finished >= self.total
        return not self.running and not self.work_left

    @property
    def used(self) -> float:
        """Share of the budget."""
        done, total = self.epochs or (self.finished, self.total)
        return min(1.0, done / max(1, total))

    @property
    def progress(self) -> str:
        done, total = self.epochs or (self.finished, self.total)
        return f"{done} of {total} {'epochs' if self.epochs else 'trials'}"
