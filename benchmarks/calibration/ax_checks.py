"""The health checks of Ax on a study of ours; needs ax-platform, which zmodel does not.

Each trial is an arm with its value and the binomial standard error. `fast`: the checks that need
no model. `model`: also those that fit a Gaussian process to the trials. Ax's checks of savings by
early stopping, of metrics that fail to arrive and of transfer learning ask other questions.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

from ax.analysis.healthcheck.baseline_improvement import BaselineImprovementAnalysis
from ax.analysis.healthcheck.constraints_feasibility import ConstraintsFeasibilityAnalysis
from ax.analysis.healthcheck.predictable_metrics import PredictableMetricsAnalysis
from ax.analysis.healthcheck.search_space_analysis import SearchSpaceAnalysis
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from ax.core.data import Data
from ax.utils.stats.no_effects import check_experiment_effects_per_metric
from optuna.distributions import FloatDistribution, IntDistribution

from zmodel.analysis.statistics.noise import standard_error
from zmodel.study.constraints import constraints_of
from zmodel.study.records import StudyRecord

METRIC = "acc"
Check = Callable[[Client, StudyRecord], bool | None]


def warned(study: StudyRecord, which: str) -> dict[str, bool | None]:
    """Name of a check -> whether it gives a warning or worse; None: it cannot be made."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    client = client_of(study)
    checks: tuple[Check, ...] = (baseline, no_effect)
    if which == "model":
        checks += (predictable, at_bounds, too_strict)
    return {check.__name__: check(client, study) for check in checks}


def client_of(study: StudyRecord) -> Client:
    client = Client()
    client.configure_experiment(name=study.name, parameters=_parameters(study))
    limits = constraints_of(study.attrs)
    constraints = [f"{limit.name} {limit.text}" for limit in limits]
    client.configure_optimization(objective=METRIC, outcome_constraints=constraints)
    client.configure_generation_strategy(
        method="fast", initialization_budget=5, initialize_with_center=False
    )
    for trial in study.trials:
        index = client.attach_trial({_name(k): v for k, v in trial.params.items()})
        if trial.state == "complete":
            value = float(trial.value or 0.0)
            error = standard_error(value, trial.attrs["validated"])
            amounts = {limit.name: (float(trial.attrs[limit.name]), 0.0) for limit in limits}
            client.complete_trial(index, raw_data={METRIC: (value, error), **amounts})
        else:
            client.mark_trial_failed(index)
    return client


def _parameters(study: StudyRecord) -> list[RangeParameterConfig]:
    found = []
    for name, dist in study.space.items():
        assert isinstance(dist, IntDistribution | FloatDistribution)
        kind: Any = "int" if isinstance(dist, IntDistribution) else "float"
        scaling: Any = "log" if dist.log else "linear"
        bounds = (dist.low, dist.high)
        found.append(RangeParameterConfig(_name(name), bounds, kind, scaling=scaling))
    return found


def _name(param: str) -> str:
    return param.rsplit(".", 1)[-1]


def _warns(card: Any) -> bool:
    return card.get_status().name in ("WARNING", "FAIL")


def baseline(client: Client, study: StudyRecord) -> bool | None:
    """Of the first trial."""
    check, own = BaselineImprovementAnalysis(), client._experiment
    if check.validate_applicable_state(experiment=own) is not None:
        return None
    return _warns(check.compute(experiment=own))


def no_effect(client: Client, study: StudyRecord) -> bool | None:
    """Welch's test over the arms, as of one batch: it says nothing of trials of one arm each."""
    rows = client._experiment.lookup_data().df.copy()
    if rows.empty:
        return None
    rows["n"] = study.trials[0].attrs["validated"]
    rows["trial_index"] = 0
    found = check_experiment_effects_per_metric(data=Data(df=rows), objective_names={METRIC})
    return not bool(found["has_effect"].any())


def predictable(client: Client, study: StudyRecord) -> bool | None:
    """By leave-one-out cross-validation of the model."""
    check = PredictableMetricsAnalysis()
    given = {
        "experiment": client._experiment, "generation_strategy": client._generation_strategy
    }  # fmt: skip
    client.get_next_trials(max_trials=1)
    if check.validate_applicable_state(**given) is not None:
        return None
    return _warns(check.compute(**given))


def at_bounds(client: Client, study: StudyRecord) -> bool | None:
    """Of what the model proposes next."""
    last = max(client._experiment.trials)
    return _warns(SearchSpaceAnalysis(trial_index=last).compute(experiment=client._experiment))


def too_strict(client: Client, study: StudyRecord) -> bool | None:
    """Whether nearly all arms break a constraint."""
    if not constraints_of(study.attrs):
        return None
    check = ConstraintsFeasibilityAnalysis()
    given = {
        "experiment": client._experiment, "generation_strategy": client._generation_strategy
    }  # fmt: skip
    if check.validate_applicable_state(**given) is not None:
        return None
    return _warns(check.compute(**given))
