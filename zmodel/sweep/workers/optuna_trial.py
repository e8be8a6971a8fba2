"""The running trial of an Optuna study, as callbacks see it."""

from __future__ import annotations

import optuna
from optuna.storages import BaseStorage

from zmodel.sweep.stopping.pruners import may_prune


class OptunaTrial:
    """What callbacks get from :func:`zmodel.core.running_trial.running_trial` in a study."""

    def __init__(
        self,
        trial: optuna.Trial,
        storage: BaseStorage,
        trial_id: int,
        pause_at: int | None = None,
    ) -> None:
        self.number = trial.number
        self.params = trial.params
        self.pruned = False
        self.pause_at = pause_at
        self._trial = trial
        self._storage = storage
        self._id = trial_id
        self._several = len(trial.study.directions) > 1
        self._can_prune = may_prune(trial)
        self.reported = False
        """Whether this attempt has reported an epoch."""
        self._known = set(storage.get_trial(trial_id).intermediate_values)
        """Epochs reported, also by the attempt that this one resumes."""

    def tell_folds(self, count: int) -> None:
        self._storage.set_trial_user_attr(self._id, "folds", count)

    def report(self, epoch: int, value: float) -> None:
        self.reported = True
        if self._several:  # Trial.report refuses
            self._storage.set_trial_intermediate_value(self._id, epoch, value)
        elif epoch not in self._known:
            self._trial.report(value, epoch)
            self._known.add(epoch)

    def should_prune(self) -> bool:
        return self._can_prune and self._trial.should_prune()
