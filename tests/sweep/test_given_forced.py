"""Proposals given what is forced: a cnn gets the learning rate of cnns."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import TrialState, create_trial

from zmodel.sweep.sampling.forcing_sampler import ForcingSampler, obey
from zmodel.sweep.sampling.given_forced import given
from zmodel.sweep.space.parse import parse_space


def history(n_trials: int) -> optuna.Study:
    """The best learning rate of a cnn is 1e-4, that of an mlp 1e-2; cnns score higher."""
    rng = random.Random(0)
    space = parse_space({"net": "cnn,mlp", "lr": "tag(log, interval(1e-6, 1))"}, [])
    study = optuna.create_study(direction="maximize")
    for _ in range(n_trials):
        params = {"net": rng.choice(["cnn", "mlp"]), "lr": 10 ** rng.uniform(-6, 0)}
        best, top = (-4, 1.0) if params["net"] == "cnn" else (-2, 0.9)
        value = top - 0.1 * (math.log10(params["lr"]) - best) ** 2
        study.add_trial(create_trial(params=params, distributions=space.distributions, value=value))
    return study


def proposals(study: optuna.Study, samplers: list[BaseSampler], target: dict[str, Any]) -> list:
    """What each sampler proposes when forced to `target`."""
    space = study.trials[0].distributions
    found = []
    for sampler in samplers:
        ticket = create_trial(state=TrialState.RUNNING, user_attrs={"forced_to": target})
        trial_id = study._storage.create_new_trial(study._study_id, ticket)
        study.sampler = ForcingSampler(sampler, space)
        trial = optuna.Trial(study, trial_id)
        found.append({name: trial._suggest(name, space[name]) for name in space})
        study.tell(trial, state=TrialState.FAIL)
    return found


def middle(found: list[dict[str, Any]]) -> float:
    return float(np.median([math.log10(params["lr"]) for params in found]))


@pytest.mark.parametrize("multivariate", [True, False])
def test_tpe_proposes_given_the_forced_value(multivariate: bool) -> None:
    study = history(120)
    samplers: list[BaseSampler] = [
        TPESampler(seed=seed, multivariate=multivariate) for seed in range(15)
    ]
    assert middle(proposals(study, samplers, {"net": "cnn"})) == pytest.approx(-4, abs=0.7)
    assert middle(proposals(study, samplers, {"net": "mlp"})) == pytest.approx(-2, abs=0.7)
    if multivariate:  # and a forced range tells which network suits it
        nets = [params["net"] for params in proposals(study, samplers, {"lr": [1e-5, 2e-4]})]
        assert nets.count("cnn") >= 12
    rates = [params["lr"] for params in proposals(study, samplers, {"lr": [1e-3, 1e-1]})]
    assert all(1e-3 <= rate <= 1e-1 for rate in rates) and len(set(rates)) == 15


def test_the_gaussian_process_proposes_given_the_forced_value() -> None:
    pytest.importorskip("torch")
    study = history(40)
    samplers: list[BaseSampler] = [GPSampler(seed=0)]
    assert middle(proposals(study, samplers, {"net": "cnn"})) == pytest.approx(-4, abs=0.7)
    assert middle(proposals(study, samplers, {"net": "mlp"})) == pytest.approx(-2, abs=0.7)
    rates = [params["lr"] for params in proposals(study, samplers, {"lr": [1e-3, 1e-1]})]
    assert all(1e-3 <= rate <= 1e-1 for rate in rates)


def test_tpe_draws_its_candidates_from_the_conditional() -> None:
    """Two good trials, a cnn at 1e-4 and an mlp at 1e-2: forced to one, the other hardly counts."""
    study = history(120)
    space = study.trials[0].distributions
    seen = {"lr": np.array([1e-4] * 20 + [1e-2] * 20), "net": np.array([0] * 20 + [1] * 20)}

    def draws(forced: dict[str, Any]) -> dict[str, np.ndarray]:
        proposer = given(TPESampler(), forced, space)
        estimator = proposer._tpe._parzen_estimator_cls(
            seen,
            {"lr": space["lr"], "net": space["net"]},
            TPESampler()._parzen_estimator_parameters,
        )
        return estimator.sample(np.random.RandomState(0), 500)

    for name, best in (("cnn", 1e-4), ("mlp", 1e-2)):
        found = draws({"net": name})
        assert np.median(found["lr"]) == pytest.approx(best, rel=1.0)
        assert set(found["net"]) == {["cnn", "mlp"].index(name)}
    found = draws({"lr": (1e-3, 1e-1)})
    assert found["lr"].min() >= 1e-3 and found["lr"].max() <= 1e-1
    assert found["net"].mean() > 0.9


def test_only_samplers_with_a_model_have_a_conditional() -> None:
    assert given(optuna.samplers.RandomSampler(), {"z": 1}, {"z": IntDistribution(1, 5)}) is None
    assert given(TPESampler(), {"z": 1}, {"z": IntDistribution(1, 5)}) is not None


def test_folding_keeps_what_is_inside_and_stays_uniform() -> None:
    lr = FloatDistribution(1e-4, 1, log=True)
    assert obey(2e-2, (1e-2, 1e-1), lr) == 2e-2
    assert obey(2e-3, (1e-2, 1e-1), lr) == pytest.approx(2e-2)
    assert obey(5, (1, 3), IntDistribution(1, 6)) == 2
    assert obey(0.9, (0.25, 0.5), FloatDistribution(0, 1)) == pytest.approx(0.4)
    assert obey(0.75, (0.0, 0.25), FloatDistribution(0, 1, step=0.25)) == 0.25
