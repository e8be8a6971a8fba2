"""One start of a study: check the settings, open the study, run the controller, write results."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf

from zmodel.provenance import git_state, versions
from zmodel.study.fingerprint import (
    fixed_part,
    make_fingerprint,
    provenance_notes,
    settle,
    write_study_json,
)
from zmodel.study.lock import study_lock
from zmodel.study.slots import Slots
from zmodel.study.storage import open_storage, redact
from zmodel.sweep.controller import Controller
from zmodel.sweep.job import Job
from zmodel.sweep.plan import Plan
from zmodel.sweep.processes import LocalWorkers, cores, gpu_ids
from zmodel.sweep.proposals import Proposals
from zmodel.sweep.results import write_results
from zmodel.sweep.search_space import SearchSpace
from zmodel.sweep.space import parse_space
from zmodel.sweep.worker import Worker


def begin(settings: dict[str, Any], arguments: list[str], folder: Path, job: Job) -> int:
    """Start, continue or join the study; return the exit code."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    plan = make_plan(settings, arguments, folder)
    loader = job.hydra_context.config_loader
    space = parse_space(plan.params, arguments, plan.custom_search_space, loader)
    if not space.distributions and space.custom is None:
        raise ValueError(
            "A study needs something to search, got an empty hydra.sweeper.params. Choose "
            "hparams_search=zlayers or give a sweep such as 'model.z_layers=range(1,6)'."
        )
    example = Proposals(plan, space).example(job.config)
    cfg = job.compose([*space.fixed, *space.overrides(example)], 0, folder / "trials" / "0", {})
    config = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(config, dict)
    fixed = fixed_part(config, list(example))
    objective = config.get("optimized_metric")
    made = make_fingerprint(plan.directions, objective, space.to_json(), fixed, plan.data_hash)

    folder.mkdir(parents=True, exist_ok=True)
    lock = partial(study_lock, plan.storage, folder)
    with lock():
        study = open_study(plan)
        settle(study, made, settings["on_change"])
        notes = provenance_notes(study)
        record_plan(study, plan, space, objective, fixed)
    write_study_json(folder, study_json(study, plan))
    for note in notes:
        print(f"note: {note} (since the study began)")

    plan = replace(plan, since=len(study.get_trials(deepcopy=False)), started=time.time())
    slots = Slots(study._storage, study._study_id, plan.n_trials, lock, plan.max_attempts)
    enqueue(slots, settings, space)
    code = run_workers(plan, job, study, slots)
    if not study.get_trials(deepcopy=False):
        forget(study, folder)  # refused before the first trial: nothing half-written
    else:
        write_results(study, space, folder)
    return code


def forget(study: optuna.Study, folder: Path) -> None:
    """Remove a study without trials; of its folder only what this program writes."""
    name, storage = study.study_name, study._storage
    optuna.delete_study(study_name=name, storage=storage)
    for path in (folder / "study.json", folder / "study.journal", folder / "study.lock"):
        path.unlink(missing_ok=True)
    shutil.rmtree(folder / "workers", ignore_errors=True)
    with suppress(OSError):  # something of the user's is in it
        folder.rmdir()


def run_workers(plan: Plan, job: Job, study: optuna.Study, slots: Slots) -> int:
    slots.reap()
    tally = slots.tally()
    if tally.is_complete:
        print(
            f"study '{plan.study_name}' is complete: {tally.finished} of {plan.n_trials} trials. "
            f"Raise hydra.sweeper.n_trials to go on."
        )
        return 0
    if tally.finished:
        print(f"study '{plan.study_name}' continues: {tally.finished} of {plan.n_trials} are done")
    worker = Worker(plan, job)
    if plan.n_jobs == 0:
        return worker()
    return Controller(plan, study, slots, LocalWorkers(worker), command_line()).run()


