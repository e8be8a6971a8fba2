"""What a sampler learns from trials that a stopping rule has paused.

Most trials of such a study pause early, and a depth completes a few. TPE knew the completed ones
alone at first, so in a study of 20 trials' worth of epochs it never left its random start
(`benchmarks/told.py`, docs/measured/stopping.md).
"""

from __future__ import annotations

import copy

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import is_paused
from zmodel.sweep.history.shown_history import ShownHistory


class PausedHistory(ShownHistory):
    """Shows `sampler` a paused trial as a pruned one.

    Optuna's TPE ranks pruned trials behind the completed ones, by the epochs that they have done,
    then by their value there. Other samplers of Optuna leave them out.
    """

    def see(self, study: Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        return [_pruned(trial) if is_paused(trial) else trial for trial in trials]


def _pruned(trial: FrozenTrial) -> FrozenTrial:
    twin = copy.copy(trial)
    twin.state = TrialState.PRUNED
    return twin
