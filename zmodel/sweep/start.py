"""One start of a study: check everything, open it, run its workers, write the results."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from omegaconf import OmegaConf
from optuna.study import StudyDirection

from zmodel.core.objective import check_directions
from zmodel.study.budget.lease import remove_dead
from zmodel.study.budget.slots import Slots
from zmodel.study.fingerprint import fixed_part, has_begun
from zmodel.study.storage.lock import study_lock
from zmodel.sweep.finish import check_floors, explain
from zmodel.sweep.open_study import forget, open_study
from zmodel.sweep.results import write_results
from zmodel.sweep.sampling.proposals import Proposals
from zmodel.sweep.sampling.samplers import grid_size
from zmodel.sweep.sampling.warm_start import enqueue_once, first_configurations
from zmodel.sweep.settings import make_plan
from zmodel.sweep.space.parse import parse_space
from zmodel.sweep.space.rehearsal_points import params_at, points
from zmodel.sweep.workers.controller import Controller
from zmodel.sweep.workers.job import Job
from zmodel.sweep.workers.launcher import LaunchedStudy
from zmodel.sweep.workers.pool import LocalWorkers
from zmodel.sweep.workers.progress import watched
from zmodel.sweep.workers.worker import CANNOT_GO_ON, Worker


def begin(settings: dict[str, Any], arguments: list[str], folder: Path, job: Job) -> int:
    """Start, continue or join the study; return the exit code of the contract."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    loader = job.hydra_context.config_loader
    space = parse_space(settings["params"], arguments, settings["custom_search_space"], loader)
    if not space.distributions and space.custom is None:
        raise ValueError(
            "A study needs something to search, got an empty hydra.sweeper.params. Choose "
            "hparams_search=zlayers or give a sweep such as 'model.z_layers=range(1,6)'."
        )
    plan = make_plan(settings, space, folder)
    if plan.sampler["_target_"].endswith("GridSampler"):
        plan = replace(plan, n_trials=min(plan.n_trials, grid_size(space)))
    proposals = Proposals(plan, space)
    proposals.make_pruner()  # a wrong option is an error now, not in every worker
    proposals.sampler_for_slot(0)
    first = first_configurations(settings["enqueue"], settings["from_study"], folder, space)
    params = params_at(points(space)[0], space, job.config)
    example = [*space.fixed, *space.overrides(params)]
    cfg = job.compose(example, 0, folder / "trials" / "0", {})
    config = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(config, dict)
    searched = [*space.distributions, *params]
    fixed, objective = fixed_part(config, searched), config.get("optimized_metric")
    check_directions(objective, plan.directions)

    folder.mkdir(parents=True, exist_ok=True)
    lock = partial(study_lock, plan.storage, folder)
    with lock():
        study = open_study(plan, space, objective, fixed)
    slots = Slots(study._storage, study._study_id, plan.n_trials, lock, plan.max_attempts)
    tally = slots.tally()
    since = (tally.finished, tally.failed)
    plan = replace(plan, since=since, started=time.time(), fixed=fixed)
    enqueue_once(slots, first)
    code = run_workers(Worker(plan, job), study, slots, example)
    explain(code, plan, slots, study)
    if not has_begun(study):
        forget(study, folder)  # refused before the first trial: nothing half-written
        return code
    write_results(study, space, folder)
    return code or check_floors(study, proposals, slots)


def run_workers(worker: Worker, study: optuna.Study, slots: Slots, example: list[str]) -> int:
    plan, config = worker.plan, worker.job.config
    slots.reap()
    remove_dead(plan.folder / "workers")
    tally = slots.tally()
    if tally.is_complete:
        print(
            f"study '{plan.study_name}' is complete: {tally.finished} of {plan.n_trials} trials. "
            f"Raise hydra.sweeper.n_trials to go on."
        )
        return 0
    if tally.finished:
        print(f"study '{plan.study_name}' continues: {tally.finished} of {plan.n_trials} are done")
    if plan.n_jobs == 0:
        with watched(slots, study.directions[0] == StudyDirection.MAXIMIZE, "in this process"):
            return inline(worker)
    if not config.hydra.launcher._target_.endswith(BasicLauncher.__name__):
        return LaunchedStudy(worker, study, slots, example).run()
    return Controller(plan, study, slots, LocalWorkers(worker)).run()


def inline(worker: Worker) -> int:
    """Work in this process, where a debugger can follow."""
    try:
        return worker()
    except CANNOT_GO_ON as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
