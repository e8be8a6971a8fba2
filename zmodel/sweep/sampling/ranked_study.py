"""A study in which a trial counts by its rank among those with the same forced values."""

from __future__ import annotations

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

Space = Mapping[str, BaseDistribution]
Forced = Mapping[str, Any]
"""Parameter -> value, or (low, high), both included, for a range."""


class RankedStudy:
    """The study as it is, but for the values of completed trials."""

    def __init__(self, study: Study, forced: Forced) -> None:
        self._study = study
        self._forced = forced
        self._ranked: dict[int, FrozenTrial] = {}

    @classmethod
    def of(cls, study: Study, forced: Forced) -> Any:
        """Several objectives have no rank: there the study is left as it is."""
        return study if study._is_multi_objective() else cls(study, forced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, *args: Any, **kwargs: Any) -> list[FrozenTrial]:
        trials = self._study._get_trials(*args, **kwargs)
        completed = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        if len(completed) != len(self._ranked):  # asked twice for the same by each proposal
            self._ranked = self._rank(completed)
        return [self._ranked.get(trial.number, trial) for trial in trials]

    def _rank(self, trials: list[FrozenTrial]) -> dict[int, FrozenTrial]:
        """Copies whose value is the mean rank among the results of their group, from 0 to 1."""
        groups: dict[Any, list[float]] = {}
        mine = [groups.setdefault(self._group(trial), []) for trial in trials]
        for trial, group in zip(trials, mine, strict=True):
            group.append(trial.values[0])
        for group in groups.values():
            group.sort()
        ranked = {}
        for trial, group in zip(trials, mine, strict=True):
            value, twin = trial.values[0], copy.copy(trial)
            twin.value = (bisect_left(group, value) + bisect_right(group, value)) / 2 / len(group)
            ranked[trial.number] = twin
        return ranked

    def _group(self, trial: FrozenTrial) -> tuple[Any, ...]:
        params = trial.params
        return tuple(
            name in params and target[0] <= params[name] <= target[1]
            if isinstance(target, tuple)
            else params.get(name)
            for name, target in self._forced.items()
        )
