"""Keeps the workers of a command alive until the budget is used up."""

from __future__ import annotations

import signal
from types import FrameType

from optuna.trial import TrialState

from zmodel.study.budget.slots import Slots
from zmodel.study.folder import WORKERS
from zmodel.sweep.launch.local_pool import Exit, LocalPool
from zmodel.sweep.launch.progress import REFRESH_SECONDS, progress_of
from zmodel.sweep.settings import Settings
from zmodel.sweep.workers.rehearsal import NOTICE
from zmodel.sweep.workers.trial_watch import TIMED_OUT
from zmodel.sweep.workers.worker import DONE, LIMIT, REFUSED

WITHOUT_TASK = (
    "a worker ended before it had its task. It imports the script that you started: there, write "
    'if __name__ == "__main__": before the call of the main function. Or run the trials in this '
    "process: hydra.sweeper.n_jobs=0."
)
FUTILE_STARTS = 5
"""So many workers per place may die one after the other without a trial being claimed."""


class Controller:
    """Starts, watches and replaces workers; shows the progress; hands signals on.

    ``run`` returns the exit code of the contract: 0, 1, 3, 130 or 143.
    """

    def __init__(self, settings: Settings, slots: Slots, workers: LocalPool) -> None:
        self._settings = settings
        self._slots = slots
        self._workers = workers
        self._asked: int | None = None
        """The signal that asked the study to stop."""
        self._told: signal.Signals | None = None
        """The latest signal that workers were told to end by."""
        self._ended: int | None = None
        """Exit code settled by a worker: no more are started."""
        self._preempted: set[int] = set()
        """Places of workers that something outside asked to end: not filled again."""
        self._futile = 0
        """Deaths in a row between which no trial was claimed."""
        self._claimed = -1
        self._noticed: str | None = None
        self._progress = progress_of(slots, settings.direction[0] == "maximize")

    def run(self) -> int:
        before = {s: signal.signal(s, self._on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._watch()
        except Exception:
            self._workers.signal(signal.SIGTERM)  # or the interpreter would wait for them
            raise
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)
            self._progress.close()
        self._slots.reap()
        return self._exit_code()

    def _watch(self) -> None:
        while True:
            tally, n = self._slots.tally(), len(self._workers)
            self._tell_notice()
            self._progress.update(tally, self._slots.trials(), f"{n} worker{'s' * (n != 1)}")
            if self._ended is None and not tally.is_complete:
                self._fill_places()
            if not len(self._workers):
                return
            for ended in self._workers.wait(REFRESH_SECONDS):
                self._judge(ended)

    def _tell_notice(self) -> None:
        """Once, what the rehearsal found that the user should know."""
        if not self._noticed:
            attributes = self._slots.storage.get_study_user_attrs(self._slots.study_id)
            self._noticed = attributes.get(NOTICE)
            if self._noticed:
                self._progress.note(f"warning: {self._noticed}")

    def _fill_places(self) -> None:
        """Start the workers that are missing, unless the study was asked to stop.

        The first start takes seconds. A signal that arrives meanwhile does not reach the worker,
        so it is told afterwards.
        """
        for index in self._workers.free_indices():
            if self._told is None and index not in self._preempted:
                try:
                    self._workers.start(index)
                except BrokenPipeError:
                    self._end_with(WITHOUT_TASK)
                    return
                if self._told is not None:
                    self._workers.signal(self._told)

    def _judge(self, ended: Exit) -> None:
        """Decide whether the place of a worker that ended is to be filled again."""
        if ended.code == DONE:
            self._ended = self._ended or DONE
        elif ended.code == LIMIT:
            self._ended = LIMIT
        elif ended.code == REFUSED:
            self._end_with(str(ended.message))
        elif self._asked is not None or self._ended == 1:
            return  # it was told to end
        elif ended.code == 128 + signal.SIGTERM:
            self._preempted.add(ended.index)
        else:
            self._replace(ended)

    def _replace(self, ended: Exit) -> None:
        self._slots.reap()
        claimed = sum(t.state != TrialState.WAITING for t in self._slots.trials())
        self._futile = self._futile + 1 if claimed == self._claimed else 0
        self._claimed = claimed
        logs = self._settings.folder / WORKERS
        if ended.code == TIMED_OUT:
            how = "was ended, since its trial hung; the trial has failed"
        else:
            died = f"signal {-ended.code}" if ended.code < 0 else f"exit code {ended.code}"
            how = f"died ({died}); its trial is repeated"
        self._progress.note(f"a worker {how}. Logs: {logs}")
        if self._futile >= FUTILE_STARTS * self._settings.n_jobs:
            self._end_with(f"{self._futile} workers died in a row without a trial")

    def _end_with(self, error: str) -> None:
        """Nothing can be trained: the workers that still run put their trials back."""
        if self._ended is None:
            self._progress.note(f"error: {error}")
        self._ended = 1
        self._workers.signal(signal.SIGTERM)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self._asked is None:
            self._asked = signum
            text = "stopping: running trials end after this epoch, and resume at the next start"
            text += "; Ctrl-C again stops at once" if signum == signal.SIGINT else ""
            self._progress.note(text)
            self._tell_to_end(signal.SIGTERM)
        else:
            self._tell_to_end(signal.SIGKILL)

    def _tell_to_end(self, signum: signal.Signals) -> None:
        self._told = signum
        self._workers.signal(signum)

    def _exit_code(self) -> int:
        if self._ended is not None:
            return self._ended
        if self._slots.tally().is_complete:
            return DONE
        # without a signal to us, all workers were preempted
        return 128 + (self._asked or signal.SIGTERM)
