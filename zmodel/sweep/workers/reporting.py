"""The study's side of a running trial: reports, pruning, heartbeat."""

from __future__ import annotations

import threading

import optuna

HEARTBEAT_SECONDS = 30.0


class LiveTrial:
    """What callbacks get from :func:`zmodel.core.running_trial.running_trial`."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial
        self._storage = trial.study._storage
        # a forced trial is there to be completed, a control to be seen to its end
        self._can_prune = (
            len(trial.study.directions) == 1
            and not isinstance(trial.study.pruner, optuna.pruners.NopPruner)
            and not {"forced", "control"} & set(trial.user_attrs)
        )
        self.number = trial.number
        self.pruned = False

    def report(self, epoch: int, value: float) -> None:
        # straight to the storage: Trial.report refuses studies of several objectives
        self._storage.set_trial_intermediate_value(self._trial._trial_id, epoch, value)
        self._trial._cached_frozen_trial.intermediate_values[epoch] = value

    def should_prune(self) -> bool:
        return self._can_prune and self._trial.should_prune()


class Heartbeat:
    """Counts up the trial's attribute ``heartbeat`` from a thread while the block runs."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def _beat(self) -> None:
        storage, trial_id, count = self._trial.study._storage, self._trial._trial_id, 0
        while not self._end.wait(HEARTBEAT_SECONDS):
            count += 1
            try:
                storage.set_trial_user_attr(trial_id, "heartbeat", count)
            except Exception:  # the main thread meets the same storage and reports it
                return
