"""Verdicts on studies whose truth is known: what must be said, and what must not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from zmodel import analysis
from zmodel.analysis.findings import Findings
from zmodel.analysis.headline import headline
from zmodel.analysis.page.terminal import overview
from zmodel.analysis.replay.simulate import DEPTH, WIDTH, Truth, simulate
from zmodel.analysis.rules import underexplored
from zmodel.analysis.rules.judge import _believable
from zmodel.analysis.rules.verdict import SEVERITIES, Verdict
from zmodel.analysis.rules.wider_bounds import wider_command
from zmodel.analysis.statistics.could_win import could_win
from zmodel.study.records import StudyRecord, TrialRecord

START = datetime(2026, 1, 1)
SPACE = {DEPTH: IntDistribution(1, 5)}


def naive(seed: int) -> StudyRecord:
    """The study of the story: univariate TPE and a pruner that is asked from the first epoch."""
    return simulate(
        Truth(),
        50,
        seed,
        sampler=optuna.samplers.TPESampler(seed=seed, multivariate=False, constant_liar=False),
        pruner=optuna.pruners.MedianPruner(),
    )


def worst(study: StudyRecord, code: str) -> str | None:
    found = [v for v in analysis.judge(study) if v.code == code]
    return max((v.severity for v in found), key=SEVERITIES.index) if found else None


def only(study: StudyRecord, code: str) -> Verdict:
    return next(v for v in analysis.judge(study) if v.code == code)


def hand_made(values: dict[int, list[float]], **more: Any) -> StudyRecord:
    """A study of completed trials with these values per depth, in turn."""
    pairs = [(z, v) for z, column in values.items() for v in column]
    trials = [
        TrialRecord(
            i, "complete", {DEPTH: z, "x": i / 100}, (v,), {}, START + timedelta(minutes=i),
            START + timedelta(minutes=i + 1),
        )
        for i, (z, v) in enumerate(pairs)
    ]  # fmt: skip
    space = {**SPACE, "x": FloatDistribution(-1, 9)}
    return StudyRecord("s", ("maximize",), space, tuple(trials), attrs=more)


@pytest.mark.parametrize("seed", range(3))
def test_the_collapse_of_the_story_is_an_alarm(seed):
    assert worst(naive(seed), "underexplored") == "alarm"


class AnyWidth(Truth):
    """The usual one gains with the width up to its bound, and `boundary` says so."""

    def reach_and_tau(self, params: dict) -> tuple[float, float]:
        return super().reach_and_tau({**params, WIDTH: 64})


@pytest.mark.parametrize("seed", range(3))
def test_a_study_that_gave_every_depth_its_trials_is_believable(seed):
    study = simulate(
        AnyWidth(ceiling=(0.76, 0.86, 0.93, 0.90, 0.86), tau=(3, 4, 5, 6, 7)),
        60,
        seed,
        sampler=optuna.samplers.TPESampler(seed=seed),
        floor=6,
    )
    codes = {v.code: v.severity for v in analysis.judge(study)}
    assert codes.get("believable") == "ok"
    believable = next(v for v in analysis.judge(study) if v.code == "believable")
    # only what was checked may be claimed: no final stage, no train accuracy was recorded
    assert not any("test set" in c or "training data" in c for c in believable.evidence["checks"])
    assert underexplored.CHECK in believable.evidence["checks"]


def test_underexplored_offers_the_command_that_mends_it():
    study = replace(
        naive(0),
        attrs={"command": "python train.py -m hparams_search=naive seed=1", "n_trials": 50},
    )
    verdict = next(v for v in analysis.judge(study) if v.code == "underexplored")
    assert verdict.action.startswith("python train.py -m hparams_search=naive seed=1 ")
    assert "'hydra.sweeper.coverage={model.z_layers: 5}'" in verdict.action
    # floors that the study has are kept, this one is raised
    floors = {"model.width": 3, DEPTH: "10%"}
    again = only(replace(study, attrs={**study.attrs, "coverage": floors}), "underexplored")
    assert "coverage={model.width: 3, model.z_layers: 5}" in again.action
    assert int(verdict.action.rsplit("n_trials=", 1)[1]) > 50
    assert verdict.evidence["completed"] < verdict.evidence["trials"]


def test_what_is_still_to_come_is_not_asked_for_again():
    done = hand_made({3: [0.5] * 4})
    attrs = {"command": "python train.py -m x=y", "n_trials": 10}
    begun = replace(done.trials[0], number=4, state="running", values=None)
    running = replace(done, attrs=attrs, trials=(*done.trials, begun))
    assert only(running, "few_trials").action == "wait: 6 more trials are to come"
    # nobody works on it any more: the same command goes on
    assert only(replace(done, attrs=attrs), "few_trials").action.endswith("n_trials=10")
    # a floor of 5 at 5 depths takes 25 trials, of which 4 are done and 6 are to come anyway
    assert only(running, "underexplored").action.endswith("n_trials=25")


def test_a_value_left_with_reason_is_only_noted():
    good = [0.8 + i / 200 for i in range(15)]
    study = hand_made({1: [0.2, 0.25, 0.22], 2: good, 3: good, 4: good, 5: good})
    assert worst(study, "underexplored") == "note"
    never = hand_made({1: [], 2: good, 3: good, 4: good, 5: good})
    assert worst(never, "underexplored") == "alarm"


def test_pruning_bias_is_found_when_one_depth_loses_its_trials():
    study = hand_made({z: [0.5 + z / 10] * 10 for z in range(1, 6)})
    trials = [
        replace(t, state="pruned", curve={0: 0.1}) if t.params[DEPTH] == 5 and t.number % 10 else t
        for t in study.trials
    ]
    biased = replace(study, trials=tuple(trials))
    assert worst(biased, "pruning_bias") == "warning"
    gone = [replace(t, state="pruned") if t.params[DEPTH] == 5 else t for t in trials]
    assert worst(replace(study, trials=tuple(gone)), "pruning_bias") == "alarm"
    fair = [replace(t, state="pruned") if t.number % 2 else t for t in study.trials]
    assert worst(replace(study, trials=tuple(fair)), "pruning_bias") is None


def test_boundary_warns_when_the_best_trials_crowd_at_a_bound():
    rising = hand_made({z: [z / 10 + i / 1000 for i in range(10)] for z in range(1, 6)})
    verdict = next(v for v in analysis.judge(rising) if v.code == "boundary")
    assert (verdict.severity, verdict.param) == ("warning", DEPTH)
    inside = hand_made(
        {z: [0.9 - abs(z - 3) / 10 + i / 1000 for i in range(10)] for z in range(1, 6)}
    )
    assert worst(inside, "boundary") is None
    command = "python train.py -m hparams_search=zlayers"
    offered = replace(rising, attrs={"command": command, "fixed": {"z_layers.max": 5}})
    action = only(offered, "boundary").action
    assert "z_layers.max=7" in action and "hydra.sweeper.on_change=widen" in action
    # a study that has no such setting gets a range
    action = only(replace(rising, attrs={"command": command}), "boundary").action
    assert f"'{DEPTH}=int(interval(1,7))'" in action
    assert only(replace(rising, attrs={}), "boundary").action.startswith("widen")


@pytest.mark.parametrize(
    ("now", "side", "text"),
    [
        (FloatDistribution(1e-3, 1e-1, log=True), "high", "tag(log,interval(0.001,0.46))"),
        (FloatDistribution(1e-3, 1e-1, log=True), "low", "tag(log,interval(0.00022,0.1))"),
        (FloatDistribution(0.0, 0.3), "high", "interval(0.0,0.4)"),
        (FloatDistribution(0.0, 0.9), "high", "interval(0.0,0.95)"),
        (FloatDistribution(0.0, 0.3), "low", None),
        (FloatDistribution(0.1, 0.4, step=0.1), "high", "range(0.1,0.6,0.1)"),
        (IntDistribution(16, 96, log=True), "high", "tag(log,int(interval(16,175)))"),
        (IntDistribution(1, 9, log=True), "low", None),
        (IntDistribution(1, 5), "low", "int(interval(0,5))"),
        (IntDistribution(0, 8, step=4), "high", "range(0,16,4)"),
    ],
)
def test_a_bound_moves_by_a_third_of_the_range_and_stays_among_the_numbers(now, side, text):
    study = hand_made({1: [0.5]})
    study = replace(study, space={"p": now}, attrs={"command": "python train.py -m a=b"})
    command = wider_command(study, "p", side)
    assert command == text or f"p={text}" in command


def test_a_boundary_is_described_by_the_other_top_trials_only():
    alone = only(hand_made({1: [0.9], 3: [0.5] * 9}), "boundary").message
    assert alone == (
        "The best trial has z_layers = 1, the lower bound of its range. This may be chance."
    )
    two = only(hand_made({1: [0.9, 0.8], 3: [0.5] * 9}), "boundary").message
    assert "1 of the other 4 " in two


def test_a_study_of_one_depth_is_judged_without_it():
    study = hand_made({3: [0.5 + i / 100 for i in range(12)]})
    fixed = replace(study, space={**study.space, DEPTH: IntDistribution(3, 3)})
    assert [v.code for v in analysis.judge(fixed)] == ["believable"]
    found = analysis.values(fixed)
    assert (found.main.param, found.depth) == ("x", None)


@pytest.mark.parametrize("state", ["pruned", "failed"])
def test_a_study_without_a_completed_trial_says_why(state):
    study = hand_made({z: [0.5] * 2 for z in range(1, 6)})
    lost = [replace(t, state=state, values=None, curve={0: 0.1}) for t in study.trials]
    none = replace(study, trials=tuple(lost))
    assert worst(none, "pruning_bias" if state == "pruned" else "failures") == "alarm"
    assert "luck" not in only(none, "few_trials").message
    assert headline(Findings(none), []).startswith("No trial has completed:")
    waiting = replace(none, trials=(*lost, replace(lost[0], number=10, state="running")))
    assert headline(Findings(waiting), []).startswith("No trial has completed yet:")


def test_several_objectives_are_judged_by_the_first_and_it_is_said():
    study = hand_made({z: [0.5 + z / 10] * 5 for z in range(1, 6)})
    trials = tuple(replace(t, values=(t.value, 7.0)) for t in study.trials)
    both = replace(
        study, trials=trials, directions=("maximize", "minimize"),
        attrs={"optimized_metric": ["val/acc_best", "parameters"]},
    )  # fmt: skip
    assert "Only val/acc_best" in headline(Findings(both), [])
    assert "val/acc_best" in _believable(both, ["x"]).message
    assert "val/acc_best 1, parameters 7" in overview(Findings(both), [])


def test_duplicates_are_no_fault_of_the_sampler_in_a_space_of_few_points():
    study = hand_made({z: [0.5, 0.6, float("inf")] for z in range(1, 6)})
    trials = tuple(replace(t, params={DEPTH: t.params[DEPTH]}) for t in study.trials)
    small = only(replace(study, space=SPACE, trials=trials), "duplicates")
    assert small.severity == "note" and " 5 combinations" in small.message
    assert " 0.1:" in small.message


def test_early_stopping_bias_offers_a_longer_study():
    slow = simulate(
        Truth(epochs=20, patience=20, tau=(1, 1, 1, 30, 40)), 60, 0, floor=10,
        sampler=optuna.samplers.RandomSampler(seed=0),
    )  # fmt: skip
    attrs = {"command": "python train.py -m x=y", "fixed": {"trainer.max_epochs": 20}}
    verdict = only(replace(slow, attrs=attrs), "early_stopping_bias")
    assert verdict.severity == "warning" and "z_layers = 4 and 5" in verdict.message
    assert verdict.action == (
        "python train.py -m x=y study_name=simulated-longer hydra.sweeper.from_study=simulated "
        "trainer.max_epochs=40"
    )
    assert only(slow, "early_stopping_bias").action.startswith("raise trainer.max_epochs")
    other = replace(slow, attrs={"optimized_metric": None})  # a program without that key
    assert "max_epochs" not in only(other, "early_stopping_bias").action


@pytest.mark.parametrize(("ceiling", "severity"), [(0.92, "warning"), (0.5, "note")])
def test_a_depth_that_cannot_win_any_more_is_no_warning(ceiling, severity):
    """One depth is still rising when its epochs end; the others reach .9."""
    slow = simulate(
        Truth(epochs=20, patience=20, ceiling=(ceiling, 0.9, 0.9, 0.9, 0.9), tau=(15, 1, 1, 1, 1)),
        60, 0, floor=10, sampler=optuna.samplers.RandomSampler(seed=0),
    )  # fmt: skip
    found = analysis.stopping(slow).depths[0]
    assert found.leaders_cut >= found.leaders / 2, "its trials are cut"
    assert worst(slow, "early_stopping_bias") == severity
    assert could_win(slow, "1", longer=True) is (severity == "warning")
    assert could_win(slow, "2") and could_win(slow, "1", lost=0.6)


def test_what_patience_costs_a_depth_that_trails_by_more_is_a_note():
    patient = dict(enumerate([0.1, 0.2] + [0.1] * 4 + [0.3]))
    study = hand_made({1: [0.3] * 3, 2: [0.9] * 3}, fixed={"callbacks.early_stopping.patience": 3})
    trials = [replace(t, curve=patient, attrs={"control": True}) for t in study.trials[:3]]
    trials += [replace(t, curve=dict.fromkeys(range(7), 0.9)) for t in study.trials[3:]]
    trailing = replace(study, trials=tuple(trials))
    assert analysis.stopping(trailing).depths[0].control_regret == pytest.approx(0.1)
    assert worst(trailing, "early_stopping_bias") == "note"


def test_a_loss_that_exploded_does_not_hide_what_patience_costs():
    """The cost is a part of the best value, not of the largest."""
    patient = dict(enumerate([0.5, 0.4] + [0.5] * 4 + [0.3]))
    study = hand_made({1: [0.3] * 3, 2: [0.9, 0.9, 1e6]})
    trials = [replace(t, curve=patient, attrs={"control": True}) for t in study.trials[:3]]
    trials += [replace(t, curve=dict.fromkeys(range(7), t.value)) for t in study.trials[3:]]
    attrs = {"fixed": {"callbacks.early_stopping.patience": 3}}
    study = replace(study, directions=("minimize",), trials=tuple(trials), attrs=attrs)
    assert analysis.stopping(study).depths[0].control_regret == pytest.approx(0.1)
    assert worst(study, "early_stopping_bias") == "warning"


def test_a_winner_at_a_bound_is_a_warning_also_beside_a_depth_that_was_hardly_tried():
    """As it was seen: the five best trials have 5 layers, and two trials have 4."""
    seen = {1: [0.93] * 3, 2: [0.97, 0.98] * 3, 3: [0.98] * 6, 4: [0.97, 0.975]}
    best = [0.985 + i / 1000 for i in range(8)]
    command = "python train.py -m hparams_search=zlayers"
    attrs = {"command": command, "fixed": {"z_layers.max": 5}}
    verdict = only(replace(hand_made({**seen, 5: best}), attrs=attrs), "boundary")
    assert verdict.severity == "warning" and "z_layers.max=7" in verdict.action
    better = hand_made({**seen, 4: [0.97, 0.98, 0.99, 0.9905, 0.991, 0.9915], 5: best})
    assert worst(better, "boundary") == "note", "4 layers are no worse"


def test_a_bound_of_the_numbers_themselves_is_no_warning():
    values = {z: [0.5 + z / 100 - i / 20 for i in range(9)] for z in range(1, 6)}
    study = hand_made(values)
    trials = [replace(t, params={DEPTH: 3, "x": (t.number % 9) / 8}) for t in study.trials]
    none_below = replace(study, trials=tuple(trials), space={"x": FloatDistribution(0, 1)})
    verdict = only(none_below, "boundary")
    assert (verdict.severity, verdict.param, verdict.action) == ("note", "x", None)


def stuck(study: StudyRecord, which) -> StudyRecord:
    trials = (replace(t, attrs={**t.attrs, "never_learned": bool(which(t))}) for t in study.trials)
    return replace(study, trials=tuple(trials))


def test_a_depth_that_never_learned_is_an_alarm():
    study = hand_made({z: [0.1 + z / 10] * 5 for z in range(1, 6)})
    assert worst(study, "never_learned") is None  # of plain Optuna: nothing is known
    assert worst(stuck(study, lambda t: False), "never_learned") is None
    found = only(stuck(study, lambda t: t.params[DEPTH] == 5), "never_learned")
    assert (found.severity, found.param) == ("alarm", DEPTH)
    assert found.evidence["never_learned"] == {"1": 0, "2": 0, "3": 0, "4": 0, "5": 5}
    few = only(stuck(study, lambda t: t.number % 5 == 0), "never_learned")
    assert (few.severity, few.param, few.action) == ("note", None, None)
    half = only(stuck(study, lambda t: t.number % 5 < 3), "never_learned")
    assert (half.severity, half.param) == ("alarm", None)
    attrs = {"command": "python train.py -m x=y", "fixed": {"callbacks.early_stopping.patience": 8}}
    offered = replace(stuck(study, lambda t: True), attrs=attrs)
    assert only(offered, "never_learned").action.endswith("early_stopping.patience=32")
    attrs["fixed"] |= {"model.scheduler": None}
    assert only(replace(offered, attrs=attrs), "never_learned").action.endswith("schedule=warmup")
    foreign = replace(offered, attrs={**attrs, "optimized_metric": None})
    assert "schedule" not in only(foreign, "never_learned").action, "no group of its program"
    attrs["fixed"] |= {"model.scheduler": "{_target_: another}"}
    assert "patience=32" in only(replace(offered, attrs=attrs), "never_learned").action


def test_few_trials_failures_and_duplicates_are_counted():
    few = hand_made({3: [0.5, 0.6]})
    assert worst(few, "few_trials") == "alarm"
    study = hand_made({z: [0.5] * 5 for z in range(1, 6)})
    failing = [
        replace(
            t, state="failed", values=None, attrs={"fail_reason": "ValueError: loss is nan\nat 3"}
        )
        if t.number % 3 == 0
        else t
        for t in study.trials
    ]
    verdict = next(
        v for v in analysis.judge(replace(study, trials=tuple(failing))) if v.code == "failures"
    )
    assert verdict.severity == "alarm" and "ValueError: loss is nan." in verdict.message
    again = [replace(t, params={**t.params, "x": 0.0}) for t in study.trials]
    repeated = replace(study, trials=tuple(again))
    assert worst(repeated, "duplicates") == "note"
    assert "5 completed configurations" in only(repeated, "few_trials").message
    assert worst(study, "duplicates") is None


def test_overfitting_reads_the_best_trial():
    study = hand_made({z: [0.5 + z / 10] * 5 for z in range(1, 6)})
    metrics = {"train/acc": 0.99, "val/acc": 0.8}
    learned = replace(
        study, trials=tuple(replace(t, attrs={"metrics": metrics}) for t in study.trials)
    )
    assert worst(learned, "overfitting") == "warning"
    assert worst(study, "overfitting") is None


def test_an_infinite_value_is_a_failure_and_never_the_best():
    study = hand_made({z: [0.5 + z / 10] * 5 for z in range(1, 6)})
    trials = (*study.trials, replace(study.trials[0], number=99, values=(float("inf"),)))
    odd = replace(study, trials=trials)
    assert analysis.history(odd).steps[-1].best_so_far == 1.0
    assert "not finite" in next(v.message for v in analysis.judge(odd) if v.code == "failures")


def test_the_terminal_shows_no_escape_sequences_of_others_and_colour_only_on_a_terminal(
    monkeypatch,
):
    evil = "\x1b[2J\x1b]0;owned\x07"
    study = replace(hand_made({z: [0.5] * 3 for z in range(1, 6)}), name=evil)
    findings = Findings(study)
    text = overview(findings, analysis.judge(study))
    assert "\x1b" not in text and "\x07" not in text

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in overview(findings, analysis.judge(study), Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in overview(findings, analysis.judge(study), Terminal())
