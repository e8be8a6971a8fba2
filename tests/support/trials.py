"""A running trial as callbacks see it, without a study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from zmodel.core.interrupt import stop


class Trial:
    """Keeps what the run reports; prunes, or asks the process to stop, when it is told to."""

    number, pruned = 0, False
    params: ClassVar[dict[str, Any]] = {}
    pause_at: int | None = None
    folds: int | None = None

    def __init__(self, prune_after: int = 10**6, stop_after: int = 10**6) -> None:
        self.reported: dict[int, float] = {}
        self.prune_after, self.stop_after = prune_after, stop_after

    def tell_folds(self, count: int) -> None:
        self.folds = count

    def report(self, epoch: int, value: float) -> None:
        self.reported[epoch] = value
        if len(self.reported) == self.stop_after:
            stop.request(2)

    def should_prune(self) -> bool:
        return len(self.reported) >= self.prune_after

    @property
    def curve(self) -> list[float]:
        return list(self.reported.values())


def best(curve: list[float], better: Callable[..., float]) -> int:
    """The first epoch with the best value."""
    return curve.index(better(curve))
