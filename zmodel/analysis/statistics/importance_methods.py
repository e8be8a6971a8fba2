"""Parameter importance by one method, with intervals, in bounded time.

The evaluators are Optuna's.
"""

from __future__ import annotations

import math
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.statistics.intervals import around
from zmodel.analysis.statistics.selection import drawn, sign
from zmodel.analysis.time_limit import TimeUp, within
from zmodel.compat.optuna.studies import frozen_study
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from optuna.importance import BaseImportanceEvaluator

WITH_PRUNED = "ped_anova_with_pruned"
SECONDS = 15.0
"""What one method may take, bootstrap and all."""
# forests cost seconds at a few hundred trials
MOST_TRIALS = {"ped_anova": 1000, WITH_PRUNED: 1000, "fanova": 160, "mdi": 300}
ROUNDS = {"ped_anova": 20, WITH_PRUNED: 20, "fanova": 8, "mdi": 12}
MOST_CHOICES = 8
"""Of a parameter, for fANOVA: its work doubles with each, 7 s at 8 choices and 160 trials."""


@dataclass(frozen=True)
class Estimate:
    """Share of importance with a 90 % bootstrap interval; None when no round gave one."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Method:
    """`rounds` of the bootstrap; fewer than ROUNDS when the time was used up."""

    name: str
    trials: int
    sampled: bool
    rounds: int
    params: dict[str, Estimate]

    @property
    def first(self) -> str:
        return max(self.params, key=lambda p: self.params[p].value)


def importances(
    study: StudyRecord,
    name: str,
    values: list[tuple[TrialRecord, float]],
    seconds: float,
    rounds: int | None = None,
) -> Method:
    """The importances by the method `name`, from trials and their values.

    Raises:
        TimeUp: not even the estimate itself, without an interval, was done in `seconds`.
        Unavailable: the method finds no influence, or does not suit the space.
    """
    end = time.monotonic() + seconds
    _check_width(study, name)
    rng = np.random.default_rng(0)
    trials = [_frozen(trial, value) for trial, value in drawn(values, MOST_TRIALS[name])]
    direction = StudyDirection.MAXIMIZE if sign(study) > 0 else StudyDirection.MINIMIZE
    forest = _evaluator(name, 64 if len(trials) <= 100 else 24)
    point = within(seconds, _evaluate, forest, trials, direction)
    if not point:
        raise Unavailable("all values are (nearly) the same")
    found: list[dict[str, float]] = []
    with suppress(TimeUp):
        for _ in range(ROUNDS[name] if rounds is None else rounds):
            again = [trials[i] for i in rng.integers(0, len(trials), len(trials))]
            left = max(0.0, end - time.monotonic())
            found.append(within(left, _evaluate, _evaluator(name, 10), again, direction))
    shares = {param: [one[param] for one in found if param in one] for param in point}
    params = {p: Estimate(value, *around(value, shares[p], 0.9)) for p, value in point.items()}
    return Method(name, len(trials), len(values) > len(trials), len(found), params)


def _check_width(study: StudyRecord, name: str) -> None:
    for param, distribution in study.space.items():
        if name != "fanova" or not isinstance(distribution, CategoricalDistribution):
            continue
        if len(distribution.choices) > MOST_CHOICES:
            raise Unavailable(
                f"its work doubles with every choice, and {param} has {len(distribution.choices)}"
            )


def _evaluate(
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


def _evaluator(name: str, trees: int) -> BaseImportanceEvaluator:
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


def _frozen(trial: TrialRecord, value: float) -> FrozenTrial:
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
