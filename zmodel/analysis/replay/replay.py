"""Replays recorded learning curves through Optuna's own pruners.

Reports arrive in the recorded order of events.

The pruner under audit gets what it would have got live: trials start, report and end one after
the other, a trial that it stops reports no more, and only trials that are complete by then count
as complete. Reports carry no time of their own, so those of a trial are spread evenly between its
start and its end; with one worker the order is exact, with several it is this good.

Two limits remain. A curve that early stopping or a pruner cut short stays that short. And the
sampler is not replayed: it would have reacted to the pruned trials with other proposals.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from optuna.pruners import BasePruner
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from zmodel.analysis.statistics.quiet import quiet
from zmodel.study.records import StudyRecord, TrialRecord

END = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
COMPLETE_ONLY = (TrialState.COMPLETE,)


@dataclass(frozen=True)
class Event:
    """`step` is the epoch reported, or None when the trial ends."""

    number: int
    step: int | None
    value: float


def replayable(study: StudyRecord) -> list[TrialRecord]:
    """Ended trials that reported values."""
    return [t for t in study.trials if t.state in END and t.curve]


def events(trials: Sequence[TrialRecord]) -> list[Event]:
    """All reports and ends in the order in which they (about) happened."""
    timed: list[tuple[datetime, int, int, Event]] = []
    for trial, start, end in _spans(trials):
        steps = list(trial.curve)
        for i, step in enumerate(steps):
            event = Event(trial.number, step, trial.curve[step])
            # rounded one by one: a sum of rounded gaps may pass the end
            when = start + (end - start) * (i + 1) / (len(steps) + 1)
            timed.append((when, trial.number, i, event))
        timed.append((end, trial.number, len(steps), Event(trial.number, None, 0.0)))
    timed.sort(key=lambda item: item[:3])
    return [event for *_, event in timed]


def _spans(trials: Sequence[TrialRecord]) -> list[tuple[TrialRecord, datetime, datetime]]:
    """Start and end of each trial; one after the other when any trial has no times."""
    if all(t.started and t.finished and t.started <= t.finished for t in trials):
        return [(t, t.started, t.finished) for t in trials]  # type: ignore[misc]
    origin = datetime(2000, 1, 1)
    return [
        (t, origin + timedelta(hours=i), origin + timedelta(hours=i + 1))
        for i, t in enumerate(sorted(trials, key=lambda t: t.number))
    ]


class _Recorded(InMemoryStorage):
    """Holds the replayed trials by number. Like Optuna's storages it never changes a trial that
    it has handed out when attributes are set: pruners hold on to what they read."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.trials = [_waiting(number) for number in range(count)]
        self.complete: list[FrozenTrial] = []
        self.begun: list[int] = []

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        if states is None:
            # trials that have not begun do not exist yet for the others
            return [self.trials[number] for number in self.begun]
        if states == COMPLETE_ONLY:
            return self.complete
        return [t for t in self.get_all_trials(study_id) if t.state in states]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        changed = copy.copy(self.trials[trial_id])
        changed.system_attrs = {**changed.system_attrs, key: value}
        self.trials[trial_id] = changed

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        if not self.complete:
            raise ValueError("no trial is complete yet")
        way = 1 if self.get_study_directions(study_id)[0] == StudyDirection.MAXIMIZE else -1
        return max(self.complete, key=lambda t: way * (t.value or 0.0))


def _waiting(number: int) -> FrozenTrial:
    # without a start: Optuna allows that only for waiting trials
    return FrozenTrial(
        number=number,
        state=TrialState.WAITING,
        value=None,
        datetime_start=None,
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=number,
    )


def replay(
    pruner: BasePruner,
    trials: Sequence[TrialRecord],
    ordered: Sequence[Event],
    direction: str,
    name: str = "replay",
) -> dict[int, int]:
    """Number of each trial that the pruner stops -> the epoch at which it does.

    `name` is the study's name: Hyperband draws its brackets from it and the trials' numbers.
    """
    storage = _Recorded(max(t.number for t in trials) + 1)
    way = StudyDirection.MAXIMIZE if direction == "maximize" else StudyDirection.MINIMIZE
    with quiet():
        storage.create_new_study([way], name)
    study = Study(name, storage, pruner=pruner)
    values = {t.number: t for t in trials}
    killed: dict[int, int] = {}
    for event in ordered:
        if event.number in killed:
            continue
        frozen = storage.trials[event.number]
        if event.step is None:
            _end(storage, frozen, values[event.number])
            continue
        if frozen.state == TrialState.WAITING:
            frozen.state = TrialState.RUNNING
            storage.begun.append(event.number)
        frozen.intermediate_values[event.step] = event.value
        with warnings.catch_warnings():
            # what a pruner warns about here was recorded, and is the audit's subject
            warnings.simplefilter("ignore")
            stop = pruner.prune(study, frozen)
        if stop:
            killed[event.number] = event.step
            storage.trials[event.number].state = TrialState.PRUNED
    return killed


def _end(storage: _Recorded, frozen: FrozenTrial, record: TrialRecord) -> None:
    frozen.state = END[record.state]
    if record.state == "complete":
        frozen.value = record.value
        storage.complete.append(frozen)
