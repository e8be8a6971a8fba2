"""The sign of life of a running trial, for observers on other machines."""

from __future__ import annotations

import threading

from optuna.storages import BaseStorage

HEARTBEAT_SECONDS = 30.0


class Heartbeat:
    """Counts up the trial's attribute ``heartbeat`` from a thread while the block runs."""

    def __init__(self, storage: BaseStorage, trial_id: int) -> None:
        self._storage = storage
        self._id = trial_id
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def _beat(self) -> None:
        count = 0
        while not self._end.wait(HEARTBEAT_SECONDS):
            count += 1
            try:
                self._storage.set_trial_user_attr(self._id, "heartbeat", count)
            except Exception:  # the main thread meets the same storage and reports it
                return
