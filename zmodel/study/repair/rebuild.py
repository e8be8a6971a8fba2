"""Rebuilds lost trials from the folders of their runs.

A run without a result was interrupted: its slot is given again, unless a later run has the same
parameters and so was that. What a sampler noted for itself is lost, and so is which trials were
forced or controls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.study.repair.lost_lines import REPAIRED
from zmodel.study.repair.lost_run import KnownStudy, LostRun, read_run
from zmodel.study.trial_attributes import attr

INTERRUPTED = "its record was lost"
NO_RUN = LostRun()


@dataclass
class Rebuilt:
    """How many trials were written again, by their state."""

    states: Counter[TrialState] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.states)

    def __str__(self) -> str:
        names = {
            TrialState.FAIL: "without a result, to be repeated",
            TrialState.WAITING: "paused",
        }
        counts = (f"{n} {names.get(s, s.name.lower())}" for s, n in sorted(self.states.items()))
        return f"{sum(self.states.values())} trials from their run folders: {', '.join(counts)}"


def rebuild(
    study: optuna.Study, storage: BaseStorage, folders: Mapping[int, Path], known: KnownStudy
) -> Rebuilt:
    """Finish the trials that a repair made again, and add those of runs that are not known.

    Args:
        folders: number -> folder of each run.
    """
    for key, value in known.attrs.items():
        if key not in study.user_attrs:
            study.set_user_attr(key, value)
    rebuilt = Rebuilt()
    runs = {number: read_run(path, known) for number, path in folders.items()}
    runs = {number: _unless_resumed(number, run, runs) for number, run in runs.items()}
    for trial in study.get_trials(deepcopy=False):
        run = runs.get(trial.number, NO_RUN)
        lost = run.values is not None or REPAIRED in trial.user_attrs
        if trial.state == TrialState.RUNNING and lost:
            rebuilt.states[run.state] += 1
            _end(trial, run, study, storage, known)
    trials = study.get_trials(deepcopy=False)
    slots = _Slots(trials)
    for number in range(len(trials), max(runs, default=-1) + 1):
        if number not in runs:
            study.add_trial(_gone(slots.next))
            continue
        run = runs[number]
        rebuilt.states[run.state] += 1
        study.add_trial(_trial(run, slots.take(number, run), known))
    return rebuilt


def _unless_resumed(number: int, run: LostRun, runs: Mapping[int, LostRun]) -> LostRun:
    """A run that went on as a later one is not paused."""
    resumed = any(later > number and r.params == run.params for later, r in runs.items())
    return replace(run, paused=False) if resumed else run


class _Slots:
    """Gives each run a slot, the one of an earlier attempt when that had its parameters."""

    def __init__(self, trials: Iterable[FrozenTrial]) -> None:
        known = {slot: t for t in trials if (slot := attr(t, "slot")) is not None}
        self.next = max(known, default=-1) + 1
        self._waiting = {
            t.number: (slot, t.params) for slot, t in known.items() if _without_outcome(t)
        }

    def take(self, number: int, run: LostRun) -> dict[str, Any]:
        attrs: dict[str, Any] = {"slot": self.next, "attempt": 1}
        same = [n for n, (_, params) in self._waiting.items() if params == run.params]
        if same:
            attrs = {"slot": self._waiting.pop(same[0])[0], "attempt": 2, "resumed_from": same[0]}
        else:
            self.next += 1
        if run.values is None:
            self._waiting[number] = (attrs["slot"], run.params)
        return attrs


def _without_outcome(trial: FrozenTrial) -> bool:
    return not trial.state.is_finished() or "interrupted" in trial.user_attrs


def _trial(run: LostRun, slot: dict[str, Any], known: KnownStudy) -> FrozenTrial:
    trial = create_trial(
        state=run.state,
        values=run.recorded_values,
        params=run.params,
        distributions={name: known.space[name] for name in run.params},
        intermediate_values=run.curve,
        user_attrs={**slot, **_attrs(run), REPAIRED: "from the folder of its run"},
    )
    trial.datetime_start = run.started or trial.datetime_start
    trial.datetime_complete = run.finished or trial.datetime_complete
    return trial


def _attrs(run: LostRun) -> dict[str, Any]:
    if run.state == TrialState.WAITING:
        epochs = max(run.curve) + 1
        return {**run.attrs, "paused_at": epochs, "until": epochs}
    return {**run.attrs, **({"interrupted": INTERRUPTED} if run.values is None else {})}


def _gone(slot: int) -> FrozenTrial:
    """Keeps the number of a run without a folder; the next run is taken for its successor."""
    attrs = {"slot": slot, "attempt": 1, "interrupted": INTERRUPTED}
    return create_trial(state=TrialState.FAIL, user_attrs=attrs)


def _end(
    trial: FrozenTrial, run: LostRun, study: optuna.Study, storage: BaseStorage, known: KnownStudy
) -> None:
    """End a trial whose end is lost, with what its run says."""
    study_id = storage.get_study_id_from_name(study.study_name)
    trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)
    for name in run.params.keys() - trial.params.keys():
        value = known.space[name].to_internal_repr(run.params[name])
        storage.set_trial_param(trial_id, name, value, known.space[name])
    for epoch in run.curve.keys() - trial.intermediate_values.keys():
        storage.set_trial_intermediate_value(trial_id, epoch, run.curve[epoch])
    for key, value in _attrs(run).items():
        storage.set_trial_user_attr(trial_id, key, value)
    storage.set_trial_state_values(trial_id, run.state, run.recorded_values)
