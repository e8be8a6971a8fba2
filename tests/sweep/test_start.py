"""Starting a study: what is checked and refused, in the process of the test."""

from __future__ import annotations

import errno
import math
import os
import shutil
import signal
from pathlib import Path

import optuna
import pytest
from inline import APPS
from omegaconf import OmegaConf
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from zmodel.core.interrupt import stop
from zmodel.study.storage.opening import open_storage


def conf_with(tmp_path: Path, **files: str) -> Path:
    """The configuration of the quick task and further files, `group__option="text"`."""
    conf = tmp_path / "conf"
    shutil.copytree(APPS, conf)
    for name, text in files.items():
        path = conf / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("# @package _global_\n" + text)
    return conf


def test_a_searched_group_may_write_anywhere(inline, tmp_path):
    conf = conf_with(tmp_path, speed__slow="epochs: 4\n", speed__fast="epochs: 2\nseconds: 0\n")
    seen = []
    command = ("+speed=slow,fast", "hydra/sweeper/sampler=grid", "layers=1,2", "~x")
    assert inline.run(*command, task=lambda cfg: seen.append(cfg.epochs) or 1, conf=conf) == 0
    assert sorted(seen) == [2, 2, 4, 4]


def test_an_edited_choice_of_a_searched_group_ends_the_study(inline, tmp_path, capsys):
    conf = conf_with(tmp_path, speed__slow="epochs: 4\n", speed__fast="epochs: 2\n")
    slow = conf / "speed" / "slow.yaml"

    def task(cfg):
        slow.write_text(slow.read_text() + "# a comment\n")  # changes nothing
        if len(inline.study.trials) == 5:
            slow.write_text("# @package _global_\nepochs: 5\n")
        return cfg.epochs

    command = ("+speed=slow,fast", "hydra/sweeper/sampler=random")
    assert inline.run(*command, task=task, conf=conf) == 1
    assert "epochs: one of [4, 2] -> 5" in capsys.readouterr().err
    finished = [t for t in inline.study.trials if t.value]
    assert len(finished) >= 5 and {t.value for t in finished} == {2, 4}


@pytest.mark.parametrize("sampler", ["random", "tpe", "brute", "grid"])
def test_a_finite_space_is_tried_once_and_the_study_ends(inline, capsys, sampler):
    seen = []
    command = ("x=choice(0.1,0.2)", "layers=range(1,5)", f"hydra/sweeper/sampler={sampler}",
               "hydra.sweeper.coverage={layers: 2}", "hydra.sweeper.history=null")  # fmt: skip
    for _ in range(2):  # again: there is nothing left to do
        assert inline.run(*command, task=lambda cfg: seen.append((cfg.x, cfg.layers)) or 1.0) == 0
    assert len(set(seen)) == len(seen) == 8
    assert "8 of 8" in capsys.readouterr().out


def test_what_exists_under_a_condition_is_counted_where_it_exists(inline):
    seen = []
    command = (
        "hydra.sweeper.params={x: '0.1,0.2', layers: {space: 'range(1,4)', when: 'x > 0.15'}}",
        "hydra.sweeper.n_trials=5",
    )
    assert inline.run(*command, task=lambda cfg: seen.append((cfg.x, cfg.layers)) or 1.0) == 0
    assert sorted(seen) == [(0.1, 1), (0.2, 1), (0.2, 2), (0.2, 3)]


def test_decimals_reach_the_storage_and_the_task_as_typed(inline):
    seen = []
    command = ("x=range(0,1,0.1)", "layers=range(0,2000000000)", "hydra.sweeper.n_trials=12")
    assert inline.run(*command, task=lambda cfg: seen.append(cfg.x) or cfg.x) == 0
    assert [t.params["x"] for t in inline.study.trials] == seen
    assert set(seen) <= {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}


def test_a_misspelled_parameter_of_an_enqueued_trial_fails_it(inline):
    assert inline.run("hydra.sweeper.n_trials=1") == 0
    storage = open_storage(str(inline.folder / "study.journal"))
    optuna.load_study(study_name="quick", storage=storage).enqueue_trial({"layer": 2})
    assert inline.run("hydra.sweeper.n_trials=3", "hydra.sweeper.max_failure_rate=1.0") == 0
    states = [t.state.name for t in inline.study.trials]
    assert states == ["COMPLETE", "FAIL", "COMPLETE"]
    assert "layers" in inline.study.trials[1].user_attrs["fail_reason"]


