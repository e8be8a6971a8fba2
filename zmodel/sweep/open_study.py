"""Creates or opens a study, and checks that it is the right one."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from zmodel.core.command_text import command_text
from zmodel.core.provenance import git_state, program, versions
from zmodel.study.budget.lease import others_at_work
from zmodel.study.fingerprint import (
    differences,
    has_begun,
    make_fingerprint,
    note_changes,
    provenance_notes,
    settle,
)
from zmodel.study.folder import (
    JOURNAL,
    WORKERS,
    another_study,
    runs_without_journal,
    unrecorded_runs,
)
from zmodel.study.journal.retold import outdated, retell
from zmodel.study.storage.address import journal_path, redact, scheme
from zmodel.study.storage.opening import open_storage
from zmodel.study.study_json import write_study_json
from zmodel.sweep.next_round import ROUND
from zmodel.sweep.prepare import Prepared
from zmodel.sweep.settings import Settings

SEARCH = ("sampler", "pruner", "stopping", "coverage")
"""Settings that choose trials and end them, and may change while a study is continued."""


def open_study(prepared: Prepared) -> tuple[BaseStorage, optuna.Study]:
    """Create the study or open it; the caller holds its lock.

    Raises:
        ValueError: the study was started with another setting (``on_change="refuse"``), or runs
            are there that it does not know: their numbers, and folders, would be given again.
    """
    settings = prepared.settings
    if settings.storage == str(settings.folder / JOURNAL):
        _refuse_to_overwrite(prepared, runs_without_journal(settings.folder, settings.subdir), 0)
    storage = open_storage(settings.storage)
    study = optuna.create_study(
        study_name=settings.study_name,
        storage=storage,
        directions=list(settings.direction),  # type: ignore[arg-type]
        load_if_exists=True,
    )
    known = len(study.get_trials(deepcopy=False))
    unrecorded = unrecorded_runs(settings.folder, known, settings.subdir)
    _refuse_to_overwrite(prepared, unrecorded, known)
    storage, study = _directed(prepared, storage, study)
    storage, study = _settled(prepared, storage, study)
    for note in provenance_notes(study):
        print(f"note: {note} (since the study began)")
    _note_settings(study, prepared)
    write_study_json(settings.folder, study_json(study, settings))
    return storage, study


def _directed(
    prepared: Prepared, storage: BaseStorage, study: optuna.Study
) -> tuple[BaseStorage, optuna.Study]:
    """The study with the directions of now: told again while no trial of it has a value.

    So a wrong direction that the first trial has shown can be put right. Its trials keep their
    numbers, and so their folders.
    """
    settings, trials = prepared.settings, study.get_trials(deepcopy=False)
    found = tuple(d.name.lower() for d in study.directions)
    if found == settings.direction:
        return storage, study
    measured = any(t.values or t.intermediate_values for t in trials)
    journal = scheme(settings.storage) == "journal"
    if measured or not journal or any(others_at_work(settings.folder / WORKERS)):
        raise ValueError(
            f"Study '{settings.study_name}' was made with direction {', '.join(found)}, got "
            f"{', '.join(settings.direction)}. Make it a study of its own: "
            f"{another_study(prepared.objective)}"
        )
    directions = [StudyDirection[name.upper()] for name in settings.direction]
    path = journal_path(settings.storage)
    retell(path, settings.study_name, {}, directions, forgotten=("fingerprint",))
    return _opened_again(settings)


def _opened_again(settings: Settings) -> tuple[BaseStorage, optuna.Study]:
    storage = open_storage(settings.storage)
    return storage, optuna.load_study(study_name=settings.study_name, storage=storage)


def _settled(
    prepared: Prepared, storage: BaseStorage, study: optuna.Study
) -> tuple[BaseStorage, optuna.Study]:
    """The study once its fingerprint has been compared, opened anew if it had to be told again."""
    settings, space = prepared.settings, prepared.space.distributions
    fixed, told = prepared.shared.comparable, prepared.space.to_json()
    limits = _constraints(settings)
    made = make_fingerprint(settings.direction, prepared.objective, told, fixed, limits)
    widened = outdated(study.get_trials(deepcopy=False), space)
    if widened and settings.on_change != "refuse":
        _require_alone(settings, widened)  # before anything is noted
    settle(study, made, settings.on_change, prepared.follows, sys.argv[1:])
    if not widened:
        return storage, study
    _require_alone(settings, widened)
    retell(journal_path(settings.storage), settings.study_name, space)
    return _opened_again(settings)


def _require_alone(settings: Settings, widened: list[str]) -> None:
    """Further choices of a parameter need the whole study told again."""
    named = ", ".join(widened)
    if scheme(settings.storage) != "journal":
        raise ValueError(
            f"{named} can get further choices only in a study that is kept in a journal, this one "
            f"is in {redact(settings.storage)}. Start the next round as a study of its own: "
            f"study_name=NAME hydra.sweeper.from_study={settings.study_name}."
        )
    if any(others_at_work(settings.folder / WORKERS)):
        raise ValueError(
            f"{named} can get further choices only while nobody works on the study; stop the "
            f"other command first (python -m zmodel.study stop {settings.study_name})."
        )


def _refuse_to_overwrite(prepared: Prepared, runs: list[int], known: int) -> None:
    if not runs:
        return
    settings = prepared.settings
    shown = ", ".join(map(str, runs[:5])) + (", ..." if len(runs) > 5 else "")
    journal = shlex.quote(str(settings.folder / JOURNAL))
    raise ValueError(
        f"{settings.folder} holds runs that the study must know, trials {shown}, but "
        f"{redact(settings.storage)} has {known} trials of it; new ones would overwrite them. Put "
        "back the storage as it was, or make the journal of the runs: python -m zmodel.study "
        f"repair {journal}; or make it a study of its own: {another_study(prepared.objective)}"
    )


def _note_settings(study: optuna.Study, prepared: Prepared) -> None:
    """What analysis wants to know about the study, as user attributes; only what changed."""
    settings, objective = prepared.settings, prepared.objective
    attrs = {
        "space": prepared.space.to_json()["distributions"],
        "n_trials": settings.n_trials,
        "epochs": settings.epochs,
        "stopping": _constants(settings),
        "fixed": prepared.shared.fixed,
        "optimized_metric": [objective] if isinstance(objective, str) else objective,
        "curve": dict(zip(("metric", "direction"), prepared.curve, strict=True)),
        "command": command_line(settings),
        "sampler": settings.sampler["_target_"].rpartition(".")[-1],
        "pruner": (settings.pruner or {"_target_": "none"})["_target_"].rpartition(".")[-1],
        "coverage": settings.coverage,
        "constraints": _constraints(settings),
        "roles": settings.roles or None,
    }
    if prepared.round is not None:
        attrs[ROUND] = prepared.round
    if study.user_attrs.get("ended") is not None:
        attrs["ended"] = None  # it goes on
    old = study.user_attrs
    _note_another_search(study, {key: attrs[key] for key in SEARCH if key in old})
    for key, value in attrs.items():
        if key not in old or old[key] != value:
            study.set_user_attr(key, value)


def _note_another_search(study: optuna.Study, new: dict[str, Any]) -> None:
    """Its trials stay comparable, but a report of the search speaks of more than one."""
    lines = []
    for key, value in new.items() if has_begun(study) else ():
        old = study.user_attrs[key]
        if old and value:
            lines += differences({key: old}, {key: value})
        elif old != value:  # there was none, or is none any more
            lines.append(f"{key}: {json.dumps(old)} -> {json.dumps(value)}")
    for line in lines:
        print(f"note: the search goes on with another setting: {line}")
    if lines:
        note_changes(study, lines)


def _constraints(settings: Settings) -> dict[str, str] | None:
    """As written."""
    return {c.name: c.text for c in settings.constraints} or None


def _constants(settings: Settings) -> dict[str, Any] | None:
    """Of the stopping rule."""
    return None if settings.stopping is None else asdict(settings.stopping)


def command_line(settings: Settings) -> str:
    """The command that started this process, redacted; running it continues the study."""
    return redact(command_text([*program(), *sys.argv[1:], *settings.return_to]))


def study_json(study: optuna.Study, settings: Settings) -> dict[str, Any]:
    """``study.json``: for people and other programs; the study's attributes are what counts."""
    return {
        "study_name": settings.study_name,
        "storage": redact(settings.storage),
        "n_trials": settings.n_trials,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "sampler": settings.sampler,
        "pruner": settings.pruner,
        "stopping": _constants(settings),
        "coverage": settings.coverage,
        "constraints": _constraints(settings),
        "command": command_line(settings),
        "subdir": settings.subdir,
        "fingerprint": study.user_attrs["fingerprint"],
        "provenance": study.user_attrs["provenance"],
        "changes": study.user_attrs.get("changes", []),
        "now": {"versions": versions(), "git": git_state()},
    }
