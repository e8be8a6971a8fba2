"""Watches a running trial: its heartbeat and its time limit."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from contextlib import suppress

from optuna.storages import BaseStorage
from optuna.trial import TrialState

from zmodel.core.interrupt import stop

HEARTBEAT_SECONDS = 30.0
LAST_RESORT_SECONDS = 60.0
STDERR = 2
TIME_IS_UP = signal.SIGALRM
"""What asks a run to stop at its time limit."""
TIMED_OUT = 11
"""Exit code of a process that was ended because its trial hung."""


class TrialWatch:
    """Watches from threads while the block runs.

    Args:
        limit: seconds after which the run is asked to stop at the end of its epoch, as by a signal.
            When it lasts as long again, it hangs: the trial fails, and the process ends.
        code: exit code of the process then.
    """

    def __init__(
        self,
        storage: BaseStorage,
        trial_id: int,
        limit: float | None,
        code: int = TIMED_OUT,
    ) -> None:
        self._storage = storage
        self._id = trial_id
        self._code = code
        self._limit = limit
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._beat, daemon=True)]
        if limit is not None:
            self._threads.append(threading.Thread(target=self._limited, args=(limit,), daemon=True))

    def __enter__(self) -> TrialWatch:
        for thread in self._threads:
            thread.start()
        if self._limit is not None:  # for a run that lets no other thread do anything
            last = 2 * self._limit + LAST_RESORT_SECONDS
            faulthandler.dump_traceback_later(last, exit=True, file=STDERR)
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._limit is not None:
            faulthandler.cancel_dump_traceback_later()
        if stop.signum == TIME_IS_UP:
            stop.clear()

    def _beat(self) -> None:
        """Count up the trial's attribute ``heartbeat``."""
        count = 0
        while not self._over.wait(HEARTBEAT_SECONDS):
            count += 1
            try:
                self._storage.set_trial_user_attr(self._id, "heartbeat", count)
            except Exception:  # the main thread meets the same storage and reports it
                return

    def _limited(self, limit: float) -> None:
        if self._over.wait(limit):
            return
        if stop.signum is None:
            stop.request(TIME_IS_UP)
        if self._over.wait(limit):
            return
        reason = f"{timeout_reason(limit)}, and hung: its process was ended"
        faulthandler.dump_traceback(STDERR)
        print(f"error: {reason}. To continue, repeat the command.", file=sys.stderr, flush=True)
        with suppress(Exception):  # then the trial is given again when this process is dead
            self._storage.set_trial_user_attr(self._id, "fail_reason", reason)
            self._storage.set_trial_state_values(self._id, TrialState.FAIL)
        os._exit(self._code)


def timeout_reason(limit: float | None) -> str:
    """Why a trial failed at its time limit."""
    return f"TimeoutError: it took longer than hydra.sweeper.trial_timeout={limit} seconds"