def test_one_folder_for_all_trials_is_refused(inline):
    with pytest.raises(ValueError, match=r"hydra\.sweep\.subdir"):
        inline.run("hydra.sweep.subdir=all")
    assert not inline.folder.exists()


@pytest.mark.parametrize("choice", ["none", "disabled", "stdout"])
def test_jobs_may_be_logged_elsewhere(inline, choice):
    assert inline.run("hydra.sweeper.n_trials=1", f"hydra/job_logging={choice}") == 0


def run_files(study: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in (study / "trials").rglob("*") if p.is_file()}


@pytest.mark.parametrize("lost", ["deleted", "emptied", "shortened", "in another storage"])
def test_runs_that_the_study_does_not_know_are_never_overwritten(inline, tmp_path, lost):
    command = ["hydra.sweeper.n_trials=2", "hydra/sweeper/sampler=random"]
    assert inline.run(*command) == 0
    journal, before = inline.folder / "study.journal", run_files(inline.folder)
    lines = journal.read_bytes().splitlines(keepends=True)
    if lost == "deleted":
        journal.unlink()
    elif lost == "emptied":
        journal.write_bytes(b"")
    elif lost == "shortened":
        second = [n for n, line in enumerate(lines) if b'"op_code":4' in line][1]
        journal.write_bytes(b"".join(lines[:second]))
    else:
        command.append(f"hydra.sweeper.storage='sqlite:///{tmp_path}/other.db'")
    with pytest.raises(ValueError, match=r"trials 1|trials 0, 1") as refused:
        inline.run(*command)
    assert "python -m zmodel.study repair" in str(refused.value)
    assert run_files(inline.folder) == before
    assert journal.exists() is (lost != "deleted")
    journal.write_bytes(b"".join(lines))  # put back: the study goes on
    assert inline.run("hydra.sweeper.n_trials=3", *command[1:2]) == 0


def test_a_study_of_which_every_trial_failed_has_not_succeeded(inline, capsys):
    assert inline.run("hydra.sweeper.n_trials=2", task=lambda cfg: math.nan) == 3
    assert "2 x ValueError" in capsys.readouterr().err


def test_results_that_cannot_be_written_are_said_and_written_by_the_next_start(
    inline, capsys, monkeypatch
):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("zmodel.sweep.results.write", full)
        assert inline.run("hydra.sweeper.n_trials=1") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert inline.run("hydra.sweeper.n_trials=1") == 0
    assert (inline.folder / "optimization_results.yaml").is_file()


def plain_optuna(inline) -> optuna.Study:
    """The study as another program opens it."""
    path = str(inline.folder / "study.journal")
    return optuna.load_study(study_name="quick", storage=open_storage(path))


def test_a_trial_told_from_outside_counts_and_is_best_only_with_all_parameters(inline, capsys):
    assert inline.run("hydra.sweeper.n_trials=1") == 0
    x, layers = FloatDistribution(0, 1), IntDistribution(1, 4)
    partly = create_trial(params={"x": 0.5}, distributions={"x": x}, value=99.0)
    plain_optuna(inline).add_trial(partly)
    assert inline.run("hydra.sweeper.n_trials=3") == 0
    own = [t for t in inline.study.trials if t.value != 99.0]
    assert len(own) == 2 and len(inline.study.trials) == 3
    best = max(own, key=lambda t: t.value)
    results = OmegaConf.load(inline.folder / "optimization_results.yaml")
    assert (results.best_trial, results.best_value) == (best.number, best.value)
    assert "trial 1 " in capsys.readouterr().out
    whole = {"params": {"x": 0.5, "layers": 2}, "distributions": {"x": x, "layers": layers}}
    plain_optuna(inline).add_trial(create_trial(**whole, value=100.0))
    assert inline.run("hydra.sweeper.n_trials=4") == 0
    assert OmegaConf.load(inline.folder / "optimization_results.yaml").best_value == 100.0


def test_a_running_trial_of_another_program_is_not_waited_for(inline, monkeypatch):
    monkeypatch.setattr("zmodel.study.budget.lease.SILENT_AFTER", 1.0)
    assert inline.run("hydra.sweeper.n_trials=1") == 0
    left = plain_optuna(inline).ask()
    assert inline.run("hydra.sweeper.n_trials=3") == 0
    trials = inline.study.trials
    assert len(trials) == 3 and trials[left.number].state == TrialState.RUNNING
    plain_optuna(inline).tell(left.number, 0.5)  # its program may still end it
    assert inline.run("hydra.sweeper.n_trials=3") == 0


