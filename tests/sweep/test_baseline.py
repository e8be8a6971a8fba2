"""The first trial of a study: the configuration as composed, without the search."""

from __future__ import annotations

from enum import Enum
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution

from zmodel.core.running_trial import running_trial
from zmodel.study.records import load_study
from zmodel.study.storage.opening import open_storage
from zmodel.sweep.sampling.baseline import NoBaseline, baseline_of
from zmodel.sweep.space.search_space import SearchSpace

ON = ("hydra.sweeper.baseline=true", "hydra.sweeper.n_trials=4")


def marked(study) -> list[int]:
    return [t.number for t in study.trials if t.user_attrs.get("baseline")]


def test_it_is_the_first_slot_of_the_budget(inline, capsys):
    assert inline.run(*ON) == 0
    assert marked(inline) == [0] and len(inline.trials) == 4
    assert inline.trials[0].params == {"x": 0.5, "layers": 1}
    assert "baseline" not in capsys.readouterr().out  # nothing to be told of
    assert inline.run(*ON, "hydra.sweeper.n_trials=6") == 0
    assert marked(inline) == [0] and len(inline.trials) == 6
    later = inline.named("later")
    assert later.run("hydra.sweeper.n_trials=2") == 0
    assert later.run(*ON) == 0  # begun without one: it goes on as it began
    assert marked(later) == [] and len(later.trials) == 4


def test_given_configurations_come_after_it(inline, capsys):
    given = "hydra.sweeper.enqueue=[{x: 0.25, layers: 2}, {x: 0.5, layers: 1}]"
    assert inline.run(*ON, given) == 0
    assert [t.params["x"] for t in inline.trials[:2]] == [0.5, 0.25]
    xs = [t.params["x"] for t in inline.trials]
    assert len(xs) == 4 and xs.count(0.5) == 1  # given as well, and tried once
    full = inline.named("full")
    assert full.run(*ON, given, "hydra.sweeper.n_trials=2") == 0
    assert marked(full) == [] and [t.params["x"] for t in full.trials] == [0.25, 0.5]
    assert "2 given configurations fill the budget of 2" in capsys.readouterr().out
    one = inline.named("one")
    assert one.run(*ON, "hydra.sweeper.n_trials=1") == 0
    assert marked(one) == []


@pytest.mark.parametrize(
    ("searched", "first", "moved"),
    [
        ("x=interval(0.6,1)", {"x": 0.6}, {"x": [0.5, 0.6]}),
        ("x=tag(log,interval(0.01,0.1))", {"x": 0.1}, {"x": [0.5, 0.1]}),
        ("epochs=range(1,9,3)", {"epochs": 4}, {"epochs": [3, 4]}),
        ("x=choice(0.1,0.4,2)", {"x": 0.4}, {"x": [0.5, 0.4]}),
        ("x=range(0.0,1.0,0.25)", {"x": 0.5}, None),
        ("layers=choice(1,1.0,true)", {"layers": 1}, None),
    ],
)
def test_a_number_outside_is_moved_to_the_nearest_inside(inline, capsys, searched, first, moved):
    command = (*ON, "hydra.sweeper.params=null", "hydra.sweeper.n_trials=2")
    assert inline.run(*command, searched) == 0
    trial = inline.trials[0]
    assert trial.params == first and trial.user_attrs.get("baseline_moved") == moved
    assert ("is taken as" in capsys.readouterr().out) == bool(moved)


@pytest.mark.parametrize(
    "searched", ["dies=choice('1 > 2','2 > 3')", "ckpt_path=choice(a,b)", "+new=interval(0,1)"]
)
def test_where_nothing_is_near_there_is_none_and_it_is_said(inline, capsys, searched):
    assert inline.run(*ON, searched, "hydra.sweeper.n_trials=2") == 0
    assert marked(inline) == [] and len(inline.trials) == 2
    out = capsys.readouterr().out
    assert "the study has no baseline" in out and searched.split("=")[0] in out


