"""Optuna's importance evaluators on plain lists of trials."""

from __future__ import annotations

import math
import warnings
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.study.records import TrialRecord

if TYPE_CHECKING:
    from optuna.importance._base import BaseImportanceEvaluator


def evaluate(
    evaluator: BaseImportanceEvaluator, trials: list[FrozenTrial], direction: StudyDirection
) -> dict[str, float]:
    with warnings.catch_warnings():
        # evaluators warn about few trials and constant columns; verdicts say it in plain words
        warnings.simplefilter("ignore")
        try:
            found = evaluator.evaluate(_Sample(trials, direction))  # type: ignore[arg-type]
        except (ValueError, RuntimeError):
            # a resample in which every value or every column is the same
            return {}
    total = sum(found.values())
    if not math.isfinite(total) or total <= 0:
        return {}
    return {param: float(value / total) for param, value in found.items()}


def evaluator(name: str, trees: int) -> BaseImportanceEvaluator:
    # optuna.importance loads scikit-learn, a second that only this diagnostic needs
    from optuna.importance import (
        FanovaImportanceEvaluator,
        MeanDecreaseImpurityImportanceEvaluator,
        PedAnovaImportanceEvaluator,
    )

    if name == "fanova":
        return FanovaImportanceEvaluator(n_trees=trees, seed=0)
    if name == "mdi":
        return MeanDecreaseImpurityImportanceEvaluator(n_trees=trees, seed=0)
    return PedAnovaImportanceEvaluator()


class _Sample:
    """The part of optuna.Study that importance evaluators read, over a list of trials."""

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


def frozen(trial: TrialRecord, value: float) -> FrozenTrial:
    known = {p: v for p, v in trial.params.items() if p in trial.distributions}
    frozen = create_trial(
        state=TrialState.COMPLETE,
        value=value,
        params=known,
        distributions={p: trial.distributions[p] for p in known},
    )
    frozen.number = trial.number
    # PED-ANOVA tells trials apart by this
    frozen._trial_id = trial.number
    return frozen
