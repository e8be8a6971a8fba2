"""What a sampler learns from trials that a stopping rule has paused.

Most trials of such a study pause early, and a depth completes a few. When TPE knew the completed
ones alone, a study of 20 trials' worth of epochs never left its random start. Which TPE makes the
most of the paused ones is measured in ``docs/measured/stopping.md`` (``benchmarks/told.py``).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import is_paused
from zmodel.sweep.history.shown_history import ShownHistory


class PausedHistory(ShownHistory):
    """Shows `sampler` a paused trial as a complete one whose value is its best so far.

    For a sampler that only ranks trials, as TPE does: a trial that was allowed to go on mostly
    stands before one that paused early. The rule gives each depth its trials, so a depth that
    learns slowly loses none by its low values. A trial without a score is not shown as complete.
    """

    def see(self, study: Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        best = max if study.direction == StudyDirection.MAXIMIZE else min
        return [_complete(trial, best) if is_paused(trial) else trial for trial in trials]


def _complete(trial: FrozenTrial, best: Callable[[list[float]], float]) -> FrozenTrial:
    scores = [v for v in trial.intermediate_values.values() if not math.isnan(v)]
    if not scores:
        return trial
    twin = copy.copy(trial)
    twin.state, twin.value = TrialState.COMPLETE, best(scores)
    return twin
