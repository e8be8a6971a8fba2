"""Hyperband that can be replayed over thousands of reports."""

from __future__ import annotations

from typing import Any

from optuna.pruners import HyperbandPruner
from optuna.study import Study
from optuna.trial import FrozenTrial


class CachedHyperband(HyperbandPruner):
    """Decides as Optuna's Hyperband does; each bracket's view and each trial's bracket are kept.

    Optuna's builds a class and hashes all trials anew at every report: for an audit of a long
    study that is minutes. No public name tells a trial's bracket.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._views: dict[int, Study] = {}
        self._brackets: dict[int, int] = {}

    def _create_bracket_study(self, study: Study, bracket_id: int) -> Study:
        if bracket_id not in self._views:
            self._views[bracket_id] = super()._create_bracket_study(study, bracket_id)
        return self._views[bracket_id]

    def _get_bracket_id(self, study: Study, trial: FrozenTrial) -> int:
        if not self._pruners:
            return 0
        if trial.number not in self._brackets:
            self._brackets[trial.number] = super()._get_bracket_id(study, trial)
        return self._brackets[trial.number]
