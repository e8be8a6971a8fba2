"""Studies that end by the clock."""

from __future__ import annotations

import time

import pytest
from inline import Inline
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.sweep.workers import deadline
from zmodel.sweep.workers.deadline import Deadline, expected_seconds


def took(*seconds: float, **more: object) -> list[FrozenTrial]:
    return [create_trial(value=0.0, user_attrs={"seconds": s, **more}) for s in seconds]


def test_a_trial_is_expected_to_take_as_long_as_most_of_the_latest():
    assert expected_seconds([]) == 0
    assert expected_seconds(took(5)) == 5
    assert expected_seconds(took(*range(1, 11))) == 9  # the slowest tenth may come too late
    assert expected_seconds([*took(*[1000.0] * 60), *took(*[2.0] * 50)]) == 2
    assert expected_seconds([*took(3), *took(99, interrupted="Ctrl-C")]) == 3
    quick = create_trial(state=TrialState.FAIL, user_attrs={"seconds": 0.1})
    assert expected_seconds([*took(3), *[quick] * 60]) == 3
    running = create_trial(state=TrialState.RUNNING, user_attrs={"seconds": 99})
    assert expected_seconds([*took(3), running]) == 3


def test_it_is_near_when_the_next_trial_would_end_too_late(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    night = Deadline.of(1)
    assert night is not None and night.at == 4600 and Deadline.of(None) is None
    monkeypatch.setattr(time, "time", lambda: 4500.0)
    assert not night.is_near(took(99)) and night.is_near(took(101))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that have passed, as the deadline sees them."""
    now = [0.0]

    class Clock:
        time = staticmethod(lambda: now[0])

    monkeypatch.setattr(deadline, "time", Clock)
    monkeypatch.setattr(deadline, "expected_seconds", lambda trials: 600.0 if trials else 0.0)
    return now


def test_the_last_trials_end_in_time_and_the_study_goes_on(inline: Inline, clock, capsys):
    def task(cfg):
        clock[0] += 600  # ten minutes
        return cfg.x

    assert inline.run("hydra.sweeper.hours=1", "hydra.sweeper.n_trials=9", task=task) == 0
    assert len(inline.trials) == 6 and clock[0] == 3600
    assert inline.study.user_attrs["ended"] == {"by": "hours", "hours": 1}
    told = capsys.readouterr().err
    assert "hydra.sweeper.hours=1" in told and "To continue" in told
    assert inline.run("hydra.sweeper.n_trials=9", task=task) == 0
    assert len(inline.trials) == 9 and inline.study.user_attrs["ended"] is None


def test_the_budget_may_end_first(inline: Inline, clock):
    assert inline.run("hydra.sweeper.hours=1", "hydra.sweeper.n_trials=2") == 0
    assert len(inline.trials) == 2 and "ended" not in inline.study.user_attrs