def test_another_setting_is_refused_with_the_difference(inline):
    assert inline.run("hydra.sweeper.n_trials=2", "epochs=1") == 0
    for changed, named in (
        ("epochs=2", r"fixed\.epochs: 1 -> 2"),
        ("x=interval(0,2)", r"space\.x"),
        ("hydra.sweeper.direction=minimize", "maximize"),
    ):
        with pytest.raises(ValueError, match=named):
            inline.run("hydra.sweeper.n_trials=4", "epochs=1", changed)
    assert len(inline.trials) == 2
    accepted = "hydra.sweeper.on_change=continue"
    assert inline.run("hydra.sweeper.n_trials=4", "epochs=2", accepted) == 0
    assert inline.study.user_attrs["changes"][0]["lines"] == ["fixed.epochs: 1 -> 2"]


def test_a_search_that_goes_on_with_another_setting_is_told_and_noted(inline, capsys):
    def lines(study):
        return [line for change in study.user_attrs.get("changes", []) for line in change["lines"]]

    random = "hydra/sweeper/sampler=random"
    assert inline.run("hydra.sweeper.n_trials=2", random) == 0
    assert inline.run("hydra.sweeper.n_trials=3", random) == 0
    assert lines(inline.study) == []
    covered = "hydra.sweeper.coverage={layers: 1}"
    assert inline.run("hydra.sweeper.n_trials=6", "hydra/sweeper/sampler=tpe", covered) == 0
    told = ['sampler: "RandomSampler" -> "TPESampler"', 'coverage: {} -> {"layers": 1}']
    assert lines(inline.study) == told
    out = capsys.readouterr().out
    assert all(line in out for line in told)


def test_several_objectives_give_a_front(inline):
    command = (
        "hydra.sweeper.n_trials=10", "hydra.sweeper.direction=[maximize,minimize]",
        "optimized_metric=[x,layers]", "hydra/sweeper/sampler=nsgaii",
    )  # fmt: skip
    assert inline.run(*command, task=lambda cfg: [cfg.x, cfg.layers]) == 0
    results = OmegaConf.load(inline.folder / "optimization_results.yaml")
    assert {s.trial for s in results.solutions} == {t.number for t in inline.study.best_trials}


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["hydra.sweeper.n_trials=0"], "n_trials"),
        (["hydra.sweeper.n_jobs=-1"], "n_jobs"),
        (["hydra.sweeper.direction=up"], "direction"),
        (["layers=range(5,2)"], "layers"),
        (["study_name=../escape"], "study"),
        (["hydra.sweeper.coverage={layers: 6}"], "n_trials=24"),
        (["hydra.sweeper.trial_timeout=0"], "trial_timeout"),
        (["hydra.sweeper.control=0.5"], "callbacks.early_stopping"),
    ],
)
def test_bad_settings_leave_nothing_behind(inline, overrides, named):
    with pytest.raises(ValueError, match=named):
        inline.run(*overrides)
    assert not inline.folder.parent.exists()


@pytest.mark.parametrize("preflight", ["null", "[]"], ids=["trial", "rehearsal"])
def test_sigterm_in_a_single_process_ends_the_study_in_good_order(inline, monkeypatch, preflight):
    monkeypatch.setattr(stop, "signum", None)
    unheard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda signum, _: unheard.append(signum))

    def task(cfg):
        os.kill(os.getpid(), signal.SIGTERM)
        return cfg.x

    try:
        overrides = [f"hydra.sweeper.preflight={preflight}", "hydra.sweeper.n_trials=3"]
        assert inline.run(*overrides, task=task) == 143
        assert not unheard
        os.kill(os.getpid(), signal.SIGTERM)
        assert unheard == [signal.SIGTERM]  # whoever called has its handler back
    finally:
        signal.signal(signal.SIGTERM, before)
    if preflight == "null":
        assert [trial.state for trial in inline.trials] == [TrialState.COMPLETE]
        assert not list((inline.folder / "workers").glob("*.lease"))
    else:
        assert not inline.folder.exists()
