"""The study engine through its real command: exact, resumable, unkillable."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import optuna
import pytest
from engine import ROOT, Engine, finished
from optuna.trial import TrialState, create_trial

from zmodel.study.storage.opening import open_storage


def pids(engine: Engine) -> list[int]:
    """Worker processes, from the names of their leases (host-pid-id.lease)."""
    names = [path.stem for path in (engine.folder / "workers").glob("*.lease")]
    found = [int(name.split("-")[-2]) for name in names]
    return [pid for pid in found if os.path.exists(f"/proc/{pid}")]


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


def test_draws_depend_on_seed_and_slot_alone(engine):
    def params(name: str, *overrides: str) -> list[dict]:
        other = Engine(engine.out, name)
        other.run("hydra.sweeper.n_trials=12", "epochs=1", *overrides)
        return [t.params for t in other.outcomes()]

    random = "hydra/sweeper/sampler=random"
    alone = params("a", random, "hydra.sweeper.n_jobs=1")
    assert params("b", random, "hydra.sweeper.n_jobs=3") == alone
    assert params("c", random, "hydra.sweeper.seed=1") != alone
    assert len({str(p) for p in alone}) == 12
    assert params("d", "hydra.sweeper.n_jobs=1") == params("e", "hydra.sweeper.n_jobs=1")


def test_ctrl_c_puts_trials_back_and_the_same_command_continues(engine):
    command = ("hydra.sweeper.n_trials=6", "epochs=20", "seconds=0.1")
    process = engine.start(*command)
    engine.wait(lambda ts: sum(len(t.intermediate_values) > 2 for t in ts) == 2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "To continue: python" in output
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


def test_workers_end_when_their_controller_is_killed_and_the_study_goes_on(engine):
    command = ("hydra.sweeper.n_trials=6", "epochs=10", "seconds=0.1")
    process = engine.start(*command)
    engine.wait(lambda ts: any(len(t.intermediate_values) > 1 for t in ts))
    workers = pids(engine)
    process.kill()
    process.communicate(timeout=10)
    end = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in workers) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in workers)
    engine.run(*command)
    assert finished(engine.outcomes()) == 6


def test_a_dead_worker_is_replaced_and_its_trial_retried(engine):
    """Slot 2 kills its worker on the first attempt only; slot 4 on every attempt."""
    dies = "layers == 4 or (number == 2)"
    output = engine.run(
        "hydra.sweeper.n_trials=10", f"dies='{dies}'", "hydra.sweeper.max_failure_rate=1.0",
        "hydra/sweeper/sampler=random",
    )  # fmt: skip
    outcomes = engine.outcomes()
    assert len(outcomes) == 10
    assert "a worker died" in output
    for trial in outcomes:
        deadly = trial.params["layers"] == 4
        assert trial.state == (TrialState.FAIL if deadly else TrialState.COMPLETE)
        if deadly:
            assert trial.user_attrs["fail_reason"].startswith("WorkerDied")
            assert trial.user_attrs["crashes"] == 3
    retried = [t for t in outcomes if t.user_attrs["attempt"] == 2]
    assert any(t.user_attrs["slot"] == 2 for t in retried) or outcomes[2].params["layers"] == 4


@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        ("float('nan') if layers == 1 else x", "finite"),
        ("None if layers == 1 else x", "number"),
        ("exit(1) if layers == 1 else x", "SystemExit"),
        ("[0]*10**15 if layers == 1 else x", "MemoryError"),
    ],
)
def test_a_failing_trial_is_recorded_and_the_study_goes_on(engine, returns, reason):
    engine.run(
        "hydra.sweeper.n_trials=8", f'returns="{returns}"', "epochs=1",
        "hydra/sweeper/sampler=random",
    )  # fmt: skip
    outcomes = engine.outcomes()
    failed = [t for t in outcomes if t.state == TrialState.FAIL]
    assert {t.params["layers"] for t in failed} == {1}
    assert all(reason in t.user_attrs["fail_reason"] for t in failed)
    assert finished(outcomes) == 8 - len(failed) > 0


def test_too_many_failures_end_the_study_with_their_reason(engine):
    output = engine.run("fails='True'", "hydra.sweeper.n_jobs=1", code=3)
    assert "5 x RuntimeError: told to fail" in output
    assert len(engine.trials()) == 5
    assert "Traceback" in engine.trials()[0].user_attrs["traceback"]
    # mended: the same study goes on
    engine.run("hydra.sweeper.on_change=continue")
    assert len(engine.outcomes()) == 20


def test_another_setting_is_refused_with_the_difference(engine):
    engine.run("hydra.sweeper.n_trials=2", "epochs=1")
    output = engine.run("hydra.sweeper.n_trials=4", "epochs=2", code=1)
    assert "fixed.epochs: 1 -> 2" in output and "Traceback" not in output
    output = engine.run("hydra.sweeper.n_trials=4", "epochs=1", "x=interval(0,2)", code=1)
    assert "space.x" in output
    output = engine.run("hydra.sweeper.n_trials=4", "hydra.sweeper.direction=minimize", code=1)
    assert "maximize" in output and len(engine.trials()) == 2
    engine.run("hydra.sweeper.n_trials=4", "epochs=2", "hydra.sweeper.on_change=continue")
    assert engine.study().user_attrs["changes"][0]["lines"] == ["fixed.epochs: 1 -> 2"]


def test_two_controllers_share_one_budget(engine):
    command = ("hydra.sweeper.n_trials=30", "epochs=1")
    processes = [engine.start(*command) for _ in range(3)]
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    assert len(engine.trials()) == 30 == finished(engine.trials())
    assert len({str(t.params) for t in engine.trials()}) == 30


def test_stop_command_lets_workers_finish_their_trial(engine):
    process = engine.start("hydra.sweeper.n_trials=50", "epochs=4", "seconds=0.2")
    engine.wait(lambda ts: len(ts) >= 2)
    stop = [sys.executable, "-m", "zmodel.study", "--log-dir", str(engine.out), "stop", "quick"]
    subprocess.run(stop, check=True, cwd=ROOT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and "To continue" in output
    assert 2 <= finished(engine.trials()) == len(engine.trials()) < 50


def test_pruner_is_reached_and_is_off_by_default(engine):
    engine.run("hydra.sweeper.n_trials=15", "hydra.sweeper.n_jobs=1")
    assert finished(engine.trials()) == 15
    null = Engine(engine.out, "unpruned")  # where Optuna itself would put its MedianPruner
    null.run("hydra.sweeper.n_trials=15", "hydra.sweeper.n_jobs=1", "hydra.sweeper.pruner=null")
    assert finished(null.trials()) == 15
    other = Engine(engine.out, "pruned")
    other.run("hydra.sweeper.n_trials=15", "hydra/sweeper/pruner=median")
    states = [t.state for t in other.trials()]
    assert states.count(TrialState.PRUNED) > 0
    pruned = next(t for t in other.trials() if t.state == TrialState.PRUNED)
    assert len(pruned.intermediate_values) < 3 and pruned.value is not None


def test_several_objectives_give_a_front(engine):
    engine.run(
        "hydra.sweeper.n_trials=10", "hydra.sweeper.direction=[maximize,minimize]",
        "optimized_metric=[x,layers]", "returns='[x, layers]'", "hydra/sweeper/sampler=nsgaii",
    )  # fmt: skip
    assert len(engine.study().best_trials) >= 1
    assert "solutions" in (engine.folder / "optimization_results.yaml").read_text()


def test_grid_visits_every_combination_once(engine):
    engine.run("hydra/sweeper/sampler=grid", "x=choice(0.1,0.2,0.3)", "hydra.sweeper.n_jobs=3")
    assert len({str(t.params) for t in engine.trials()}) == 12 == len(engine.trials())


def test_warm_start_from_given_points_and_from_another_study(engine):
    engine.run("hydra.sweeper.n_trials=3", "hydra.sweeper.enqueue=[{x: 0.25, layers: 2}]")
    assert engine.trials()[0].params == {"x": 0.25, "layers": 2}
    best = engine.study().best_trial.params
    other = Engine(engine.out, "other")
    other.run("hydra.sweeper.n_trials=4", "hydra.sweeper.from_study=quick")
    assert other.trials()[0].params == best
    output = engine.run("hydra.sweeper.enqueue=[{y: 1}]", "study_name=new", code=1)
    assert "'y'" in output and not (engine.out / "studies" / "new").exists()


def test_a_hostile_trial_in_the_storage_never_becomes_an_override(engine):
    engine.run("hydra.sweeper.n_trials=1")
    path = str(engine.folder / "study.journal")
    study = optuna.load_study(study_name="quick", storage=open_storage(path))
    evil = {"x": 99.0, "+out._target_": "os.system"}
    study.add_trial(create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": evil}))
    engine.run("hydra.sweeper.n_trials=3", "hydra.sweeper.max_failure_rate=1.0")
    hostile = engine.trials()[1]
    assert hostile.state == TrialState.FAIL
    assert "x" in hostile.user_attrs["fail_reason"]
    for folder in (engine.folder / "trials").glob("*/.hydra/overrides.yaml"):
        assert "_target_" not in folder.read_text()


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["hydra.sweeper.n_trials=0"], "n_trials"),
        (["hydra.sweeper.n_jobs=-1"], "n_jobs"),
        (["hydra.sweeper.direction=up"], "direction"),
        (["layers=range(5,2)"], "layers"),
        (["study_name=../escape"], "study"),
        (["+y=1"], ""),
        (["hydra.sweeper.coverage={layers: 6}"], "n_trials=24"),
        (["hydra.sweeper.policy={}"], "hydra.sweeper.coverage="),
        (["hydra.sweeper.policy=0.9", "hydra.sweeper.coverage={layers: 2}"], "confidence"),
    ],
)
def test_bad_settings_leave_nothing_behind(engine, overrides, named):
    if overrides == ["+y=1"]:
        overrides = ["y=1"]
    output = engine.run(*overrides, code=1)
    assert named in output and "Traceback" not in output
    assert not list(engine.out.rglob("study.journal"))


@pytest.mark.slow
def test_two_hundred_kills(engine):
    """kill -9 of random workers all along: exact budget, nothing lost, nothing left running."""
    import random

    dice = random.Random(0)
    command = (
        "hydra.sweeper.n_trials=200", "hydra.sweeper.n_jobs=4", "epochs=8", "seconds=0.1",
        "hydra.sweeper.max_attempts=1000",
    )  # fmt: skip
    process = engine.start(*command)
    engine.wait(lambda ts: len(ts) > 4)
    kills, acknowledged = 0, {}
    while kills < 200 and process.poll() is None:
        time.sleep(dice.uniform(0.05, 0.4))
        for trial in engine.trials():
            if trial.state == TrialState.COMPLETE:
                acknowledged[trial.number] = trial.values
        victims = pids(engine)
        if victims:
            try:
                os.kill(dice.choice(victims), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                continue
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    outcomes = engine.outcomes(max_attempts=1000)
    assert [t.user_attrs["slot"] for t in outcomes] == list(range(200))
    assert finished(outcomes) == 200
    by_number = {t.number: t for t in engine.trials()}
    assert all(by_number[n].values == values for n, values in acknowledged.items())
    assert not any(t.state == TrialState.RUNNING for t in engine.trials())
    assert kills == 200
    print(f"{kills} kills, {len(by_number)} trials")


def test_a_name_in_any_script_needs_no_quotes(engine):
    engine.name = "größe 深"
    engine.run("hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1")
    assert "2 of 3 are done" in engine.run("hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1")
    assert finished(engine.trials()) == 3


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


def test_each_worker_gets_its_gpu(engine, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    visible = "float(__import__('os').environ['CUDA_VISIBLE_DEVICES'])"
    command = ("hydra.sweeper.n_trials=8", "hydra.sweeper.n_jobs=null", f'returns="{visible}"')
    engine.run(*command, "seconds=0.2")  # long enough for both workers to get some
    assert {t.value for t in engine.trials()} == {3.0, 5.0}


def test_coverage_floors_are_kept_through_the_command(engine):
    engine.run("hydra.sweeper.n_trials=15", "hydra.sweeper.coverage={layers: 3}", "epochs=1")
    depths = [t.params["layers"] for t in engine.trials()]
    assert all(depths.count(z) >= 3 for z in (1, 2, 3, 4))
    assert any("forced" in t.user_attrs for t in engine.trials())
    failing = Engine(engine.out, "failing")
    output = failing.run(
        "hydra.sweeper.n_trials=15", "hydra.sweeper.coverage={layers: 3}", "epochs=1",
        "fails='layers == 2'", "hydra.sweeper.max_failure_rate=1.0", code=3,
    )  # fmt: skip
    assert "coverage floor not met: layers=2" in output


def test_a_pruner_spares_forced_trials_and_controls(engine):
    """A floor promises completed trials, a control its whole curve; here what ends can be pruned
    only because it was chosen freely."""
    engine.run(
        "hydra.sweeper.n_trials=24", "hydra.sweeper.coverage={layers: 4}", "hydra.sweeper.n_jobs=1",
        "hydra/sweeper/pruner=median", "+hydra.sweeper.pruner.n_startup_trials=1",
        "hydra.sweeper.control=25%", "+callbacks.early_stopping.patience=3",
    )  # fmt: skip
    trials = engine.trials()
    spared = [t for t in trials if t.user_attrs.keys() & {"forced", "control"}]
    assert len(spared) > 6 and all(t.state == TrialState.COMPLETE for t in spared)
    assert any(t.state == TrialState.PRUNED for t in trials)
    completed = [t.params["layers"] for t in trials if t.state == TrialState.COMPLETE]
    assert all(completed.count(z) >= 4 for z in (1, 2, 3, 4))


def test_the_policy_gives_up_what_cannot_win_and_says_so(engine):
    output = engine.run(
        "hydra.sweeper.n_trials=70", "hydra.sweeper.coverage={layers: 10}", "epochs=1",
        "hydra.sweeper.policy={confidence: 0.9, share: 0.8}", "seconds=0", "hydra.sweeper.n_jobs=1",
        "hydra/sweeper/sampler=random", "returns='min(layers, 3) - 0.001 * number'",
    )  # fmt: skip
    assert "given up: layers=1, best 0.9" in output and "given up: layers=3" not in output
    assert "a chance of" in engine.study().user_attrs["given_up"]["layers=1"]
    late = [t.user_attrs.get("forced_to", {}).get("layers") for t in engine.trials()[-12:]]
    assert {3, 4} & set(late) and not {1, 2} & set(late)


def test_inline_for_a_debugger(engine):
    output = engine.run("hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=0")
    assert len(engine.outcomes()) == 4 == finished(engine.trials())
    assert "best so far" in output
    refused = Engine(engine.out, "refused")
    output = refused.run(
        "hydra.sweeper.n_jobs=0", "hydra.sweeper.preflight=['epochs=1']", "returns=None", code=1
    )
    assert "must be a number" in output and not refused.folder.exists()


def test_a_refused_start_leaves_nothing_although_trials_were_enqueued(engine):
    """Waiting trials are not begun ones: the mended command must not meet the old setting."""
    command = ("hydra.sweeper.preflight=['epochs=1']", "hydra.sweeper.enqueue=[{x: 0.25}]")
    engine.run(*command, "returns=None", code=1)
    assert not engine.folder.exists()
    engine.run(*command, "hydra.sweeper.n_trials=3")
    assert engine.trials()[0].params["x"] == 0.25 and finished(engine.trials()) == 3


def test_an_end_of_the_space_that_cannot_work_is_refused(engine):
    """Both ends of numbers and every choice are tried, and the culprit among them is named."""
    rehearsed = "hydra.sweeper.preflight=['epochs=1']"
    output = engine.run(rehearsed, "fails='layers > 3'", code=1)
    assert "told to fail" in output and "the search has layers=4" in output
    output = engine.run(rehearsed, "seconds=choice(0.01, oops)", code=1)
    assert "the search has seconds=oops" in output
    assert not engine.folder.exists()


def test_ends_of_the_space_that_only_fail_together_are_said(engine):
    rehearsed = ("hydra.sweeper.preflight=['epochs=1']", "fails='layers > 3 and x > 0.9'")
    few = ("hydra.sweeper.n_jobs=1", "hydra.sweeper.max_failure_rate=1")
    output = engine.run(*rehearsed, *few, "hydra.sweeper.n_trials=3")
    assert "trials like" not in output  # as long as the sampler has not joined them
    together = "hydra.sweeper.enqueue=[{x: 0.95, layers: 4}]"
    output = Engine(engine.out, "other").run(*rehearsed, *few, "hydra.sweeper.n_trials=3", together)
    assert "warning: trials like {'x': 1.0, 'layers': 4} fail: told to fail" in output


def test_what_an_end_of_the_space_is_worth_does_not_count(engine):
    """A learning rate may diverge at its upper end; that is for the search to find out."""
    engine.run("hydra.sweeper.preflight=['epochs=1']", "returns='x if x < 0.99 else 1 / 0 * x'",
               "hydra.sweeper.n_trials=3", code=1)  # fmt: skip
    engine.run("hydra.sweeper.preflight=['epochs=1']",
               "returns='x if x < 0.99 else x * 1e999'", "hydra.sweeper.n_trials=3")  # fmt: skip


def test_the_reason_of_a_failed_study_is_said_in_this_process_too(engine):
    output = engine.run("fails='True'", "hydra.sweeper.n_jobs=0", code=3)
    assert "5 x RuntimeError: told to fail" in output


def test_a_preempted_worker_puts_its_trial_back_with_its_checkpoint(engine):
    process = engine.start("hydra.sweeper.n_trials=6", "epochs=15", "seconds=0.1")
    engine.wait(lambda ts: sum(len(t.intermediate_values) > 1 for t in ts) == 2)
    os.kill(pids(engine)[0], signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    outcomes = engine.outcomes()
    assert len(outcomes) == 6 == finished(outcomes)
    again = [t for t in outcomes if t.user_attrs["attempt"] == 2]
    assert len(again) == 1
    config = engine.folder / "trials" / str(again[0].number) / ".hydra" / "config.yaml"
    assert "last.ckpt" in config.read_text()
