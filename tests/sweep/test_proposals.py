"""What trials are given, through whole studies: floors, policy, pruner, warm starts."""

from __future__ import annotations

import optuna
import pytest
import yaml
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from zmodel.core.running_trial import running_trial
from zmodel.study.records import find_study
from zmodel.study.storage.opening import open_storage
from zmodel.sweep.sampling.replicates import WithoutReplicates


def curve(cfg) -> float:
    """Reports an epoch after the other, as a run does, and ends when the pruner says so."""
    trial = running_trial()
    for epoch in range(3):
        trial.report(epoch, cfg.x * (epoch + 1))
        if trial.should_prune():
            trial.pruned = True
            break
    return cfg.x


@pytest.mark.long
def test_coverage_floors_are_kept(inline, capsys):
    floors = ("hydra.sweeper.n_trials=15", "hydra.sweeper.coverage={layers: 3}")
    assert inline.run(*floors) == 0
    depths = [t.params["layers"] for t in inline.trials]
    assert all(depths.count(z) >= 3 for z in (1, 2, 3, 4))
    assert any("forced" in t.user_attrs for t in inline.trials)
    failing = inline.named("failing")
    code = failing.run(
        *floors, "hydra.sweeper.max_failure_rate=1.0",
        task=lambda cfg: None if cfg.layers == 2 else cfg.x,
    )  # fmt: skip
    assert code == 3
    assert "layers=2 has " in capsys.readouterr().err


@pytest.mark.long
def test_a_pruner_ends_trials_only_when_one_is_chosen(inline):
    few = "hydra.sweeper.n_trials=15"
    assert inline.run(few, task=curve) == 0
    unset = inline.named("unset")  # where Optuna itself would put its MedianPruner
    assert unset.run(few, "hydra.sweeper.pruner=null", task=curve) == 0
    for study in (inline, unset):
        assert {t.state for t in study.trials} == {TrialState.COMPLETE}
    median = inline.named("median")
    assert median.run(few, "hydra/sweeper/pruner=median", task=curve) == 0
    pruned = [t for t in median.trials if t.state == TrialState.PRUNED]
    assert pruned and all(len(t.intermediate_values) < 3 for t in pruned)
    assert all(t.value is not None for t in pruned)


def test_a_pruner_spares_forced_trials_and_controls(inline):
    """A floor promises completed trials, a control its whole curve; here what ends can be pruned
    only because it was chosen freely."""
    command = (
        "hydra.sweeper.n_trials=24", "hydra.sweeper.coverage={layers: 4}",
        "hydra/sweeper/pruner=median", "+hydra.sweeper.pruner.n_startup_trials=1",
        "hydra.sweeper.control=25%", "+callbacks.early_stopping.patience=3",
        "hydra.sweeper.control_changes={callbacks.early_stopping.patience: 1000000}",
    )  # fmt: skip
    assert inline.run(*command, task=curve) == 0
    spared = [t for t in inline.trials if t.user_attrs.keys() & {"forced", "control"}]
    assert len(spared) > 6 and all(t.state == TrialState.COMPLETE for t in spared)
    assert any(t.state == TrialState.PRUNED for t in inline.trials)
    completed = [t.params["layers"] for t in inline.trials if t.state == TrialState.COMPLETE]
    assert all(completed.count(z) >= 4 for z in (1, 2, 3, 4))


@pytest.mark.long
def test_the_policy_gives_up_what_cannot_win_and_says_so(inline, capsys):
    command = (
        "hydra.sweeper.n_trials=70", "hydra.sweeper.coverage={layers: 10}",
        "hydra.sweeper.policy={confidence: 0.9, share: 0.8}", "hydra/sweeper/sampler=random",
    )  # fmt: skip
    code = inline.run(
        *command, task=lambda cfg: min(cfg.layers, 3) - 0.001 * running_trial().number
    )
    assert code == 0
    out = capsys.readouterr().out
    assert "abandoned: layers=1, best 0.9" in out and "abandoned: layers=3" not in out
    assert "layers=1" in inline.study.user_attrs["given_up"]
    late = [t.user_attrs.get("forced_to", {}).get("layers") for t in inline.trials[-12:]]
    assert {3, 4} & set(late) and not {1, 2} & set(late)


