"""Private parts of studies, storages and journals."""

from __future__ import annotations

import copy
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from optuna.storages import BaseStorage

# Keeps finished trials of a database. Optuna makes one by itself from an address only, and a
# storage that is retried and has a deadline is made here.
from optuna.storages import _CachedStorage as CachedStorage

# A journal is repaired by what its operations are, of which there is no public list.
from optuna.storages.journal._storage import JournalOperation
from optuna.study import Study, StudyDirection

# A trial keeps the first value of a constraint: to judge it by another limit takes a twin.
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial, TrialState

__all__ = [
    "CachedStorage",
    "JournalOperation",
    "frozen_study",
    "judged",
    "read_anew",
    "shown",
    "storage_of",
]

Show = Callable[[list[FrozenTrial]], list[FrozenTrial]]


def storage_of(study: Study) -> BaseStorage:
    """The study's storage, for samplers: they are handed a study and nothing else.

    Hyperband hands them one with a part of the trials, and attributes are set by the storage.
    """
    return study._storage


def read_anew(study: Study) -> None:
    """Samplers will see the study as it is now.

    They read a list that ``Study.ask`` and ``Study.tell`` renew. A trial that pauses is told to no
    study, and one that is claimed from a budget is not asked for.
    """
    study._thread_local.cached_all_trials = None


def shown(study: Study, show: Show) -> Any:
    """The study as it is, but for its trials: `show` gets all of them and returns those to see.

    Samplers and search spaces ask for trials by ``_get_trials``, which no public name reaches.
    """
    return _Shown(study, show)


def judged(trial: FrozenTrial, constraints: Mapping[str, float]) -> FrozenTrial:
    """The trial with these constraints in place of its own; itself where they are the same."""
    if trial.constraints == constraints:
        return trial
    twin = copy.copy(trial)
    kept = {k: v for k, v in trial.system_attrs.items() if not k.startswith(_CONSTRAINTS_KEY)}
    twin.system_attrs = kept
    for name, value in constraints.items():
        twin.set_constraint(name, value)
    return twin


class _Shown:
    def __init__(self, study: Study, show: Show) -> None:
        self._study = study
        self._show = show

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return self._get_trials(deepcopy, states)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        every = self._study._get_trials(deepcopy=False, states=None, use_cache=use_cache)
        chosen = [t for t in self._show(every) if states is None or t.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen


def frozen_study(trials: Sequence[FrozenTrial], direction: StudyDirection) -> Any:
    """What importance evaluators read of a study, over a list of trials.

    A study in memory would copy every trial of every bootstrap sample, and would number them anew.
    """
    return _Frozen(trials, direction)


class _Frozen:
    def __init__(self, trials: Sequence[FrozenTrial], direction: StudyDirection) -> None:
        self._trials = trials
        self.direction = direction
        self.directions = [direction]

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return list(self._trials)

    def _is_multi_objective(self) -> bool:
        return False
