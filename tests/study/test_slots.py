from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from zmodel.study.budget import lease as leases
from zmodel.study.budget.lease import Lease
from zmodel.study.budget.slots import Slots


def test_a_trial_that_plain_optuna_left_behind_is_counted_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    now = [0.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage)
    slots = Slots(storage, 0, n_trials=2, lock=nullcontext)
    stranger = study.ask()  # and its program ends, or takes its time
    ours = slots.claim(Lease(tmp_path))
    storage.set_trial_state_values(slots.id_of(ours), TrialState.COMPLETE, [0.5])
    assert (slots.tally().running, slots.tally().is_complete) == (1, False)
    now[0] += 100
    stranger.report(0.1, 0)  # it lives
    assert not slots.tally().is_complete
    now[0] += 100
    assert not slots.tally().is_complete
    now[0] += 30
    assert (slots.tally().running, slots.tally().is_complete) == (0, True)
    assert slots.claim(Lease(tmp_path)) is None, "its unit is used"
    assert [r.args[0] for r in caplog.records if r.levelname == "WARNING"] == [0], "said once"
    assert study.trials[0].state == TrialState.RUNNING
    study.tell(stranger, 0.3)
    assert slots.tally().finished == 2 and slots.tally().is_complete


def test_a_worker_that_is_alive_is_waited_for_however_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    now = [0.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    storage = InMemoryStorage()
    optuna.create_study(storage=storage)
    slots = Slots(storage, 0, n_trials=1, lock=nullcontext)
    slots.claim(Lease(tmp_path))
    for _ in range(3):
        now[0] += 1000
        slots.reap()
        assert (slots.tally().running, slots.tally().is_complete) == (1, False)


def test_a_worker_elsewhere_with_short_trials_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Trials that end before their first heartbeat look alike: each is watched for itself."""
    now = [0.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    storage = InMemoryStorage()
    optuna.create_study(storage=storage)
    slots = Slots(storage, 0, n_trials=20, lock=nullcontext)
    elsewhere = Lease(tmp_path)
    elsewhere.record["machine"] = "another"
    for _ in range(10):
        trial = slots.claim(elsewhere)
        for _ in range(5):
            slots.reap()
            assert storage.get_trial(slots.id_of(trial)).state == TrialState.RUNNING
            now[0] += 5
        storage.set_trial_state_values(slots.id_of(trial), TrialState.COMPLETE, [0.5])
    trial = slots.claim(elsewhere)
    slots.reap()
    now[0] += 119
    slots.reap()
    assert storage.get_trial(slots.id_of(trial)).state == TrialState.RUNNING
    now[0] += 1
    slots.reap()
    assert storage.get_trial(slots.id_of(trial)).state == TrialState.FAIL
