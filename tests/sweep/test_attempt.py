"""What becomes of a trial that meets trouble: put back, failed, or begun anew."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import optuna
import pytest
import torch
from hydra.core.hydra_config import HydraConfig
from optuna.trial import TrialState, create_trial

from zmodel.core.interrupt import Interrupted, stop
from zmodel.core.running_trial import running_trial
from zmodel.study.storage.opening import open_storage
from zmodel.sweep.workers.memory import release_memory
from zmodel.sweep.workers.outcome import failure
from zmodel.sweep.workers.trial_watch import TIME_IS_UP, TIMED_OUT, TrialWatch


def checkpoint() -> Path:
    """Where the task of the running trial writes its last state."""
    path = Path(HydraConfig.get().runtime.output_dir, "checkpoints", "last.ckpt")
    path.parent.mkdir(exist_ok=True)
    return path


def interrupted_once(then):
    """A task whose first attempt reports an epoch, writes a checkpoint and is put back."""

    def task(cfg):
        if running_trial().number:
            return then(cfg)
        running_trial().report(0, 0.25)
        checkpoint().write_text("half a file")
        raise Interrupted(15)

    return task


def test_a_trial_that_cannot_be_resumed_starts_anew(inline):
    def then(cfg):
        if cfg.ckpt_path is not None:
            checkpoint().write_text("written before the failure")
            raise RuntimeError("failed finding central directory")
        return cfg.x

    assert inline.run("hydra.sweeper.n_trials=1", task=interrupted_once(then)) == 0
    first, second, third = inline.study.trials
    assert first.params == second.params == third.params
    assert [t.state for t in (first, second)] == [TrialState.FAIL] * 2
    assert "central directory" in second.user_attrs["interrupted"]
    assert third.value == third.params["x"] and third.intermediate_values == {}


def test_the_checkpoint_of_an_earlier_attempt_is_found_past_one_that_left_none(inline):
    resumed_from = []

    def then(cfg):
        resumed_from.append(Path(cfg.ckpt_path).parts[-3])
        if len(resumed_from) == 1:
            raise Interrupted(15)  # before the end of an epoch
        return cfg.x

    assert inline.run("hydra.sweeper.n_trials=1", task=interrupted_once(then)) == 0
    assert resumed_from == ["0", "0"]
    assert inline.study.trials[2].intermediate_values == {0: 0.25}


def test_a_resumed_trial_that_comes_further_and_fails_has_failed(inline):
    def then(cfg):
        running_trial().report(1, 0.5)
        raise RuntimeError("diverged")

    assert inline.run("hydra.sweeper.n_trials=1", task=interrupted_once(then)) == 3
    first, second = inline.study.trials
    assert second.user_attrs["fail_reason"] == "RuntimeError: diverged"
    assert "interrupted" not in second.user_attrs
    assert second.intermediate_values == {0: 0.25, 1: 0.5}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_costs_no_trial(inline, capsys, number):
    def full(cfg):
        if running_trial().number == 1:
            try:
                raise OSError(number, os.strerror(number), "csv/metrics.csv")
            except OSError:
                raise RuntimeError("unexpected pos 576 vs 534")  # noqa: B904 - as torch does
        return cfg.x

    assert inline.run("hydra.sweeper.n_trials=3", task=full) == 1
    err = capsys.readouterr().err
    assert "no space" in err and "Traceback" not in err
    assert [t.state for t in inline.study.trials] == [TrialState.COMPLETE, TrialState.FAIL]
    assert inline.run("hydra.sweeper.n_trials=3") == 0
    values = {t.user_attrs["slot"]: t.value for t in inline.study.trials if t.value is not None}
    assert sorted(values) == [0, 1, 2]


def test_a_trial_fails_at_its_time_limit_and_the_next_one_runs(inline):
    def task(cfg):
        while running_trial().number == 0:
            time.sleep(0.01)
            if stop.signum is not None:  # as the checkpoint callback does at the end of an epoch
                raise Interrupted(stop.signum)
        return cfg.x

    assert inline.run("hydra.sweeper.n_trials=2", "hydra.sweeper.trial_timeout=1", task=task) == 0
    slow, quick = inline.study.trials
    assert slow.user_attrs["fail_reason"].startswith("TimeoutError")
    assert "trial_timeout=1" in slow.user_attrs["fail_reason"]
    assert quick.state == TrialState.COMPLETE and stop.signum is None


def test_a_trial_that_hangs_fails_and_ends_its_process(monkeypatch, capfd):
    study = optuna.create_study()
    trial = study.ask()
    storage, ended = optuna.storages.InMemoryStorage(), threading.Event()
    study = optuna.create_study(storage=storage)
    trial = study.ask()
    codes = []
    monkeypatch.setattr(os, "_exit", lambda code: (codes.append(code), ended.set()))
    with TrialWatch(storage, 0, limit=0.1):
        assert ended.wait(10)
        assert stop.signum == TIME_IS_UP
    assert codes == [TIMED_OUT] and stop.signum is None
    failed = study.trials[trial.number]
    assert failed.state == TrialState.FAIL and "hung" in failed.user_attrs["fail_reason"]
    assert Path(__file__).name in capfd.readouterr().err  # where it hung


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (lambda: float("nan"), "finite"),
        (lambda: None, "number"),
        (lambda: exit(1), "SystemExit"),
        (lambda: [0] * 10**15, "MemoryError"),
    ],
)
def test_a_failing_trial_is_recorded_and_the_study_goes_on(inline, outcome, reason):
    command = ("hydra.sweeper.n_trials=8", "hydra/sweeper/sampler=random")
    assert inline.run(*command, task=lambda cfg: outcome() if cfg.layers == 1 else cfg.x) == 0
    failed = [t for t in inline.trials if t.state == TrialState.FAIL]
    assert {t.params["layers"] for t in failed} == {1}
    assert all(reason in t.user_attrs["fail_reason"] for t in failed)
    assert sum(t.state == TrialState.COMPLETE for t in inline.trials) == 8 - len(failed) > 0


@pytest.mark.long
def test_too_many_failures_end_the_study_with_their_reason(inline, capsys):
    def told(cfg):
        raise RuntimeError("told to fail")

    assert inline.run(task=told) == 3
    assert "5 x RuntimeError: told to fail" in capsys.readouterr().err
    assert len(inline.trials) == 5
    assert "Traceback" in inline.trials[0].user_attrs["traceback"]
    assert inline.run("hydra.sweeper.n_trials=8") == 0  # mended: the same study goes on
    assert len(inline.trials) == 8


def test_a_hostile_trial_in_the_storage_never_becomes_an_override(inline):
    assert inline.run("hydra.sweeper.n_trials=1") == 0
    path = str(inline.folder / "study.journal")
    study = optuna.load_study(study_name="quick", storage=open_storage(path))
    evil = {"x": 99.0, "+out._target_": "os.system"}
    study.add_trial(create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": evil}))
    assert inline.run("hydra.sweeper.n_trials=3", "hydra.sweeper.max_failure_rate=1.0") == 0
    hostile = inline.trials[1]
    assert hostile.state == TrialState.FAIL
    assert "x" in hostile.user_attrs["fail_reason"]
    for folder in (inline.folder / "trials").glob("*/.hydra/overrides.yaml"):
        assert "_target_" not in folder.read_text()


def test_a_gpu_out_of_memory_fails_its_trial_and_gives_the_memory_back(monkeypatch):
    called = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: called.append("empty_cache"))
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    outcome = failure(error)
    release_memory()
    assert outcome.reason == f"OutOfMemoryError: {error}" and outcome.values is None
    assert called == ["empty_cache"]


def test_with_reshuffling_every_trial_has_a_seed_of_its_own(inline):
    seeds: list[int] = []

    def task(cfg):
        seeds.append(cfg.seed)
        return cfg.x

    seed, reshuffle = "+seed=5", "+data.reshuffle=true"
    assert inline.run("hydra.sweeper.n_trials=3", seed, reshuffle, task=task) == 0
    assert seeds[-3:] == [5, 6, 7]
    # the last override counts, so that the trial's configuration is found again with its seed
    overrides = (inline.folder / "trials" / "2" / ".hydra" / "overrides.yaml").read_text()
    assert overrides.splitlines()[-1] == "- seed=7"
