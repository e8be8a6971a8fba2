"""Lets no trial begin that would probably end after the deadline.

The hours that a command may work.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.trial_attributes import attr

RECENT = 50
SLOW = 0.9
"""A trial is expected to take as long as all but the slowest tenth of the latest."""


@dataclass(frozen=True)
class Deadline:
    """When the time of a command is over; clocks of its workers must agree.

    Args:
        at: seconds since 1970.
    """

    hours: float
    at: float

    @classmethod
    def of(cls, hours: float | None) -> Deadline | None:
        return None if hours is None else cls(hours, time.time() + 3600 * hours)

    def is_near(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether a trial that begins now would probably end too late."""
        return time.time() + expected_seconds(trials) > self.at

    def note(self) -> dict[str, Any]:
        """What the study keeps of having ended by it."""
        return {"by": "hours", "hours": self.hours}


def expected_seconds(trials: Sequence[FrozenTrial]) -> float:
    """What the next trial may take, by the latest that came to an end; 0 where none has.

    Trials that failed say nothing: most fail at once.
    """
    taken: list[float] = []
    for trial in reversed(trials):
        ended = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        if ended and "interrupted" not in trial.user_attrs:
            seconds = attr(trial, "seconds")
            if seconds is None and trial.duration is not None:
                seconds = trial.duration.total_seconds()
            taken += [] if seconds is None else [seconds]
        if len(taken) == RECENT:
            break
    taken.sort()
    return taken[math.ceil(SLOW * len(taken)) - 1] if taken else 0.0
