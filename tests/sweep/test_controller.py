"""The study engine through its real command: exact, resumable, unkillable."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from types import SimpleNamespace

import optuna
import pytest
from engine import ROOT, Engine, finished
from optuna.trial import TrialState

from zmodel.study.budget.slots import Slots
from zmodel.sweep.launch.controller import Controller
from zmodel.sweep.launch.local_pool import Exit, LocalPool


def pids(engine: Engine, command: subprocess.Popen) -> list[int]:
    """Worker processes, from the names of their leases (host-pid-id.lease); the command has one."""
    names = [path.stem for path in (engine.folder / "workers").glob("*.lease")]
    found = {int(name.split("-")[-2]) for name in names} - {command.pid}
    return [pid for pid in found if os.path.exists(f"/proc/{pid}")]


@pytest.mark.long
def test_budget_is_exact_and_a_second_start_says_so(engine):
    engine.run("hydra.sweeper.n_trials=7", "hydra.sweeper.n_jobs=3")
    trials = engine.trials()
    assert [t.number for t in trials] == list(range(7))
    assert finished(trials) == 7
    assert sorted(p.name for p in (engine.folder / "trials").iterdir()) == list("0123456")
    assert "complete" in engine.run("hydra.sweeper.n_trials=7", "hydra.sweeper.n_jobs=3")
    assert len(engine.trials()) == 7
    engine.run("hydra.sweeper.n_trials=9", "hydra.sweeper.n_jobs=1")
    assert finished(engine.trials()) == 9
    # plain Optuna reads it
    backend = optuna.storages.journal.JournalFileBackend(str(engine.folder / "study.journal"))
    plain = optuna.load_study(study_name="quick", storage=optuna.storages.JournalStorage(backend))
    assert len(plain.trials) == 9


@pytest.mark.slow
def test_draws_depend_on_seed_and_slot_alone(engine, inline):
    command = ("hydra.sweeper.n_trials=12", "epochs=1", "hydra/sweeper/sampler=random")
    engine.run(*command, "hydra.sweeper.n_jobs=3")
    several = [t.params for t in engine.outcomes()]
    assert len({str(p) for p in several}) == 12

    def alone(name: str, *overrides: str) -> list[dict]:
        study = inline.named(name)
        assert study.run(*command, *overrides) == 0
        return [t.params for t in study.study.trials]

    assert alone("b") == several
    assert alone("c", "hydra.sweeper.seed=1") != several
    tpe = "hydra/sweeper/sampler=tpe"
    assert alone("d", tpe) == alone("e", tpe)


@pytest.mark.long
def test_ctrl_c_puts_trials_back_and_the_same_command_continues(engine):
    command = ("hydra.sweeper.n_trials=6", "epochs=20", "seconds=0.1")
    process = engine.start(*command)
    engine.wait(lambda ts: sum(len(t.intermediate_values) > 2 for t in ts) == 2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert command[0] in output
    before = [t for t in engine.trials() if t.state != TrialState.WAITING]
    assert all(t.state == TrialState.FAIL and "interrupted" in t.user_attrs for t in before)
    engine.run(*command)
    after = engine.outcomes()
    assert len(after) == 6 and finished(after) == 6
    for old, new in zip(before, after, strict=False):
        assert new.params == old.params and new.number > old.number
        assert new.user_attrs["resumed_from"] == old.number
        # the checkpoint was used: the new attempt did not run the first epochs again
        log = engine.folder / "trials" / str(new.number) / ".hydra" / "config.yaml"
        assert f"trials/{old.number}/checkpoints/last.ckpt" in log.read_text()
        assert len(new.intermediate_values) == 20


@pytest.mark.long
def test_a_second_ctrl_c_stops_at_once(engine):
    process = engine.start("hydra.sweeper.n_trials=2", "epochs=2", "seconds=60")
    engine.wait(lambda ts: len(ts) == 2)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert not any(t.state == TrialState.RUNNING for t in engine.trials())


@pytest.mark.long
def test_workers_end_when_their_controller_is_killed_and_the_study_goes_on(engine):
    command = ("hydra.sweeper.n_trials=6", "epochs=10", "seconds=0.1")
    process = engine.start(*command)
    engine.wait(lambda ts: any(len(t.intermediate_values) > 1 for t in ts))
    workers = pids(engine, process)
    process.kill()
    process.communicate(timeout=10)
    end = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in workers) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in workers)
    engine.run(*command)
    assert finished(engine.outcomes()) == 6


@pytest.mark.long
def test_a_dead_worker_is_replaced_and_its_trial_retried(engine):
    """Slot 2 kills its worker on the first attempt only; slot 4 on every attempt."""
    dies = "layers == 4 or (number == 2)"
    output = engine.run(
        "hydra.sweeper.n_trials=10", f"dies='{dies}'", "hydra.sweeper.max_failure_rate=1.0",
        "hydra/sweeper/sampler=random",
    )  # fmt: skip
    outcomes = engine.outcomes()
    assert len(outcomes) == 10
    assert " died" in output
    for trial in outcomes:
        deadly = trial.params["layers"] == 4
        assert trial.state == (TrialState.FAIL if deadly else TrialState.COMPLETE)
        if deadly:
            assert trial.user_attrs["fail_reason"].startswith("WorkerDied")
            assert trial.user_attrs["crashes"] == 3
    third = next(t for t in outcomes if t.user_attrs["slot"] == 2)
    assert third.user_attrs["attempt"] == (3 if third.params["layers"] == 4 else 2)


@pytest.mark.long
def test_a_refused_command_leaves_nothing_and_no_trace_of_python(engine):
    for wrong in ("hydra.sweeper.n_trials=0", "layers=range(5,2)", "nothing=1"):
        assert "Traceback" not in engine.run(wrong, code=1)
    rehearsed = "hydra.sweeper.preflight=['epochs=1']"
    output = engine.run(rehearsed, "returns=None", "hydra.sweeper.n_jobs=1", code=1)
    assert "got None" in output and "Traceback" not in output
    assert not engine.folder.exists()


@pytest.mark.slow
def test_two_controllers_share_one_budget(engine):
    command = ("hydra.sweeper.n_trials=30", "epochs=1")
    processes = [engine.start(*command) for _ in range(3)]
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    assert len(engine.trials()) == 30 == finished(engine.trials())
    assert len({str(t.params) for t in engine.trials()}) == 30


@pytest.mark.long
def test_stop_command_lets_workers_finish_their_trial(engine):
    process = engine.start("hydra.sweeper.n_trials=50", "epochs=4", "seconds=0.2")
    engine.wait(lambda ts: len(ts) >= 2)
    stop = [sys.executable, "-m", "zmodel.study", "--log-dir", str(engine.out), "stop", "quick"]
    subprocess.run(stop, check=True, cwd=ROOT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and "To continue" in output
    assert 2 <= finished(engine.trials()) == len(engine.trials()) < 50


@pytest.mark.slow
def test_grid_visits_every_combination_once(engine):
    engine.run("hydra/sweeper/sampler=grid", "x=choice(0.1,0.2,0.3)", "hydra.sweeper.n_jobs=3")
    assert len({str(t.params) for t in engine.trials()}) == 12 == len(engine.trials())


@pytest.mark.slow
def test_a_name_in_any_script_needs_no_quotes(engine):
    engine.name = "größe 深"
    engine.run("hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1")
    assert "2 of 3" in engine.run("hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1")
    assert finished(engine.trials()) == 3


@pytest.mark.long
def test_a_configuration_edited_while_the_study_runs_ends_it(engine, tmp_path):
    """Hydra composes every trial from the files: a change in the middle must not slip in."""
    conf = tmp_path / "conf"
    shutil.copytree(ROOT / "conf", conf)
    group = conf / "speed"
    group.mkdir()
    (group / "slow.yaml").write_text("# @package _global_\nepochs: 4\n")
    process = engine.start("+speed=slow", "hydra.sweeper.n_trials=50", "seconds=0.1", conf=conf)
    engine.wait(lambda ts: finished(ts) >= 2)
    (group / "slow.yaml").write_text("# @package _global_\nepochs: 5\n")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "fixed.epochs" not in output and "epochs: 4 -> 5" in output
    assert all(len(t.intermediate_values) == 4 for t in engine.trials() if t.values)
    assert not any(t.user_attrs.get("crashes") for t in engine.trials())  # nobody died of it


@pytest.mark.slow
def test_each_worker_gets_its_gpu(engine, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    visible = "float(__import__('os').environ['CUDA_VISIBLE_DEVICES'])"
    command = ("hydra.sweeper.n_trials=8", "hydra.sweeper.n_jobs=null", f'returns="{visible}"')
    engine.run(*command, "seconds=0.2")  # long enough for both workers to get some
    assert {t.value for t in engine.trials()} == {3.0, 5.0}


@pytest.mark.long
def test_a_preempted_worker_puts_its_trial_back_with_its_checkpoint(engine):
    process = engine.start("hydra.sweeper.n_trials=6", "epochs=15", "seconds=0.1")
    engine.wait(lambda ts: sum(len(t.intermediate_values) > 1 for t in ts) == 2)
    os.kill(pids(engine, process)[0], signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    outcomes = engine.outcomes()
    assert len(outcomes) == 6 == finished(outcomes)
    again = [t for t in outcomes if t.user_attrs["attempt"] == 2]
    assert len(again) == 1
    config = engine.folder / "trials" / str(again[0].number) / ".hydra" / "config.yaml"
    assert "last.ckpt" in config.read_text()


class Places:
    """Workers that do nothing until they are told to end; a signal arrives while one starts."""

    def __init__(self, signals: int) -> None:
        self.signals, self.working, self.told = signals, set(), []

    def __len__(self) -> int:
        return len(self.working)

    def free_indices(self) -> list[int]:
        return [i for i in range(2) if i not in self.working]

    def start(self, index: int) -> None:
        for _ in range(self.signals):
            signal.raise_signal(signal.SIGTERM)
        self.working.add(index)

    def signal(self, signum: signal.Signals) -> None:
        self.told += [(index, signum) for index in self.working]

    def wait(self, seconds: float) -> list[Exit]:
        ended = [Exit(index, -signum, None) for index, signum in self.told]
        assert ended, "a worker that was never told works on"
        self.working.clear()
        return ended


@pytest.mark.parametrize(("signals", "told"), [(1, signal.SIGTERM), (2, signal.SIGKILL)])
def test_a_signal_while_a_worker_starts_reaches_it(tmp_path, signals, told):
    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(storage=storage)
    settings = SimpleNamespace(folder=tmp_path, n_jobs=2, direction=("maximize",))
    places = Places(signals)
    controller = Controller(settings, Slots(storage, 0, 3, nullcontext), places)
    assert controller.run() == 143
    assert places.told == [(0, told)], "and no second one is started"


class Startless(Places):
    """Every worker ends before its task has reached it."""

    def start(self, index: int) -> None:
        raise BrokenPipeError


def test_workers_that_end_before_they_have_their_task_end_the_command(tmp_path, capsys):
    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(storage=storage)
    settings = SimpleNamespace(folder=tmp_path, n_jobs=2, direction=("maximize",))
    controller = Controller(settings, Slots(storage, 0, 3, nullcontext), Startless(0))
    assert controller.run() == 1
    assert '__name__ == "__main__"' in capsys.readouterr().err


def test_ctrl_c_does_not_kill_the_fork_server_that_still_imports(monkeypatch):
    """The terminal sends it to every process of the command."""
    held = []

    class Starting:
        def start(self) -> None:
            held.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))

    pool = LocalPool(SimpleNamespace(settings=SimpleNamespace(n_jobs=1, preload=())))
    context = SimpleNamespace(Pipe=multiprocessing.Pipe, Process=lambda **_: Starting())
    monkeypatch.setattr(pool, "_context", context)
    pool.start(0)
    assert held == [True]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
