"""Trials that another program began and left behind.

Plain Optuna, for example.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.lease import SILENT_AFTER, Observer
from zmodel.study.trial_attributes import attr

log = logging.getLogger(__name__)


@dataclass
class Strangers:
    """Watches them from one process; a trial without a lease shows its life by what it writes."""

    observer: Observer
    silent: set[int] = field(default_factory=set)

    def left_behind(self, open_trials: Iterable[FrozenTrial]) -> set[int]:
        """Those that are no longer written to: they count as attempted.

        They are not ended, which is for that program to do.
        """
        numbers = set()
        for trial in open_trials:
            numbers.add(trial.number)
            if trial.state == TrialState.RUNNING and attr(trial, "lease") is None:
                curve = trial.intermediate_values
                sign = (len(trial.params), len(trial.user_attrs), len(curve))
                if self.observer.is_silent(trial.number, sign) and trial.number not in self.silent:
                    self.silent.add(trial.number)
                    log.warning(
                        "trial %d was begun by another program that has not written to it for "
                        "%g s: it counts as attempted, and the study continues without it",
                        trial.number, SILENT_AFTER,
                    )  # fmt: skip
        self.silent &= numbers
        return self.silent
