"""Workers that train several trials at once: exact, resumable, unkillable all the same."""

from __future__ import annotations

import os
import signal

from engine import finished
from optuna.trial import TrialState
from test_engine import pids

from zmodel.sweep.worker import places

FUSE = ("hydra.sweeper.fuse=3", "hydra.sweeper.n_jobs=2")


def running(trials) -> list:
    return [t for t in trials if t.state == TrialState.RUNNING]


def test_budget_is_exact_and_every_trial_has_its_own_folder_and_log(engine):
    process = engine.start(
        *FUSE, "hydra.sweeper.n_trials=13", "seconds=0.1", "fails='number in (0,4)'"
    )
    engine.wait(lambda ts: len(running(ts)) == 6)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    trials = engine.trials()
    assert [t.number for t in trials] == list(range(13)) and finished(trials) == 11
    for trial in trials:
        folder = engine.folder / "trials" / str(trial.number)
        config = (folder / ".hydra" / "config.yaml").read_text()
        assert f"x: {trial.params['x']}" in config
        assert ("told to fail" in (folder / "quick.log").read_text()) == (trial.number in (0, 4))


def test_one_worker_gives_the_same_study_each_time(engine):
    studies = []
    for name in ("a", "b"):
        engine.name = name
        engine.run("hydra.sweeper.fuse=4", "hydra.sweeper.n_jobs=1", "hydra.sweeper.n_trials=14")
        studies.append([t.params for t in engine.trials()])
    assert studies[0] == studies[1]
    assert len({str(p) for p in studies[0]}) == 14


def test_kill_in_the_middle_gives_all_trials_of_the_worker_again(engine):
    command = (*FUSE, "hydra.sweeper.n_trials=10", "epochs=15", "seconds=0.1")
    process = engine.start(*command)
    engine.wait(lambda ts: len(running(ts)) == 6 and all(t.intermediate_values for t in ts))
    victim = pids(engine)[0]
    held = {t.number for t in running(engine.trials()) if f"-{victim}-" in t.user_attrs["worker"]}
    os.kill(victim, signal.SIGKILL)
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, output
    outcomes = engine.outcomes()
    assert len(outcomes) == 10 == finished(outcomes)
    again = [t for t in outcomes if t.user_attrs["attempt"] == 2]
    assert {t.user_attrs["resumed_from"] for t in again} == held and len(held) == 3
    first = {t.number: t for t in engine.trials()}
    assert all(t.params == first[t.user_attrs["resumed_from"]].params for t in again)


def test_a_deadly_trial_does_not_take_its_neighbours_along(engine):
    """Those on which a worker died are given again alone: nobody dies with them again."""
    engine.run(
        *FUSE, "hydra.sweeper.n_trials=10", "dies='layers == 4'",
        "hydra.sweeper.max_failure_rate=1.0", "hydra/sweeper/sampler=random",
    )  # fmt: skip
    outcomes = engine.outcomes()
    assert len(outcomes) == 10
    deadly = [t for t in outcomes if t.params["layers"] == 4]
    assert deadly and all(t.user_attrs["crashes"] == 3 for t in deadly)
    assert finished(outcomes) == 10 - len(deadly)
    died = [t for t in engine.trials() if "interrupted" in t.user_attrs]
    for worker in {t.user_attrs["worker"] for t in died if t.user_attrs["attempt"] > 1}:
        assert sum(t.user_attrs["worker"] == worker for t in died) == 1


def test_ctrl_c_puts_all_trials_back_and_the_same_command_continues(engine):
    command = (*FUSE, "hydra.sweeper.n_trials=12", "epochs=20", "seconds=0.1")
    process = engine.start(*command)
    engine.wait(lambda ts: sum(len(t.intermediate_values) > 2 for t in running(ts)) == 6)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    before = [t for t in engine.trials() if t.state != TrialState.WAITING]
    assert len(before) == 6
    assert all("interrupted" in t.user_attrs and not t.user_attrs["crashes"] for t in before)
    engine.run(*command)
    after = engine.outcomes()
    assert len(after) == 12 == finished(after)
    assert all(len(t.intermediate_values) == 20 for t in after)
    assert sum("resumed_from" in t.user_attrs for t in after) == 6


def test_the_last_trials_are_shared_among_the_workers():
    """Whoever comes first must not hold them all while the others have nothing to do."""
    assert [places(4, waiting, 2) for waiting in (20, 8, 5, 4, 2, 1, 0)] == [4, 4, 3, 2, 1, 1, 1]
    assert [places(4, waiting, 0) for waiting in (20, 3)] == [4, 3]  # in this process
    assert places(1, 20, 2) == 1
