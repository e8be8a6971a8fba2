"""Studies that pause their trials, with tasks of a moment in the test's process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from engine import ROOT, Engine
from hydra.core.hydra_config import HydraConfig
from optuna.trial import TrialState

from zmodel.core.interrupt import Interrupted, Paused
from zmodel.core.running_trial import pauses_after, running_trial
from zmodel.study.budget.ledger import is_paused
from zmodel.study.records import find_study
from zmodel.study.run_folder import read_metrics
from zmodel.sweep.history.paused_history import PausedHistory

ALLOWANCE = 10
RULE = [
    "hydra.sweeper.stopping=depth_halving", "hydra.sweeper.n_trials=null",
    f"+trainer.max_epochs={ALLOWANCE}", "hydra/sweeper/sampler=random",
]  # fmt: skip
WITHIN = [
    *RULE[1:], "hydra/sweeper/stopping=depth_halving", "hydra.sweeper.stopping.within=layers",
    "hydra.sweeper.stopping.control_every=4",
]  # fmt: skip


def last_checkpoint() -> Path:
    path = Path(HydraConfig.get().runtime.output_dir, "checkpoints", "last.ckpt")
    path.parent.mkdir(exist_ok=True)
    return path


def epochs(cfg, stops_after=ALLOWANCE):
    """Trains: reports the epochs that are left, pauses where it is told to."""
    trial = running_trial()
    done = int(Path(cfg.ckpt_path).read_text()) if cfg.ckpt_path else 0
    while done < stops_after:
        if pauses_after(done):
            last_checkpoint().write_text(str(done))
            raise Paused
        trial.report(done, cfg.x * (1 + done))
        done += 1
        last_checkpoint().write_text(str(done))
        yield done


def task(cfg):
    for _ in epochs(cfg):
        pass
    return cfg.x


def early(cfg):
    """Ends by itself when x is small."""
    for _ in epochs(cfg, stops_after=3 if cfg.x < 0.3 else ALLOWANCE):
        pass
    return cfg.x


def done(trial) -> int:
    return max(trial.intermediate_values, default=-1) + 1


def summary(trials):
    return [
        (t.number, t.state, t.params, t.value, t.intermediate_values, t.user_attrs.get("pauses"))
        for t in trials
    ]


@pytest.mark.long
@pytest.mark.parametrize("how", [task, early])
def test_a_study_keeps_to_its_epochs_and_completes_every_depth(inline, how):
    assert inline.run(*WITHIN, "hydra.sweeper.epochs=70", task=how) == 0
    trials = inline.trials
    used = sum(map(done, trials))
    assert used == 70
    states = {t.state for t in trials}
    assert states == {TrialState.COMPLETE, TrialState.WAITING}
    assert all(is_paused(t) for t in trials if t.state == TrialState.WAITING)
    for t in trials:
        if is_paused(t):
            assert done(t) == t.user_attrs["paused_at"] == t.user_attrs["until"]
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    assert {t.params["layers"] for t in complete} == {1, 2, 3, 4}
    depths = [t.params["layers"] for t in trials]
    assert max(map(depths.count, range(1, 5))) - min(map(depths.count, range(1, 5))) <= 1
    assert any(t.user_attrs.get("pauses", 0) > 1 for t in trials)
    assert inline.run(*WITHIN, "hydra.sweeper.epochs=70", task=how) == 0
    assert summary(inline.trials) == summary(trials), "nothing is left to do"


@pytest.mark.long
def test_a_spared_trial_is_not_the_one_that_is_guaranteed(inline):
    rule = [*WITHIN[:-1], "hydra.sweeper.stopping.control_every=2"]
    assert inline.run(*rule, "hydra.sweeper.epochs=100", task=task) == 0
    complete = [t for t in inline.trials if t.state == TrialState.COMPLETE]
    chosen = [t for t in complete if not t.user_attrs.get("spared")]
    assert {t.params["layers"] for t in chosen} == {1, 2, 3, 4}
    assert len(chosen) < len(complete)


@pytest.mark.long
@pytest.mark.parametrize(
    ("sampler", "epochs"), [("random", 80), pytest.param("tpe", 140, marks=pytest.mark.slow)]
)
def test_the_same_seed_gives_the_same_study(inline, sampler, epochs):
    twin = inline.named("twin")
    settings = [*WITHIN, f"hydra/sweeper/sampler={sampler}", f"hydra.sweeper.epochs={epochs}"]
    settings.append("hydra.sweeper.seed=1")
    for study in (inline, twin):
        assert study.run(*settings, task=early) == 0
    assert summary(inline.trials) == summary(twin.trials)
    late = [t.params["x"] for t in inline.trials][10:]  # TPE draws ten at random
    assert sampler == "random" or sum(late) / len(late) > 0.6, "TPE learns from paused trials"


@pytest.mark.long
def test_each_proposal_knows_all_earlier_trials(inline, monkeypatch):
    """Optuna keeps its list of trials until one is told to the study. One that pauses is not."""
    see, seen = PausedHistory.see, {}

    def recorded(self, study, trials):
        seen.setdefault(len(inline.trials), set()).add(len(trials))
        return see(self, study, trials)

    monkeypatch.setattr(PausedHistory, "see", recorded)
    inline.run(*WITHIN, "hydra/sweeper/sampler=tpe", "hydra.sweeper.epochs=70", task=task)
    assert len(seen) > 8 and seen == {number: {number} for number in seen}


@pytest.mark.slow
def test_a_database_keeps_pauses_too(inline, tmp_path):
    address = f"sqlite:///{tmp_path}/study.db"
    storage = f"hydra.sweeper.storage='{address}'"
    assert inline.run(*WITHIN, storage, "hydra.sweeper.epochs=50", task=task) == 0
    twin = inline.named("twin")
    assert twin.run(*WITHIN, "hydra.sweeper.epochs=50", task=task) == 0
    found = optuna.load_study(study_name="quick", storage=address).trials
    assert summary(found) == summary(twin.trials)


@pytest.mark.long
def test_a_larger_budget_goes_on_with_paused_trials(inline):
    assert inline.run(*WITHIN, "hydra.sweeper.epochs=60", task=task) == 0
    before = {t.number: done(t) for t in inline.trials if is_paused(t)}
    assert before
    assert inline.run(*WITHIN, "hydra.sweeper.epochs=120", task=task) == 0
    trials = inline.trials
    assert sum(map(done, trials)) == 120
    assert any(done(trials[number]) > epochs for number, epochs in before.items())


@pytest.mark.long
def test_a_continued_trial_that_is_put_back_keeps_its_standing(inline):
    """What a signal, or the death of its worker, makes of it: another attempt at the same slot."""
    hit = []

    def hit_once(cfg):
        for n in epochs(cfg):
            if cfg.ckpt_path and not hit and n == 2:
                hit.append(running_trial().number)
                raise Interrupted(15)
        return cfg.x

    twin = inline.named("twin")
    assert inline.run(*WITHIN, "hydra.sweeper.epochs=80", task=hit_once) == 0
    assert twin.run(*WITHIN, "hydra.sweeper.epochs=80", task=task) == 0
    (number,) = hit
    first = inline.trials[number]
    again = next(t for t in inline.trials if t.user_attrs.get("resumed_from") == number)
    assert first.state == TrialState.FAIL and first.user_attrs["paused_at"] == 1
    assert first.params == again.params and done(again) >= 2
    latest = {t.user_attrs["slot"]: t for t in inline.trials if t.number != number}
    assert len(latest) == len(twin.trials)
    for slot, trial in latest.items():
        other = twin.trials[slot]
        assert (trial.state, trial.params, trial.intermediate_values) == (
            other.state, other.params, other.intermediate_values,
        )  # fmt: skip


@pytest.mark.long
def test_a_trial_whose_checkpoint_is_lost_begins_again(inline):
    anew = []

    def observed(cfg):
        number = running_trial().number
        if cfg.ckpt_path is None and done(inline.trials[number]):
            anew.append(number)
        return task(cfg)

    assert inline.run(*WITHIN, "hydra.sweeper.epochs=60", task=observed) == 0
    paused = [t.number for t in inline.trials if is_paused(t)]
    assert paused and not anew
    for number in paused:
        (inline.folder / "trials" / str(number) / "checkpoints" / "last.ckpt").unlink()
    assert inline.run(*WITHIN, "hydra.sweeper.epochs=120", task=observed) == 0
    assert anew and set(anew) <= set(paused) and sum(map(done, inline.trials)) == 120


def test_without_a_rule_epochs_are_a_budget_too(inline):
    budget = ["hydra.sweeper.n_trials=null", f"+trainer.max_epochs={ALLOWANCE}"]
    assert inline.run(*budget, "hydra.sweeper.epochs=35", task=early) == 0
    trials = inline.trials
    assert {t.state for t in trials} == {TrialState.COMPLETE}
    assert 35 - ALLOWANCE < sum(map(done, trials)) <= 35
    assert inline.run("hydra.sweeper.n_trials=2", *budget[1:], "hydra.sweeper.epochs=99") == 0
    assert len(inline.trials) == len(trials), "the budget of trials holds too"


@pytest.mark.long
@pytest.mark.parametrize("n_trials", ["null", "40"])
def test_floors_are_met_within_a_budget_of_epochs(inline, n_trials):
    """Four of five trials that the epochs are sure to pay for, however many more may begin."""
    budget = [f"hydra.sweeper.n_trials={n_trials}", f"+trainer.max_epochs={ALLOWANCE}"]
    floors = ["hydra.sweeper.coverage={layers: 1}", "hydra.sweeper.epochs=50"]
    assert inline.run(*budget, *floors, task=task) == 0
    assert sorted({t.params["layers"] for t in inline.trials}) == [1, 2, 3, 4]
    assert len(inline.trials) == 5
    share = ["hydra.sweeper.coverage={layers: 20%}", "hydra.sweeper.epochs=100"]
    other = inline.named("share")
    assert other.run(*budget, *share, task=early) == 0
    depths = [t.params["layers"] for t in other.trials]
    assert min(map(depths.count, range(1, 5))) >= 2, "20 % of ten"
    with pytest.raises(ValueError, match="epochs=50 .* 5 trials"):
        inline.named("none").run(*budget, "hydra.sweeper.coverage={layers: 2}", *floors[1:])


@pytest.mark.long
def test_enqueued_configurations_begin_as_new_trials_do(inline):
    given = "hydra.sweeper.enqueue=[{x: 0.5, layers: 2}, {x: 0.25, layers: 2}]"
    assert inline.run(*WITHIN, given, "hydra.sweeper.epochs=60", task=task) == 0
    first, second, *_ = inline.trials
    assert (first.params["x"], second.params["x"]) == (0.5, 0.25)
    assert first.user_attrs["pauses"] >= 1 and "forced_to" not in first.user_attrs
    assert sum(map(done, inline.trials)) == 60


@pytest.mark.long
def test_the_baseline_runs_to_its_end_and_the_budget_holds(inline):
    """Also where the guarantee of every depth needs all epochs."""
    for epochs in (4 * ALLOWANCE, 60):
        study = inline.named(f"of-{epochs}")
        given = ["hydra.sweeper.baseline=true", f"hydra.sweeper.epochs={epochs}"]
        assert study.run(*WITHIN, *given, task=task) == 0
        first = study.trials[0]
        assert first.user_attrs["baseline"] and "pauses" not in first.user_attrs
        assert first.state == TrialState.COMPLETE and done(first) == ALLOWANCE
        assert sum(map(done, study.trials)) <= epochs
        ended = {t.params["layers"] for t in study.trials if t.state == TrialState.COMPLETE}
        assert ended == {1, 2, 3, 4}


EPOCHS = f"epochs={ALLOWANCE}"


def by_slot(trials):
    found = {t.user_attrs["slot"]: t for t in trials}
    return {
        slot: (t.state, t.params, t.intermediate_values, t.user_attrs.get("paused_at"))
        for slot, t in found.items()
    }


@pytest.mark.slow
def test_a_worker_killed_inside_a_continued_trial_changes_nothing(engine, tmp_path):
    """Workers of their own processes; the trial is given again and stands where it stood."""
    whole = Engine(tmp_path, "whole")
    settings = [*WITHIN, EPOCHS, "hydra.sweeper.epochs=60", "hydra.sweeper.n_jobs=1"]
    whole.run(*settings)
    continued = next(t.number for t in whole.trials() if t.user_attrs.get("pauses", 0) > 1)
    output = engine.run(*settings, f"dies='number == {continued} and epoch == 1'")
    trials = engine.trials()
    assert trials[continued].user_attrs["crashes"] == 1, output
    assert trials[continued].user_attrs["paused_at"] == 1
    assert by_slot(trials) == by_slot(whole.trials())


@pytest.mark.slow
def test_a_real_study_of_pausing_trials(tmp_path):
    settings = [
        "train.py", "-m", "hparams_search=halving", "data=digits", "model.kernel_size=3",
        "trainer.max_epochs=6", "z_layers.max=2", "hydra.sweeper.epochs=36",
        "hydra.sweeper.stopping.guarantee=1", "hydra.sweeper.n_jobs=2",
        f"paths.log_dir={tmp_path}", "logger=csv",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, *settings], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = find_study("halving", tmp_path)
    assert sum(len(t.curve) for t in record.trials) == 36
    complete = [t for t in record.trials if t.state == "complete"]
    assert {t.params["model.z_layers"] for t in complete} == {1, 2}
    for trial in record.trials:
        folder = tmp_path / "studies" / "halving" / "trials" / str(trial.number)
        assert read_metrics(folder)["val/acc"] == trial.curve
        assert (folder / "result.json").exists() == (trial.state == "complete")
    assert any(t.attrs.get("pauses", 0) > 1 for t in complete)


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["hydra.sweeper.epochs=null", "hydra.sweeper.n_trials=9"], "epochs=90 "),
        (["hydra.sweeper.epochs=9"], "hydra.sweeper.epochs"),
        (["hydra.sweeper.epochs=39"], "guarantee"),
        (["hydra/sweeper/pruner=median"], "pruner"),
        (["hydra.sweeper.coverage={layers: 2}"], "coverage"),
        (["hydra.sweeper.control=10%", "hydra.sweeper.control_changes={x: 0.5}"], "control_every"),
        (["hydra/sweeper/sampler=brute"], "combinations"),
        (["hydra.sweeper.params={x: 'choice(0.25, 0.5)', layers: 'range(1, 4)'}"], "all 6 "),
        (["hydra.sweeper.stopping.within=x.y"], "within"),
        (["hydra.sweeper.stopping.within=[layers]"], "within"),
        (["hydra.sweeper.replicate=50%"], "replicate"),
        (["hydra.sweeper.n_trials=3"], "promises 4 "),
        (["hydra.sweeper.epochs=null"], "hydra.sweeper.epochs=1600"),
        (["hydra.sweeper.stopping.factor=1"], "factor"),
        (["trainer.max_epochs=-1"], "max_epochs"),
        (["+callbacks={}"], "BestAndLast"),
        (["+callbacks={checkpoint: {_target_: zmodel.callbacks.BestAndLast}}"], "StudyReport"),
        (["hydra.sweeper.direction=[maximize,minimize]", "optimized_metric=[a,b]"], "objective"),
    ],
)
def test_what_cannot_work_is_refused_before_the_first_trial(inline, overrides, names):
    with pytest.raises(ValueError, match=names):
        inline.run(*WITHIN, "hydra.sweeper.epochs=70", *overrides, task=task)
    assert not inline.folder.exists()


@pytest.mark.long
def test_a_guarantee_that_failures_have_cost_is_told(inline):
    def deep_fails(cfg):
        for n in epochs(cfg):
            if cfg.layers == 4 and n == 5:
                raise RuntimeError("diverged")
        return cfg.x

    limit = "hydra.sweeper.max_failure_rate=1"
    assert inline.run(*WITHIN, limit, "hydra.sweeper.epochs=50", task=deep_fails) == 3
    complete = {t.params["layers"] for t in inline.trials if t.state == TrialState.COMPLETE}
    assert complete == {1, 2, 3} and sum(map(done, inline.trials)) <= 50


@pytest.mark.long
def test_too_few_trials_for_the_guarantee_are_named(inline, capfd):
    def shallow_fails_once(cfg):
        if cfg.layers == 1 and not failed:
            failed.append(1)
            raise RuntimeError("diverged")
        return task(cfg)

    failed: list[int] = []
    few = ["hydra.sweeper.n_trials=4", "hydra.sweeper.epochs=500"]
    few.append("hydra.sweeper.max_failure_rate=1")
    assert inline.run(*WITHIN, *few, task=shallow_fails_once) == 3
    assert "hydra.sweeper.n_trials" in capfd.readouterr().err.splitlines()[0]
    # a further depth begins only where its epochs are paid for
    assert inline.run(*WITHIN, "hydra.sweeper.n_trials=null", "hydra.sweeper.epochs=80",
                      task=task) == 0  # fmt: skip


def test_a_task_that_pauses_and_has_not_reported_fails(inline):
    def silent(cfg):
        raise Paused

    assert inline.run(*WITHIN, "hydra.sweeper.epochs=40", task=silent) == 3
    assert all(t.state == TrialState.FAIL for t in inline.trials)


@pytest.mark.long
def test_one_group_where_no_depth_is_searched(inline):
    assert inline.run(*RULE, "hydra.sweeper.epochs=50", task=task) == 0
    assert sum(map(done, inline.trials)) == 50


@pytest.mark.long
@pytest.mark.parametrize("budget", ["n_trials=20", "epochs=200"])
def test_without_the_rule_paused_trials_go_on_to_their_end(inline, budget):
    assert inline.run(*WITHIN, "hydra.sweeper.epochs=60", task=task) == 0
    before = [t.number for t in inline.trials if is_paused(t)]
    assert 0 < len(before) < len(inline.trials) < 20
    none = [*RULE[1:], "hydra.sweeper.epochs=null", f"hydra.sweeper.{budget}"]
    assert inline.run(*none, "hydra/sweeper/stopping=none", task=task) == 0
    (change,) = inline.study.user_attrs["changes"]
    assert [line.partition(":")[0] for line in change["lines"]] == ["stopping"]
    assert {(t.state, done(t)) for t in inline.trials} == {(TrialState.COMPLETE, ALLOWANCE)}
    assert len(inline.trials) == 20


def test_given_trials_cost_no_depth_its_completed_one(inline):
    given = ", ".join(f"{{layers: 1, x: 0.{n}}}" for n in range(1, 7))
    enqueue = f"hydra.sweeper.enqueue=[{given}]"
    budget = ["hydra.sweeper.epochs=40", "hydra.sweeper.baseline=false"]
    assert inline.run(*WITHIN, *budget, enqueue, task=task) == 0
    complete = [t for t in inline.trials if t.state == TrialState.COMPLETE]
    assert {t.params["layers"] for t in complete} == {1, 2, 3, 4}
    assert sum(map(done, inline.trials)) == 40
    (first,) = [t for t in complete if t.params["layers"] == 1]
    assert first.params["x"] in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def test_a_budget_of_epochs_counts_what_the_result_of_a_run_states(inline):
    """A run of several folds reports one value for each, and its result has the epochs of all."""

    def folds(cfg):
        running_trial().tell_folds(2)
        for fold in range(2):
            running_trial().report(fold, cfg.x)
        folder = Path(HydraConfig.get().runtime.output_dir)
        (folder / "result.json").write_text('{"epochs": 20}')
        return cfg.x

    budget = ["hydra.sweeper.epochs=100", "hydra.sweeper.n_trials=null"]
    assert inline.run(*budget, "+trainer.max_epochs=10", "+data.folds=2", task=folds) == 0
    assert [t.user_attrs["epochs"] for t in inline.trials] == [20] * 5
    assert [t.user_attrs["folds"] for t in inline.trials] == [2] * 5
    unknown = inline.named("unknown")  # "auto": known once a trial is complete
    assert unknown.run(*budget, "+trainer.max_epochs=10", "+data.folds=auto", task=folds) == 0
    assert [t.user_attrs["epochs"] for t in unknown.trials] == [20] * 5


@pytest.mark.parametrize("rule", ["none", "depth_halving"])
def test_trials_that_fail_at_once_use_up_a_budget_of_epochs(inline, rule):
    def fails(cfg):
        raise RuntimeError("diverged")

    limits = ["hydra.sweeper.epochs=24", "hydra.sweeper.max_failure_rate=1"]
    settings = [*RULE[1:], f"hydra/sweeper/stopping={rule}", *limits]
    assert inline.run(*settings, task=fails) in (0, 3)
    assert 0 < len(inline.trials) <= 24


@pytest.mark.parametrize("rule", ["none", "depth_halving"])
def test_a_budget_of_epochs_ends_where_nothing_is_reported(inline, rule):
    settings = [*RULE[1:], f"hydra/sweeper/stopping={rule}", "hydra.sweeper.epochs=50"]
    assert inline.run(*settings, task=lambda cfg: cfg.x) == 1
    assert len(inline.trials) == 1


def test_a_rule_needs_a_report_after_every_step(inline):
    """A task that measures every fifth epoch would pause late, and beyond the budget."""

    def rarely(cfg):
        for epoch in range(ALLOWANCE):
            if epoch % 5 == 4:
                running_trial().report(epoch, cfg.x)
                last_checkpoint().write_text(str(epoch))
                if pauses_after(epoch + 1):
                    raise Paused
        return cfg.x

    assert inline.run(*WITHIN, "hydra.sweeper.epochs=70", task=rarely) == 1
    assert not any(is_paused(t) for t in inline.trials)
