"""Workers through a Hydra launcher.

``hydra/launcher=submitit_slurm|submitit_local|ray|joblib``.

Not trials but workers are launched, so that any launcher, however it waits for batches, pulls.
"""

from __future__ import annotations

import logging
import signal
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

import optuna
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log

from zmodel.core.interrupt import stop
from zmodel.study.budget.slots import Slots
from zmodel.study.stop_request import request_stop, stop_request
from zmodel.sweep.launch.progress import watched
from zmodel.sweep.workers.session import Assignment
from zmodel.sweep.workers.worker import CANNOT_GO_ON, DONE, LIMIT, work

log = logging.getLogger(__name__)

MOST_ROUNDS = 5
"""How often workers are launched anew when all have ended and slots are left."""


@dataclass
class WorkerTask:
    """What the launcher runs as if it were the user's task."""

    given: Assignment

    def __call__(self, cfg: Any) -> int | str:
        """The worker's exit code, or its refusal as text: exceptions rarely survive launchers."""
        stop.clear()
        stop.listen(sigint=False)
        try:
            return work(self.given)
        except CANNOT_GO_ON as refusal:
            return str(refusal)


class LaunchedStudy:
    """Runs a study through the launcher of its configuration."""

    def __init__(
        self, given: Assignment, study: optuna.Study, slots: Slots, example: list[str]
    ) -> None:
        self._given = given
        self._study = study
        self._slots = slots
        self._example = example
        """Overrides under which the worker's own configuration composes."""
        self._interrupted = False

    def run(self) -> int:
        """Launch, wait, launch again while slots are left; return the exit code."""
        job, n_jobs = self._given.job, self._given.settings.n_jobs
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=job.hydra_context,
            task_function=WorkerTask(self._given),
            config=job.config,
        )
        maximise = self._given.settings.direction[0] == "maximize"
        before = signal.signal(signal.SIGINT, self._on_signal)
        try:
            with watched(self._slots, maximise, f"{n_jobs} launched workers"):
                code = self._rounds(launcher, n_jobs)
        finally:
            signal.signal(signal.SIGINT, before)
            configure_log(job.config.hydra.hydra_logging, job.config.hydra.verbose)
        if code is not None:
            return code
        if self._slots.tally().is_complete:
            return DONE
        if self._interrupted:
            return 128 + signal.SIGINT
        if self._stopped():
            return DONE
        print(f"error: launched workers ended {MOST_ROUNDS} times with trials left to do; "
              f"their logs are where the launcher keeps them", file=sys.stderr)  # fmt: skip
        return 1

    def _rounds(self, launcher: Any, workers: int) -> int | None:
        """Launch until nothing is left or nothing helps; an exit code if a worker settled it."""
        for _ in range(MOST_ROUNDS):
            codes = self._round(launcher, workers)
            self._slots.reap()
            refusals = [code for code in codes if isinstance(code, str)]
            if refusals:
                print(f"error: {refusals[0]}", file=sys.stderr)
                return 1
            if LIMIT in codes:
                return LIMIT
            if self._slots.tally().is_complete or self._stopped():
                break
        return None

    def _round(self, launcher: Any, workers: int) -> list[int | str]:
        overrides = [
            [*self._example, f"hydra.sweep.subdir=workers/{i}", "hydra.output_subdir=null"]
            for i in range(workers)
        ]
        try:
            returns = launcher.launch(overrides, initial_job_idx=0)
            return [r.return_value for r in returns]
        except Exception as error:  # a worker died; each launcher has its own exception for it
            log.warning("a launched worker died (%s: %s)", type(error).__name__, error)
            return []

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self._interrupted = True
        print("\nstopping: launched workers end after their current trial")
        request_stop(self._study)

    def _stopped(self) -> bool:
        start = self._given.start
        if start.deadline is not None and start.deadline.is_near(self._slots.trials()):
            return True
        stops = self._given.settings.stop is not None
        ended = self._study.user_attrs.get("ended") if stops else None
        return ended is not None or bool(stop_request(self._study) != start.stop)
