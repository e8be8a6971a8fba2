"""Optuna's importance evaluators on plain lists of trials."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from zmodel.compat.optuna.studies import frozen_study
from zmodel.study.records import TrialRecord

if TYPE_CHECKING:
    from optuna.importance import BaseImportanceEvaluator


def evaluate(
    evaluator: BaseImportanceEvaluator, trials: list[FrozenTrial], direction: StudyDirection
) -> dict[str, float]:
    with warnings.catch_warnings():
        # evaluators warn about few trials and constant columns; verdicts say it in plain words
        warnings.simplefilter("ignore")
        try:
            found = evaluator.evaluate(frozen_study(trials, direction))
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


def frozen(trial: TrialRecord, value: float) -> FrozenTrial:
    """A completed trial of this value; evaluators tell trials apart by their numbers."""
    known = {p: v for p, v in trial.params.items() if p in trial.distributions}
    return FrozenTrial(
        number=trial.number,
        trial_id=trial.number,
        state=TrialState.COMPLETE,
        value=value,
        params=known,
        distributions={p: trial.distributions[p] for p in known},
        datetime_start=None,
        datetime_complete=None,
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )
