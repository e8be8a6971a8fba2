"""Limits of size: what is too large is known before training and costs no trial."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from inspect import signature
from pathlib import Path

import optuna
import pytest
from hydra.core.hydra_config import HydraConfig
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import (
    CmaEsSampler,
    GPSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.trial import TrialState, create_trial

from zmodel.study.cells import value_cells
from zmodel.study.constraints import parse_constraints, violations
from zmodel.study.records import load_study
from zmodel.study.storage.opening import open_storage
from zmodel.sweep.history.judged_history import JudgedHistory
from zmodel.sweep.limits.feasible_sampler import FeasibleSampler
from zmodel.sweep.limits.known_sizes import DRAWN, KnownSizes
from zmodel.sweep.sampling.forcing_sampler import ForcingSampler
from zmodel.sweep.space.rehearsal_points import ends
from zmodel.sweep.space.search_space import SearchSpace

SIZES = f"hydra.sweeper.sizes={__name__}.sizes"
SMALL = 'hydra.sweeper.constraints={parameters: "<= 2"}'
RANDOM = ("hydra/sweeper/sampler=random", "hydra.sweeper.n_trials=4")


def sizes(cfg, names):
    """As of a network: every layer costs, and x stands for its width."""
    found = {"parameters": cfg.layers * cfg.x * 4, "memory": cfg.layers * 1e6}
    return {name: found[name] for name in names if name in found}


def record(study):
    return load_study(study.name, open_storage(str(study.folder / "study.journal")), study.folder)


def used(trial) -> float:
    return trial.params["layers"] * trial.params["x"] * 4


class Known(KnownSizes):
    """Sizes without a configuration, as of a network whose every layer costs."""

    def amounts(self, params):
        return {"parameters": params["z_layers"] * params["x"] * 4}


SPACE = SearchSpace(
    {
        "z_layers": IntDistribution(1, 4),
        "x": FloatDistribution(0, 1),
        "rate": FloatDistribution(0, 1),
    }
)


def known_sizes(limit: float) -> Known:
    (constraint,) = parse_constraints({"parameters": f"<= {limit}"})
    cells = value_cells("z_layers", [1, 2, 3, 4])
    known = Known((constraint,), "", SPACE, None, Path(), {"z_layers": cells})
    known.examples = {cell.name: known.find(cell, 0)[0] for cell in cells}
    return known


class Counted(KnownSizes):
    """Says how often it was measured."""

    measured = 0

    def measure(self, params):
        self.measured += 1
        return {"parameters": 4.0}


def test_each_configuration_is_measured_once():
    (constraint,) = parse_constraints({"parameters": "<= 1"})
    known = Counted((constraint,), "", SPACE, None, Path())
    assert known.find(None, 0) == (None, {"parameters": 4.0})
    tried = DRAWN + sum(len(ends(name, SPACE)) for name in SPACE.distributions)
    assert known.measured == tried


def search(sampler, limit: float, count: int = 24, **attrs):
    """An Optuna study by samplers made anew for each trial, in which depth makes no difference."""
    known, study = known_sizes(limit), optuna.create_study(direction="maximize")
    for slot in range(count):
        inner = JudgedHistory(
            ForcingSampler(sampler(seed=slot), SPACE.distributions),
            known.constraints,
            "constraints_func" in signature(type(sampler(seed=0))).parameters,
        )
        study.sampler = FeasibleSampler(inner, known, slot, redrawn=3)
        made = create_trial(state=TrialState.WAITING, user_attrs={"slot": slot, **attrs})
        study.add_trial(made)
        trial = study.ask()
        SPACE.suggest(trial)
        amount = known.amounts(trial.params)["parameters"]
        trial.set_constraint("parameters", known.constraints[0].violation(amount))
        study.tell(trial, -((trial.params["rate"] - 0.3) ** 2))
    return study.trials


def within(trials, limit: float) -> bool:
    return all(t.params["z_layers"] * t.params["x"] * 4 <= limit for t in trials)


@pytest.mark.parametrize(
    "sampler",
    [
        RandomSampler,
        TPESampler,
        pytest.param(GPSampler, marks=pytest.mark.slow),
        CmaEsSampler,
        NSGAIISampler,
        QMCSampler,
    ],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_every_sampler_keeps_the_limits(sampler):
    trials = search(sampler, 2.0, 14)
    assert within(trials, 2) and any(t.user_attrs.get("rejected") for t in trials)
    for trial in trials:
        noted = trial.user_attrs.get("rejected_params", [])
        assert all(one["amounts"]["parameters"] > 2 for one in noted)
        assert len(noted) == min(10, trial.user_attrs.get("rejected", 0))


def test_depths_are_tried_as_often_as_without_limits():
    """Were everything drawn again, the share of a depth would be that of its feasible networks."""
    free, limited = search(RandomSampler, 1e9, 200), search(RandomSampler, 1.0, 200)
    depths = [[t.params["z_layers"] for t in trials] for trials in (free, limited)]
    assert depths[0] == depths[1]
    feasible = [1 / depth for depth in (1, 2, 3, 4)]  # of uniform x, under a limit of 4
    share = depths[1].count(4) / 200
    assert share > 0.2 > feasible[3] / sum(feasible)
    assert within(limited, 1.0)


@pytest.mark.slow
def test_what_was_rejected_does_not_teach_that_deep_is_bad():
    """TPE in 12 studies of 60 trials: the two deepest get their half, as without limits.

    Shown to all proposals, what was rejected leaves them a fifth; failed, a third (docs/log.md).
    """

    def deep(limit: float) -> float:
        trials = [t for n in range(12) for t in search(partial(seeded, n), limit, 60)]
        return sum(t.params["z_layers"] >= 3 for t in trials) / len(trials)

    assert deep(1.0) > 0.4


def seeded(study: int, seed: int) -> TPESampler:
    return TPESampler(seed=1000 * study + seed)


def test_even_a_rare_feasible_configuration_is_found():
    assert within(search(RandomSampler, 0.001, 5), 0.001)


def test_a_forced_depth_stays():
    trials = search(TPESampler, 1.0, 12, forced_to={"z_layers": 4})
    assert {t.params["z_layers"] for t in trials} == {4} and within(trials, 1.0)


def test_what_is_too_large_is_never_run(inline):
    assert inline.run(SIZES, SMALL, "hydra.sweeper.n_trials=6") == 0
    assert [t.state for t in inline.trials] == [TrialState.COMPLETE] * 6
    assert all(t.constraints["parameters"] == (used(t) - 2) / 2 <= 0 for t in inline.trials)
    assert {t.user_attrs["slot"] for t in inline.trials} == set(range(6))
    assert any(t.user_attrs.get("rejected") for t in inline.trials)
    found = record(inline)
    assert found.attrs["constraints"] == {"parameters": "<= 2"}
    assert all(t.feasible for t in found.trials)


def test_floors_hold_within_the_limits(inline):
    floors = ("hydra.sweeper.coverage={layers: 2}", "hydra/sweeper/sampler=random")
    assert inline.run(SIZES, SMALL, *floors, "hydra.sweeper.n_trials=8") == 0
    assert Counter(t.params["layers"] for t in inline.trials) == {1: 2, 2: 2, 3: 2, 4: 2}
    assert all(used(t) <= 2 for t in inline.trials)


def test_a_floor_that_no_configuration_can_meet_is_refused(inline, capsys):
    limits = 'hydra.sweeper.constraints={memory: "<= 2.5MB"}'
    floors = "hydra.sweeper.coverage={layers: 1}"
    with pytest.raises(ValueError, match=r"layers=3.*memory 3,000,000 \(<= 2\.5MB\)"):
        inline.run(SIZES, limits, floors, *RANDOM)
    assert not inline.folder.exists()
    assert inline.run(SIZES, limits, *RANDOM) == 0  # without floors the others are searched
    assert {t.params["layers"] for t in inline.trials} == {1, 2}
    with pytest.raises(ValueError, match="none was found"):
        inline.named("none").run(SIZES, 'hydra.sweeper.constraints={memory: "<= 1kB"}', *RANDOM)


def test_workers_and_restarts_change_no_draw(inline):
    command = (SIZES, SMALL, *RANDOM)
    one, two = inline.named("one"), inline.named("two")
    assert one.run(*command) == 0
    assert two.run(*command, "hydra.sweeper.n_trials=2") == 0
    assert two.run(*command) == 0
    drawn = [[(t.params, t.user_attrs.get("rejected")) for t in s.trials] for s in (one, two)]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("budget", [3, 20])
@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_of_few_configurations_each_feasible_one_is_tried_once(inline, sampler, budget):
    space = ("x=choice(0.125,1.0)", "layers=range(1,4)", f"hydra/sweeper/sampler={sampler}")
    command = (SIZES, SMALL, *space, f"hydra.sweeper.n_trials={budget}")
    assert inline.run(*command) == 0
    tried = [(t.params["x"], t.params["layers"]) for t in inline.trials]
    assert len(set(tried)) == len(tried) == 3
    assert {x for x, _ in tried} == {0.125}


def test_configurations_given_beforehand(inline, capsys):
    large = "hydra.sweeper.enqueue=[{x: 0.9, layers: 4}]"
    with pytest.raises(ValueError, match=r"parameters 14\.4 \(<= 2\)"):
        inline.run(SIZES, SMALL, *RANDOM, large)
    assert not inline.folder.exists()
    tight = 'hydra.sweeper.constraints={parameters: "<= 1"}'
    assert inline.run(SIZES, tight, *RANDOM, "hydra.sweeper.baseline=true") == 0
    assert "no baseline" in capsys.readouterr().out  # x=0.5 layers=1 as composed has 2
    partly = inline.named("partly")
    given = "hydra.sweeper.enqueue=[{layers: 4}]"
    assert partly.run(SIZES, SMALL, *RANDOM, given) == 0
    assert partly.trials[0].params["layers"] == 4 and used(partly.trials[0]) <= 2


def logging(cfg) -> float:
    """Leaves a metric, of which nothing is known before."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    (folder / "result.json").write_text(json.dumps({"metrics": {"val/loss": 1 - cfg.x}}))
    return 1 - cfg.x


