"""One start of a study: check everything, open it, run its workers, write the results."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.study import StudyDirection

from zmodel.study.budget.lease import Lease, remove_dead
from zmodel.study.budget.slots import Slots
from zmodel.study.folder import WORKERS
from zmodel.study.removal import remove_unbegun
from zmodel.study.stop_request import stop_request
from zmodel.study.storage.lock import study_lock
from zmodel.study.storage.opening import open_storage
from zmodel.sweep.finish import check_floors, explain
from zmodel.sweep.open_study import open_study
from zmodel.sweep.results import write_results
from zmodel.sweep.sampling.proposals import Proposals
from zmodel.sweep.sampling.samplers import grid_size, make_pruner
from zmodel.sweep.sampling.warm_start import enqueue_once, first_configurations
from zmodel.sweep.settings import Settings, read_settings, settled
from zmodel.sweep.space.parse import parse_space
from zmodel.sweep.space.rehearsal_points import params_at, points
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.sweeper import plain
from zmodel.sweep.workers.controller import Controller
from zmodel.sweep.workers.hydra_launcher import LaunchedStudy
from zmodel.sweep.workers.job import Job
from zmodel.sweep.workers.local_pool import LocalPool
from zmodel.sweep.workers.progress import watched
from zmodel.sweep.workers.session import Assignment, CommandStart
from zmodel.sweep.workers.shared_config import shared_config
from zmodel.sweep.workers.worker import CANNOT_GO_ON, work

SUBDIRS = ("trials/${hydra.job.num}", "${hydra.job.num}")
"""The folder of a trial, and what stands there when nothing was said."""


def start_study(given: Mapping[str, Any], arguments: list[str], folder: Path, job: Job) -> int:
    """Start, continue or join the study; return the exit code of the contract."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settings = read_settings(given, folder)
    check_subdir(job)
    space = read_space(settings, arguments, job)
    example = params_at(points(space)[0], space, job.config)
    overrides = [*space.fixed, *space.overrides(example)]
    cfg = job.compose(overrides, 0, folder / "trials" / "0", {})
    objective = plain(cfg.get("optimized_metric"))
    settings = settled(settings, objective)
    shared = shared_config(cfg, job, space, settings)
    if settings.sampler["_target_"].endswith("GridSampler"):
        settings = replace(settings, n_trials=min(settings.n_trials, grid_size(space)))
    proposals = Proposals(settings, space)
    # a wrong option is an error now, not in every worker
    proposals.sampler_for_slot(0)
    make_pruner(settings.pruner)
    first = first_configurations(settings.enqueue, settings.from_study, folder, space)

    lock = partial(study_lock, settings.storage, folder)
    with lock():
        lease = Lease(folder / WORKERS)
        storage = open_storage(settings.storage)
        study = open_study(storage, settings, space, objective, shared)
    study_id = storage.get_study_id_from_name(settings.study_name)
    slots = Slots(storage, study_id, settings.n_trials, lock, settings.max_attempts)
    tally = slots.tally()
    start = CommandStart(stop_request(study), tally.finished, tally.failed)
    enqueue_once(slots, first)
    assignment = Assignment(settings, space, job, start, shared)
    code = run_workers(assignment, study, slots, overrides)
    explain(code, assignment, slots, study)
    if remove_unbegun(study, storage, settings.storage, folder, lock, lease):
        return code  # refused before the first trial: nothing half-written
    lease.release()
    write_results(study, space, folder)
    return code or check_floors(study, proposals, slots)


def check_subdir(job: Job) -> None:
    """The folder of a trial is its number in Optuna: ValueError when another one is asked for."""
    sweep = OmegaConf.to_container(job.config.hydra.sweep, resolve=False)
    assert isinstance(sweep, dict)
    if sweep["subdir"] not in SUBDIRS:
        raise ValueError(
            f"hydra.sweep.subdir must be {SUBDIRS[0]}, where trials are found again, received "
            f"{sweep['subdir']}; leave it out, or choose the study's folder by hydra.sweep.dir."
        )


def read_space(settings: Settings, arguments: list[str], job: Job) -> SearchSpace:
    """The search space, read once in this command.

    Raises:
        ValueError: it cannot be read, or nothing is searched.
    """
    loader = job.hydra_context.config_loader
    space = parse_space(settings.params, arguments, settings.custom_search_space, loader)
    if not space.distributions and space.custom is None:
        raise ValueError(
            "A study needs something to search, got an empty hydra.sweeper.params. Choose "
            "hparams_search=zlayers or give a sweep such as 'model.z_layers=range(1,6)'."
        )
    return space


def run_workers(given: Assignment, study: optuna.Study, slots: Slots, example: list[str]) -> int:
    """Run the workers of this command to their end; the exit code of the contract.

    Args:
        example: overrides of a trial, under which the configuration composes.
    """
    settings = given.settings
    slots.reap()
    remove_dead(settings.folder / WORKERS)
    tally = slots.tally()
    name, done = settings.study_name, f"{tally.finished} of {settings.n_trials}"
    if tally.is_complete:
        print(f"study '{name}' is complete: {done} trials. Raise hydra.sweeper.n_trials to go on.")
        return 0
    if tally.finished:
        print(f"study '{name}' continues: {done} are done")
    if settings.n_jobs == 0:
        with watched(slots, study.directions[0] == StudyDirection.MAXIMIZE, "in this process"):
            return inline(given)
    if given.job.config.hydra.runtime.choices["hydra/launcher"] != "basic":
        return LaunchedStudy(given, study, slots, example).run()
    return Controller(settings, study, slots, LocalPool(given)).run()


def inline(given: Assignment) -> int:
    """Work in this process, where a debugger can follow."""
    try:
        return work(given)
    except CANNOT_GO_ON as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