def make_plan(settings: dict[str, Any], arguments: list[str], folder: Path) -> Plan:
    """Check the sweeper's settings one by one."""
    directions = settings["direction"]
    directions = (directions,) if isinstance(directions, str) else tuple(directions)
    for direction in directions:
        if direction not in ("minimize", "maximize"):
            raise ValueError(f"direction must be 'minimize' or 'maximize', got '{direction}'.")
    for key, least in (("n_trials", 1), ("max_attempts", 1)):
        if not isinstance(settings[key], int) or settings[key] < least:
            raise ValueError(f"hydra.sweeper.{key} must be at least {least}, got {settings[key]}.")
    n_jobs = settings["n_jobs"]
    if n_jobs is None:
        n_jobs = len(gpu_ids()) or cores()
    if not isinstance(n_jobs, int) or n_jobs < 0:
        raise ValueError(f"hydra.sweeper.n_jobs must be 0, 1, 2, ... or null, got {n_jobs}.")
    rate = settings["max_failure_rate"]
    if not 0 <= rate <= 1:
        raise ValueError(f"hydra.sweeper.max_failure_rate must be in [0, 1], got {rate}.")
    if settings["on_change"] not in ("refuse", "continue"):
        raise ValueError(
            f"hydra.sweeper.on_change must be refuse or continue, got {settings['on_change']}."
        )
    preflight = settings["preflight"]
    return Plan(
        study_name=settings["study_name"] or folder.name,
        folder=folder,
        storage=str(settings["storage"] or folder / "study.journal"),
        directions=directions,
        n_trials=settings["n_trials"],
        n_jobs=n_jobs,
        seed=settings["seed"],
        sampler=settings["sampler"],
        pruner=settings["pruner"],
        params=settings["params"] or {},
        arguments=tuple(arguments),
        custom_search_space=settings["custom_search_space"],
        coverage=settings["coverage"] or {},
        max_failure_rate=rate,
        max_attempts=settings["max_attempts"],
        preflight=None if preflight is None else tuple(preflight),
        preload=tuple(settings["preload"] or ()),
    )


def open_study(plan: Plan) -> optuna.Study:
    """Create the study, or open it; a study of other directions is refused."""
    study = optuna.create_study(
        study_name=plan.study_name,
        storage=open_storage(plan.storage),
        directions=list(plan.directions),
        load_if_exists=True,
    )
    found = tuple(d.name.lower() for d in study.directions)
    if found != plan.directions:
        raise ValueError(
            f"Study '{plan.study_name}' was made with direction {found}, got {plan.directions}. "
            "Give the study a new name: study_name=..."
        )
    return study


def record_plan(
    study: optuna.Study, plan: Plan, space: SearchSpace, objective: Any, fixed: dict[str, Any]
) -> None:
    """What analysis wants to know about the study, as user attributes; only what changed."""
    metrics = objective if isinstance(objective, list) else [objective]
    attrs = {
        "space": space.to_json()["distributions"],
        "n_trials": plan.n_trials,
        "fixed": fixed,
        "optimized_metric": metrics,
        "command": command_line(),
        "sampler": plan.sampler["_target_"].rpartition(".")[-1],
        "pruner": (plan.pruner or {"_target_": "none"})["_target_"].rpartition(".")[-1],
        "coverage": plan.coverage,
    }
    old = study.user_attrs
    for key, value in attrs.items():
        if old.get(key) != value:
            study.set_user_attr(key, value)


def enqueue(slots: Slots, settings: dict[str, Any], space: SearchSpace) -> None:
    """Warm start: given configurations take the first slots, once."""
    configurations = settings["enqueue"] or []
    if not isinstance(configurations, list):
        raise ValueError(f"hydra.sweeper.enqueue must be a list of mappings, got {configurations}.")
    if configurations and not slots.trials():
        slots.enqueue([space.validate(c) for c in configurations])


def command_line() -> str:
    """The command that started this process, redacted; running it again continues the study."""
    return redact(shlex.join(["python", os.path.relpath(sys.argv[0]), *sys.argv[1:]]))


def study_json(study: optuna.Study, plan: Plan) -> dict[str, Any]:
    """``study.json``: for people and other programs; the study's attributes are what counts."""
    return {
        "study_name": plan.study_name,
        "storage": redact(plan.storage),
        "n_trials": plan.n_trials,
        "seed": plan.seed,
        "sampler": plan.sampler,
        "pruner": plan.pruner,
        "coverage": plan.coverage,
        "command": command_line(),
        "fingerprint": study.user_attrs["fingerprint"],
        "provenance": study.user_attrs["provenance"],
        "changes": study.user_attrs.get("changes", []),
        "now": {"versions": versions(), "git": git_state()},
    }