def test_a_bound_on_a_logged_metric_marks_the_trial(inline):
    bound = "hydra.sweeper.constraints={val/loss: '<= 0.5'}"
    assert inline.run(bound, *RANDOM, "hydra.sweeper.n_trials=8", task=logging) == 0
    found = record(inline)
    assert len(found.trials) == 8 and {t.state for t in found.trials} == {"complete"}
    for trial in found.trials:
        assert trial.feasible == (trial.params["x"] >= 0.5)
    assert {t.number for t in found.comparable} == {t.number for t in found.trials if t.feasible}
    winner = min((t for t in found.trials if t.feasible), key=lambda t: t.params["x"])
    assert found.best_first[0].number == winner.number
    assert f"# trial {winner.number}," in (inline.folder / "best.yaml").read_text()


def test_a_metric_that_is_not_logged_is_refused_before_the_first_trial(inline, capsys):
    bound = "hydra.sweeper.constraints={val/los: '<= 0.5'}"
    assert inline.run(bound, *RANDOM, "hydra.sweeper.preflight=[]", task=logging) == 1
    assert "val/loss" in capsys.readouterr().err
    assert not inline.folder.exists()


def test_a_study_without_any_feasible_trial_has_no_best(inline, capsys):
    bound = "hydra.sweeper.constraints={val/loss: '<= -1'}"
    assert inline.run(bound, *RANDOM, "hydra.sweeper.n_trials=3", task=logging) == 0
    assert "none is the best" in capsys.readouterr().out
    assert not (inline.folder / "best.yaml").exists() and not record(inline).best_first


