"""Paused trials teach TPE what is good."""

from __future__ import annotations

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState, create_trial

from zmodel.sweep.history.paused_history import PausedHistory

SPACE = {"x": FloatDistribution(0.0, 1.0)}


def study(direction: str) -> optuna.Study:
    """Two complete trials, and 40 paused ones that are the better the larger x is."""
    made = optuna.create_study(direction=direction)
    sign = 1 if direction == "maximize" else -1
    for i, x in enumerate(np.random.default_rng(0).random(42).tolist()):
        known = {"params": {"x": x}, "distributions": SPACE}
        if i < 2:
            made.add_trial(create_trial(value=sign * x, **known))
            continue
        paused = create_trial(
            state=TrialState.WAITING, intermediate_values={0: sign * x},
            user_attrs={"paused_at": 1, "slot": i}, **known,
        )  # fmt: skip
        made.add_trial(paused)
    return made


def drawn(made: optuna.Study, sampler: BaseSampler) -> float:
    trial = create_trial(state=TrialState.RUNNING)
    trial.number = len(made.trials)
    return float(sampler.sample_independent(made, trial, "x", SPACE["x"]))


def mean(made: optuna.Study, shows: bool) -> float:
    samplers = [TPESampler(seed=seed) for seed in range(20)]
    return float(np.mean([drawn(made, PausedHistory(s) if shows else s) for s in samplers]))


def test_tpe_learns_from_paused_trials():
    for direction in ("maximize", "minimize"):
        made = study(direction)
        assert mean(made, shows=True) > 0.8
        assert 0.3 < mean(made, shows=False) < 0.7, "two completed trials say nothing yet"


def test_the_best_so_far_counts_and_without_a_score_nothing():
    made = optuna.create_study(direction="minimize")
    for values in ({0: 0.5, 1: 0.2, 2: float("nan"), 3: 0.4}, {0: float("nan")}, {}):
        paused = create_trial(
            state=TrialState.WAITING, intermediate_values=values,
            user_attrs={"paused_at": 4, "slot": 0}, params={"x": 0.5}, distributions=SPACE,
        )  # fmt: skip
        made.add_trial(paused)
    seen = PausedHistory(TPESampler(seed=0)).see(made, made.trials)
    assert (seen[0].state, seen[0].value) == (TrialState.COMPLETE, 0.2)
    assert [t.state for t in seen[1:]] == [TrialState.WAITING] * 2


def test_trials_that_wait_to_be_begun_teach_nothing():
    made = study("maximize")
    seen = PausedHistory(TPESampler(seed=0)).see(made, made.trials)
    assert [t.state for t in seen] == [TrialState.COMPLETE] * 42
    made.enqueue_trial({"x": 0.5})
    seen = PausedHistory(TPESampler(seed=0)).see(made, made.trials)
    assert seen[-1].state == TrialState.WAITING
    assert sum(t.state == TrialState.COMPLETE for t in made.trials) == 2, "it keeps its own"