def test_warm_start_from_given_points_and_from_another_study(inline):
    assert (
        inline.run("hydra.sweeper.n_trials=3", "hydra.sweeper.enqueue=[{x: 0.25, layers: 2}]") == 0
    )
    assert inline.trials[0].params == {"x": 0.25, "layers": 2}
    best = inline.study.best_trial.params
    partly = create_trial(params={"x": 0.5}, distributions={"x": FloatDistribution(0, 1)}, value=9)
    storage = open_storage(str(inline.folder / "study.journal"))
    optuna.load_study(study_name="quick", storage=storage).add_trial(partly)
    other = inline.named("other")
    assert other.run("hydra.sweeper.n_trials=4", "hydra.sweeper.from_study=quick") == 0
    assert other.trials[0].params == best
    new = inline.named("new")
    with pytest.raises(ValueError, match="'y'"):
        new.run("hydra.sweeper.enqueue=[{y: 1}]")
    assert not new.folder.exists()


def test_replicates_repeat_the_best_with_other_seeds_and_teach_the_sampler_nothing(inline, capsys):
    seeds: dict[int, int] = {}

    def task(cfg):
        seeds[running_trial().number] = cfg.seed
        return cfg.x + (0.5 if cfg.seed else 0)  # a replicate is lucky

    trials, some = "hydra.sweeper.n_trials=12", "hydra.sweeper.replicate=25%"
    assert inline.run(trials, some, "+seed=0", task=task) == 0
    repeated = {t.number: t.user_attrs["replicate"] for t in inline.trials
                if "replicate" in t.user_attrs}  # fmt: skip
    assert list(repeated) == [3, 7, 11]
    for number, original in repeated.items():
        assert inline.trials[number].params == inline.trials[original].params
        before = [t for t in inline.trials[:number] if t.number not in repeated]
        best = sorted(before, key=lambda t: -t.values[0])[:3]
        assert original in [t.number for t in best]
        assert seeds[number] == number and seeds[original] == 0
    assert len(set(repeated.values())) > 1  # the one that was repeated least
    said = [line for line in capsys.readouterr().out.splitlines() if "<- best" in line]
    assert said and not {int(line.split()[1]) for line in said} & set(repeated)
    record = find_study("quick", inline.out)
    assert not {t.number for t in record.comparable} & set(repeated)
    best = yaml.safe_load((inline.folder / "optimization_results.yaml").read_text())
    assert best["best_trial"] == record.best_first[0].number
    shown = WithoutReplicates(optuna.samplers.RandomSampler()).see(inline.study, inline.trials)
    assert [t.number for t in shown] == [n for n in range(12) if n not in repeated]


def test_floors_hold_without_the_replicates(inline):
    floors, some = "hydra.sweeper.coverage={layers: 2}", "hydra.sweeper.replicate=20%"
    assert inline.run("hydra.sweeper.n_trials=10", floors, some, "+seed=0") == 0
    own = [t.params["layers"] for t in inline.trials if "replicate" not in t.user_attrs]
    assert sorted(own) == [1, 1, 2, 2, 3, 3, 4, 4]
    with pytest.raises(ValueError, match="replicate leaves 7 of 9"):
        inline.named("few").run("hydra.sweeper.n_trials=9", floors, some.replace("20", "25"))


@pytest.mark.parametrize("seed", [(), ("+seed=range(0,9)",), ("+seed=null",)])
def test_a_replicate_needs_a_seed_to_change(inline, seed):
    with pytest.raises(ValueError, match="replicate"):
        inline.run("hydra.sweeper.n_trials=4", "hydra.sweeper.replicate=25%", *seed)
    assert not inline.folder.exists()


def test_shares_are_of_the_trials_that_there_are(inline):
    """A search of eight combinations has eight trials, whatever its budget."""
    few = ("x=choice(0.25,0.5)", "layers=range(1,5)", "hydra.sweeper.coverage={layers: 25%}")
    assert inline.run(*few, "hydra.sweeper.n_trials=40") == 0
    assert len(inline.trials) == 8


def test_where_each_configuration_is_tried_once_none_is_repeated(inline, capsys):
    few = ("x=0.5", "layers=range(1,5)", "hydra.sweeper.coverage={layers: 1}", "+seed=0")
    assert inline.run(*few, "hydra.sweeper.replicate=50%") == 0
    assert sorted(t.params["layers"] for t in inline.trials) == [1, 2, 3, 4]
    assert "replicate repeats none" in capsys.readouterr().out