def test_other_limits_are_another_study(inline):
    assert inline.run(SIZES, SMALL, *RANDOM, "hydra.sweeper.n_trials=3") == 0
    tighter = 'hydra.sweeper.constraints={parameters: "<= 0.5"}'
    command = (SIZES, tighter, *RANDOM, "hydra.sweeper.n_trials=5")
    with pytest.raises(ValueError, match="constraints.parameters"):
        inline.run(*command)
    assert inline.run(*command, "hydra.sweeper.on_change=continue") == 0
    for trial in record(inline).trials:  # all are judged by the limits of now
        assert trial.feasible == (used(trial) <= 0.5)


@pytest.mark.parametrize("sampler", ["gp"])
def test_a_study_begun_without_limits_goes_on_with_them(inline, sampler):
    command = (f"hydra/sweeper/sampler={sampler}", "hydra.sweeper.n_trials=3")
    assert inline.run(*command) == 0
    further = ("hydra.sweeper.n_trials=5", "hydra.sweeper.on_change=continue")
    assert inline.run(*command, *further, SIZES, SMALL) == 0
    assert [t.constraints != {} for t in inline.trials] == [False] * 3 + [True] * 2


@pytest.mark.parametrize(
    ("text", "value", "violation"),
    [
        ("<= 50000", 60000, 0.2),
        ("<= 2GB", 1e9, -0.5),
        (">= 0.9", 0.45, 0.5),
        ("<=1e3", 1000, 0.0),
        ("<= 2 KiB", 4096, 1.0),
        ("<= 0", 3, 3.0),
        ("<= 1", float("nan"), 1e9),
    ],
)
def test_how_far_a_value_is_beyond_its_limit(text, value, violation):
    (constraint,) = parse_constraints({"memory": text})
    assert constraint.violation(value) == pytest.approx(violation)


@pytest.mark.parametrize("given", [{"a": "50000"}, {"a": 3}, {"a": "< 3"}, {"a": "<= 3 XB"}, ["a"]])
def test_what_is_no_constraint_is_refused(given):
    with pytest.raises(ValueError, match=r"hydra\.sweeper\.constraints"):
        parse_constraints(given)


def test_trials_of_other_programs_are_judged_by_what_they_note():
    limits = parse_constraints({"parameters": "<= 100"})
    noted = create_trial(value=1.0, user_attrs={"parameters": 150})
    assert violations(noted, limits) == {"parameters": 0.5}
    assert violations(create_trial(value=1.0, constraints={"c": 2.0}), limits) == {"c": 2.0}
    assert violations(create_trial(value=1.0, user_attrs={"amounts": "x"}), limits) == {}


def test_only_what_keeps_the_limits_is_repeated(inline):
    bound, some = "hydra.sweeper.constraints={val/loss: '<= 0.5'}", "hydra.sweeper.replicate=50%"
    own = ("+seed=0", "hydra.sweeper.n_trials=12")
    assert inline.run(bound, some, *RANDOM, *own, task=logging) == 0
    trials = record(inline).trials
    repeated = [t.attrs["replicate"] for t in trials if "replicate" in t.attrs]
    assert repeated and all(trials[number].feasible for number in repeated)
