"""One start of a study: open it, run its workers, write the results."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import optuna

from zmodel.core.interrupt import stop
from zmodel.study.budget.lease import Lease, remove_dead
from zmodel.study.budget.slots import Slots
from zmodel.study.folder import WORKERS
from zmodel.study.removal import remove_unbegun
from zmodel.study.stop_request import stop_request
from zmodel.study.storage.study_lock import study_lock
from zmodel.sweep.finish import check_floors, check_guarantee, explain
from zmodel.sweep.launch.controller import Controller
from zmodel.sweep.launch.hydra_launcher import LaunchedStudy
from zmodel.sweep.launch.local_pool import LocalPool
from zmodel.sweep.launch.progress import watched
from zmodel.sweep.open_study import open_study
from zmodel.sweep.prepare import prepare
from zmodel.sweep.results import write_results
from zmodel.sweep.sampling.warm_start import enqueue_once
from zmodel.sweep.workers.deadline import Deadline
from zmodel.sweep.workers.ending import Ending
from zmodel.sweep.workers.job import Job
from zmodel.sweep.workers.session import Assignment, CommandStart
from zmodel.sweep.workers.worker import CANNOT_GO_ON, work


def start_study(given: Mapping[str, Any], arguments: list[str], folder: Path, job: Job) -> int:
    """Start, continue or join the study; return the exit code of the contract.

    The arguments and the errors are those of :func:`prepare`.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    prepared = prepare(given, arguments, folder, job)
    settings = prepared.settings
    lock = partial(study_lock, settings.storage, folder)
    with lock():
        storage, study = open_study(prepared)
        lease = Lease(folder / WORKERS)  # from now on nobody removes the study
    with lease:
        study_id = storage.get_study_id_from_name(settings.study_name)
        plan = prepared.plan
        slots = Slots(storage, study_id, settings.n_trials, lock, settings.max_attempts, plan)
        enqueue_once(slots, settings, prepared.space, job, prepared.first, prepared.limits)
        slots.refresh()
        settled, failed = len(slots.ledger.settled), len(slots.ledger.failed)
        deadline = Deadline.of(settings.hours)
        start = CommandStart(stop_request(study), settled, failed, deadline)
        assignment = Assignment(
            settings, prepared.space, job, start, prepared.shared, prepared.limits, plan
        )
        ending = Ending(settings, study, slots, prepared.proposals.floors, plan)
        if (reason := ending.reason()) is not None:
            study.set_user_attr("ended", reason)  # by an earlier command
        code = 0 if reason else run_workers(assignment, study, slots, prepared.example)
        code = explain(code, assignment, slots, study)
        if remove_unbegun(study, storage, settings.storage, folder, lock, lease):
            return code  # refused before the first trial: nothing half-written
    written = write_results(study, prepared.space, folder)
    floors = check_floors(study, prepared.proposals, slots)
    return code or written or floors or check_guarantee(plan, slots)


def run_workers(given: Assignment, study: optuna.Study, slots: Slots, example: list[str]) -> int:
    """Run the workers of this command to their end; the exit code of the contract.

    Args:
        example: overrides of a trial, under which the configuration composes.
    """
    settings = given.settings
    slots.reap()
    remove_dead(settings.folder / WORKERS)
    tally = slots.tally()
    name = settings.study_name
    if tally.is_complete:
        key = "n_trials" if tally.epochs is None else "epochs"
        print(f"study '{name}' is complete: {tally.progress}. Raise hydra.sweeper.{key} for more.")
        return 0
    if tally.used:
        print(f"study '{name}' continues: {tally.progress} are done")
    if settings.n_jobs == 0:
        with watched(slots, settings.direction[0] == "maximize", "in this process"):
            return inline(given)
    if given.job.config.hydra.runtime.choices["hydra/launcher"] != "basic":
        return LaunchedStudy(given, study, slots, example).run()
    return Controller(settings, slots, LocalPool(given)).run()


def inline(given: Assignment) -> int:
    """Work in this process, where a debugger can follow."""
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    stop.listen()  # from now on, also while it rehearses and between the trials
    try:
        return work(given)
    except CANNOT_GO_ON as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
