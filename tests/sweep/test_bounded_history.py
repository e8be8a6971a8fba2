"""A bounded history: what the sampler sees, what it costs, and that it is refused where it lies."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from engine import Engine
from optuna.distributions import FloatDistribution
from optuna.samplers import TPESampler
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from zmodel.sweep.history.bounded_history import BEST, BoundedHistory, shorten

SPACE = {name: FloatDistribution(0.0, 1.0) for name in ("x", "y", "w")}


def study(n: int) -> optuna.Study:
    """`n` finished trials whose value is x."""
    rng = np.random.default_rng(0)
    made = optuna.create_study(direction="maximize")
    for row in rng.random((n, 3)):
        params = dict(zip(SPACE, row.tolist(), strict=True))
        made.add_trial(create_trial(params=params, distributions=SPACE, value=params["x"]))
    return made


def proposals(made: optuna.Study, most: int | None, n: int = 20) -> list[dict[str, float]]:
    found = []
    for seed in range(n):
        sampler: optuna.samplers.BaseSampler = TPESampler(seed=seed)
        made.sampler = BoundedHistory(sampler, most) if most else sampler
        trial = made.ask()
        found.append({name: trial.suggest_float(name, 0, 1) for name in SPACE})
        made.tell(trial, state=TrialState.FAIL)
    return found


def test_best_latest_and_unfinished_trials_are_shown_in_order():
    trials = study(300).trials
    running = create_trial(state=TrialState.RUNNING)
    running.number = 300
    shown = shorten([*trials, running], 100, StudyDirection.MAXIMIZE)
    assert shown == sorted(shown, key=lambda t: t.number) and len(shown) == 101
    best = sorted(trials, key=lambda t: -t.value)[:BEST]
    assert {t.number for t in best} | {*range(240, 301)} <= {t.number for t in shown}
    assert shorten(trials, 300, StudyDirection.MAXIMIZE) == trials
    lowest = shorten(trials, 100, StudyDirection.MINIMIZE)
    assert all(t.value < 0.2 for t in lowest if t.number < 200)


def test_a_bound_that_is_not_reached_changes_nothing():
    assert proposals(study(150), None) == proposals(study(150), 1000)


def test_proposals_stay_as_good():
    good = np.mean([p["x"] for p in proposals(study(1000), None)])
    still = np.mean([p["x"] for p in proposals(study(1000), 200)])
    assert good > 0.95 and still > 0.95


def test_the_sampler_reads_no_more_than_the_bound():
    read = []

    class Reader(TPESampler):
        def _sample(self, study, trial, *args, **kwargs):
            states = (TrialState.COMPLETE, TrialState.PRUNED)
            read.append(len(study._get_trials(deepcopy=False, states=states, use_cache=True)))
            return super()._sample(study, trial, *args, **kwargs)

    made = study(1000)
    made.sampler = BoundedHistory(Reader(seed=0), 200)
    trial = made.ask()
    for name in SPACE:
        trial.suggest_float(name, 0, 1)
    assert read and max(read) <= 200


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["hydra.sweeper.history=10"], "received 10;"),
        (["hydra.sweeper.history=500", "hydra/sweeper/sampler=random"], "tpe and gp"),
    ],
)
def test_a_bound_that_means_nothing_is_refused(tmp_path, overrides, words):
    assert words in Engine(tmp_path).run(*overrides, code=1)


@pytest.mark.long
def test_a_study_with_a_bound_runs(tmp_path):
    engine = Engine(tmp_path)
    engine.run("hydra.sweeper.history=100", "hydra.sweeper.n_trials=12", "hydra.sweeper.n_jobs=1")
    assert len(engine.outcomes()) == 12
    curve = {"metric": "value", "direction": "maximize"}
    assert engine.study().user_attrs["curve"] == curve  # what analysis reads


def test_a_bound_works_in_a_bracket_of_hyperband():
    made = study(150)
    made.pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    made.pruner.prune(made, made.trials[0])  # makes its brackets
    made.sampler = BoundedHistory(TPESampler(seed=0), 100)
    assert 0 <= made.ask().suggest_float("x", 0, 1) <= 1
