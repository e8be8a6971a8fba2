"""Verdicts on studies whose truth is known: what must be said, and what must not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from zmodel import analysis
from zmodel.analysis.examine import Findings
from zmodel.analysis.simulate import DEPTH, Truth, simulate
from zmodel.analysis.terminal import overview
from zmodel.analysis.verdict import SEVERITIES
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


@pytest.mark.parametrize("seed", range(3))
def test_a_study_that_gave_every_depth_its_trials_is_believable(seed):
    study = simulate(
        Truth(ceiling=(0.76, 0.86, 0.93, 0.90, 0.86), tau=(3, 4, 5, 6, 7)),
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
    assert any("completed enough trials" in c for c in believable.evidence["checks"])


def test_underexplored_offers_the_command_that_mends_it():
    study = replace(
        naive(0),
        attrs={"command": "python train.py -m hparams_search=naive seed=1", "n_trials": 50},
    )
    verdict = next(v for v in analysis.judge(study) if v.code == "underexplored")
    assert verdict.action.startswith("python train.py -m hparams_search=naive seed=1 ")
    assert "'hydra.sweeper.coverage={model.z_layers: 5}'" in verdict.action
    assert int(verdict.action.rsplit("n_trials=", 1)[1]) > 50
    assert verdict.evidence["completed"] < verdict.evidence["trials"]


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
    offered = replace(rising, attrs={"command": "python train.py -m hparams_search=zlayers"})
    action = next(v for v in analysis.judge(offered) if v.code == "boundary").action
    assert "study_name=s-wider" in action and "z_layers.max=7" in action


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
    assert worst(replace(study, trials=tuple(again)), "duplicates") == "warning"
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
    assert analysis.history(odd).steps[-1].best == 1.0
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