def test_a_fixed_override_is_part_of_it_and_a_condition_holds(inline):
    layers = "++hydra.sweeper.params.layers={space: 'range(1, 4)', when: 'x > 0.6'}"
    assert inline.run(*ON, layers) == 0
    assert inline.trials[0].params == {"x": 0.5}
    fixed = inline.named("fixed")
    assert fixed.run(*ON, "x=0.75", task=lambda cfg: cfg.x) == 0
    assert fixed.trials[0].params == {"layers": 1} and fixed.trials[0].value == 0.75


@pytest.mark.parametrize("sampler", ["grid", "brute"])
def test_samplers_of_all_points_try_it_once(inline, sampler):
    space = ("x=0.5", "layers=range(1,4)", "epochs=choice(2,3)")
    command = (f"hydra/sweeper/sampler={sampler}", *space, "hydra.sweeper.n_trials=20")
    assert inline.run(*ON, *command) == 0
    tried = [(t.params["layers"], t.params["epochs"]) for t in inline.trials]
    assert tried[0] == (1, 3) and len(tried) == len(set(tried)) == 6
    given = inline.named("given")
    assert given.run(*command, "hydra.sweeper.enqueue=[{layers: 2, epochs: 2}]") == 0
    tried = [(t.params["layers"], t.params["epochs"]) for t in given.trials]
    assert tried[0] == (2, 2) and len(tried) == len(set(tried)) == 6


def test_floors_count_it_for_its_own_value(inline):
    """Floors that need the whole budget hold with it."""
    floors = ("hydra.sweeper.n_trials=8", "hydra.sweeper.coverage={layers: 2}")
    assert inline.run(*ON, *floors) == 0
    depths = [t.params["layers"] for t in inline.trials]
    assert sorted(depths) == [1, 1, 2, 2, 3, 3, 4, 4] and marked(inline) == [0]


def reporting(cfg) -> float:
    """Reports each epoch, and asks whether it may go on."""
    trial = running_trial()
    for epoch in range(cfg.epochs):
        trial.report(epoch, cfg.x * (epoch + 1))
        if trial.should_prune():
            trial.pruned = True
            break
    return cfg.x


def test_a_pruner_lets_it_come_to_its_end(inline):
    """A threshold that only others reach."""
    strict = "++hydra.sweeper.pruner={_target_: optuna.pruners.ThresholdPruner, lower: 10}"
    assert inline.run(*ON, strict, task=reporting) == 0
    assert [t.state.name for t in inline.trials] == ["COMPLETE", *["PRUNED"] * 3]


def test_an_interrupted_one_is_given_again_as_the_baseline(inline):
    def dies_once(cfg):
        if running_trial().number == 0:
            raise KeyboardInterrupt
        return cfg.x

    with pytest.raises(KeyboardInterrupt):
        inline.run(*ON, task=dies_once)
    assert inline.run(*ON, task=dies_once) == 0
    storage = open_storage(str(inline.folder / "study.journal"), read_only=True)
    study = load_study("quick", storage)
    assert [t.number for t in study.trials if t.attrs.get("baseline")] == [1]


class Kind(Enum):
    A, B = 1, 2


@pytest.mark.parametrize("choices", [("A", "B"), ("B", "C")])
def test_an_enumeration_of_a_structured_configuration_is_named_as_an_override_names_it(choices):
    space = SearchSpace({"kind": CategoricalDistribution(choices)})
    job = SimpleNamespace(compose=lambda *_: OmegaConf.create({"kind": Kind.A}))
    settings = SimpleNamespace(n_trials=4, folder=None)
    if "A" in choices:
        found = baseline_of(settings, space, job, 0)  # type: ignore[arg-type]
        assert (found.params, found.moved) == ({"kind": "A"}, {})
    else:
        with pytest.raises(NoBaseline, match="kind has the value 'A'.*not among B, C"):
            baseline_of(settings, space, job, 0)  # type: ignore[arg-type]
