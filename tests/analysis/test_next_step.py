"""What a study has left open, and the one command that it asks for next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from zmodel.analysis.findings import Findings
from zmodel.analysis.next_step import next_step
from zmodel.analysis.open_space import open_space, part_left
from zmodel.analysis.page.head import head_of
from zmodel.analysis.page.html import verdict_list
from zmodel.analysis.page.terminal import overview
from zmodel.analysis.rules.judge import judge
from zmodel.analysis.rules.suggested_commands import (
    budget_with,
    final_command,
    report_command,
    run_command,
    sweep_command,
)
from zmodel.study.distribution_values import in_words
from zmodel.study.records import StudyRecord, TrialRecord

DEPTH, LR = "model.z_layers", "lr"
SPACE = {
    DEPTH: IntDistribution(1, 5),
    LR: FloatDistribution(1e-4, 1e-1, log=True),
    "act": CategoricalDistribution(["relu", "tanh"]),
}
ATTRS = {"command": "python train.py -m study_name=s", "n_trials": 120}


def study_of(count: int = 120, seed: int = 0, **more) -> StudyRecord:
    """The best depth is 3, the best rate .01, tanh loses."""
    rng = np.random.default_rng(seed)
    trials = []
    for i in range(count):
        params = {DEPTH: 1 + i % 5, LR: 10 ** rng.uniform(-4, -1), "act": ("relu", "tanh")[i % 2]}
        value = 0.9 - 0.1 * abs(params[DEPTH] - 3) - 0.1 * abs(np.log10(params[LR]) + 2)
        value += rng.normal(0, 0.003) - 0.2 * (i % 2)
        trials.append(TrialRecord(i, "complete", params, (value,), {}, None, None, {}))
    return StudyRecord("s", ("maximize",), SPACE, tuple(trials), attrs={**ATTRS, **more})


def test_ranges_are_around_what_cannot_be_ruled_out_and_the_rest_is_fixed():
    left = open_space(study_of())
    assert left["act"] == CategoricalDistribution(["relu"])
    assert left[DEPTH].low <= 3 <= left[DEPTH].high and left[DEPTH] != SPACE[DEPTH]
    assert 1e-4 < left[LR].low < 1e-2 < left[LR].high < 1e-1 and left[LR].log
    assert part_left(SPACE, left) < 0.25 and part_left(SPACE, SPACE) == pytest.approx(1)
    assert in_words(left["act"]) == "relu" and in_words(IntDistribution(2, 4)) == "2 to 4"


def test_what_was_hardly_tried_stays_open():
    study = study_of()
    rest = tuple(t for t in study.trials if t.params[DEPTH] != 5 and t.params["act"] == "relu")
    left = open_space(replace(study, trials=rest))
    assert left[DEPTH].high == 5 and set(left["act"].choices) == {"relu", "tanh"}


def test_the_best_configuration_is_left_in_nearly_every_study():
    inside = 0
    for seed in range(40):
        left = open_space(study_of(60, seed))
        depth, rate = left[DEPTH], left[LR]
        inside += depth.low <= 3 <= depth.high and rate.low <= 1e-2 <= rate.high
    assert inside >= 38


def step_of(study: StudyRecord):
    findings = Findings(study)
    return next_step(findings, judge(findings))


def test_one_command_is_recommended_with_its_reason():
    assert "n_trials" not in step_of(study_of(100)).command  # its budget is not used up
    few = step_of(study_of(5, n_trials=5))
    assert "hydra.sweeper.n_trials" in few.command and "underexplored" in few.why
    whole = study_of()
    assert step_of(whole).command == "python train.py -m hparams_search=final study=s"
    noted = {"validated": 20_000, "majority": 0.1}
    trials = tuple(replace(t, attrs=noted) for t in whole.trials)
    told = {**ATTRS, "optimized_metric": ["val/acc_best"]}
    more = step_of(replace(whole, trials=trials[:40], attrs={**told, "n_trials": 40}))
    assert "may gain" in more.why and "hydra.sweeper.n_trials=60" in more.command
    assert step_of(replace(whole, attrs={})).command is None


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        ({"n_trials": 12}, {"hydra.sweeper.n_trials": 15}),
        ({"epochs": 48, "n_trials": None}, {"hydra.sweeper.epochs": 48 + 3 * 12}),
        ({"epochs": 48, "n_trials": 12},
         {"hydra.sweeper.n_trials": 15, "hydra.sweeper.epochs": 48 + 3 * 12}),
    ],
)  # fmt: skip
def test_further_trials_cost_what_completed_ones_did(attrs, expected):
    """In a study that pauses a completed trial has cost a share of the paused ones, too."""
    study = study_of(12, **attrs)
    states = ["complete"] * 4 + ["paused"] * 8
    trials = tuple(replace(t, state=s) for t, s in zip(study.trials, states, strict=True))
    assert budget_with(replace(study, trials=trials), 3) == expected


def test_the_first_screen_says_which_configuration_and_what_next(tmp_path):
    study = study_of()
    findings = Findings(study)
    verdicts = judge(findings)
    step = next_step(findings, verdicts)
    head = head_of(findings, verdicts, step, tmp_path)
    best = study.best_first[0]
    assert f"Trial {best.number}: <code>z_layers=3 lr=" in head
    assert step.command is not None and head.count(step.command) == 1
    assert step.command not in verdict_list(verdicts, step.command), "it is not repeated below"
    text = overview(findings, verdicts)
    assert text.count(step.command) == 1 and text.endswith(f"next     {step.command}")
    begun = replace(best, number=120, state="running", values=None)
    going = Findings(replace(study, trials=(*study.trials, begun)))
    step = next_step(going, [])
    assert "wait" in head_of(going, [], step, tmp_path) and "next  " not in overview(going, [])


def test_commands_lead_to_where_the_study_lies_now(tmp_path):
    moved = study_of(command="python train.py -m study_name=s paths.log_dir=/elsewhere")
    for folder, log_dir in (
        (None, "/elsewhere"),
        (tmp_path / "studies" / "s", str(tmp_path.resolve())),
        (Path("/elsewhere/studies/s"), "/elsewhere"),
    ):
        study = replace(moved, folder=folder)
        commands = [final_command(study), run_command(study), sweep_command(study, {})]
        assert all(command.endswith(f"paths.log_dir={log_dir}") for command in commands)
    usual = replace(study, attrs=ATTRS)
    assert run_command(usual).endswith("paths.log_dir=/elsewhere"), "it was in logs/ before"
    here = replace(usual, folder=Path("logs/studies/s"))
    assert "log_dir" not in run_command(here)


@pytest.mark.parametrize(
    ("program", "like", "analyze"),
    [
        ("python train.py", "python train.py", "python analyze.py"),
        ("python ../p/train.py -cd c", "python ../p/train.py -cd c", "zmodel-analyze"),
        ("python -m zmodel.train --config-dir conf", None, "python -m zmodel.analyze"),
        ("zmodel-train --config-dir=conf", None, "zmodel-analyze"),
    ],
)
def test_commands_begin_as_the_study_was_begun(program, like, analyze, tmp_path, monkeypatch):
    (tmp_path / "analyze.py").touch()
    monkeypatch.chdir(tmp_path)
    study = study_of(command=f"{program} -m study_name=s")
    like = like or program
    assert sweep_command(study, {"a": 1}) == f"{program} -m study_name=s a=1"
    assert final_command(study) == f"{like} -m hparams_search=final study=s"
    assert run_command(study) == f"{like} from_study=s"
    assert report_command(study) == f"{analyze} study=s"


@pytest.mark.parametrize("bad", ["--config-dir -m", "-cd", "--config-path x", "--exec=a; rm"])
def test_other_options_of_a_recorded_command_are_not_repeated(bad):
    study = study_of(command=f"python train.py study_name=s {bad}")
    assert sweep_command(study, {}) is None
    assert final_command(study) == "python train.py -m hparams_search=final study=s"
