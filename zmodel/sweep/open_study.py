"""Opening a study: create or check it, note what it is, and forget one that never began."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import optuna
from optuna.storages import BaseStorage

from zmodel.core.provenance import git_state, program, versions
from zmodel.study.fingerprint import (
    make_fingerprint,
    provenance_notes,
    settle,
    write_study_json,
)
from zmodel.study.storage.address import redact
from zmodel.sweep.settings import Settings
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.workers.shared_config import SharedConfig


def open_study(
    storage: BaseStorage,
    settings: Settings,
    space: SearchSpace,
    objective: Any,
    shared: SharedConfig,
) -> optuna.Study:
    """Create the study or open it; the caller holds its lock.

    Raises:
        ValueError: the study was started with another setting (``on_change="refuse"``).
    """
    study = optuna.create_study(
        study_name=settings.study_name,
        storage=storage,
        directions=list(settings.direction),  # type: ignore[arg-type]
        load_if_exists=True,
    )
    found = tuple(d.name.lower() for d in study.directions)
    if found != settings.direction:
        raise ValueError(
            f"Study '{settings.study_name}' was made with direction {', '.join(found)}, got "
            f"{', '.join(settings.direction)}. Give the study a new name: study_name=..."
        )
    made = make_fingerprint(settings.direction, objective, space.to_json(), shared.comparable)
    settle(study, made, settings.on_change)
    for note in provenance_notes(study):
        print(f"note: {note} (since the study began)")
    record_settings(study, settings, space, objective, shared)
    write_study_json(settings.folder, study_json(study, settings))
    return study


def record_settings(
    study: optuna.Study,
    settings: Settings,
    space: SearchSpace,
    objective: Any,
    shared: SharedConfig,
) -> None:
    """What analysis wants to know about the study, as user attributes; only what changed."""
    attrs = {
        "space": space.to_json()["distributions"],
        "n_trials": settings.n_trials,
        "fixed": shared.fixed,
        "optimized_metric": objective if isinstance(objective, list) else [objective],
        "command": command_line(),
        "sampler": settings.sampler["_target_"].rpartition(".")[-1],
        "pruner": (settings.pruner or {"_target_": "none"})["_target_"].rpartition(".")[-1],
        "coverage": settings.coverage,
    }
    old = study.user_attrs
    for key, value in attrs.items():
        if old.get(key) != value:
            study.set_user_attr(key, value)


def command_line() -> str:
    """The command that started this process, redacted; running it again continues the study."""
    return redact(shlex.join([*program(), *sys.argv[1:]]))


def study_json(study: optuna.Study, settings: Settings) -> dict[str, Any]:
    """``study.json``: for people and other programs; the study's attributes are what counts."""
    return {
        "study_name": settings.study_name,
        "storage": redact(settings.storage),
        "n_trials": settings.n_trials,
        "seed": settings.seed,
        "sampler": settings.sampler,
        "pruner": settings.pruner,
        "coverage": settings.coverage,
        "command": command_line(),
        "fingerprint": study.user_attrs["fingerprint"],
        "provenance": study.user_attrs["provenance"],
        "changes": study.user_attrs.get("changes", []),
        "now": {"versions": versions(), "git": git_state()},
    }
