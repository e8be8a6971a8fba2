"""What a person sees of a running study, on a terminal and in a log file."""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext
from datetime import datetime, timedelta

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.study.budget.slots import Slots, Tally
from zmodel.study.journal.file import JournalError, JournalFile
from zmodel.sweep.launch import progress as progress_module
from zmodel.sweep.launch.progress import Progress, overdue, watched


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def trial(number: int, state: TrialState, value: float | None, depth: int) -> FrozenTrial:
    made = create_trial(
        state=state,
        value=value,
        params={"model.z_layers": depth},
        distributions={"model.z_layers": IntDistribution(1, 5)},
        user_attrs={"epochs": 12, "slot": number},
        intermediate_values={3: 0.5},
    )
    made.number = number
    return made


DONE = [trial(0, TrialState.COMPLETE, 0.9, 2), trial(1, TrialState.COMPLETE, 0.8, 3)]
RUNNING = trial(2, TrialState.RUNNING, None, 4)


def test_a_log_file_gets_one_line_per_finished_trial_and_no_control_codes():
    out = io.StringIO()
    progress = Progress(Tally(4, 0, 0, 4, 0, 0), maximise=True, out=out)
    progress.update(Tally(4, 0, 1, 3, 0, 0), [RUNNING], "1 workers")
    for _ in range(3):  # nothing new: nothing printed
        progress.update(Tally(4, 2, 1, 1, 0, 0), [*DONE, RUNNING], "1 workers")
    lines = out.getvalue().splitlines()
    assert [line for line in lines if line.startswith("trial")] == lines[1:]
    assert len(lines) == 3 and "\x1b" not in out.getvalue()
    assert "0.9000" in lines[1] and "z_layers=2" in lines[1] and "best so far" in lines[1]
    assert "12 epochs" in lines[1] and "best so far" not in lines[2]


def test_a_terminal_shows_budget_best_depth_workers_and_time_left():
    out = Terminal()
    progress = Progress(Tally(4, 0, 0, 4, 0, 0), maximise=True, out=out)
    progress.update(Tally(4, 2, 1, 1, 0, 0), [*DONE, RUNNING], "2 workers")
    assert "2/4" in out.getvalue() and "best 0.9000 z_layers=2 (trial 0)" in out.getvalue()
    assert "left" in out.getvalue() and "2 workers" in out.getvalue()
    assert "trial 2 z_layers=4: epoch 4, 0.5000" in out.getvalue()
    progress.update(Tally(4, 2, 1, 1, 0, 0), [*DONE, RUNNING], "2 workers")
    assert "\x1b[3A" in out.getvalue()  # the three lines are drawn over


def test_the_best_of_a_minimisation_is_the_lowest():
    out = Terminal()
    Progress(Tally(2, 0, 0, 2, 0, 0), maximise=False, out=out).update(
        Tally(2, 2, 0, 0, 0, 0), DONE, ""
    )
    assert "best 0.8000" in out.getvalue()


def timed(number: int, state: TrialState, seconds: float, now: datetime) -> FrozenTrial:
    """A trial that began so many seconds ago, and ended now unless it runs."""
    made = trial(number, state, 0.5 if state.is_finished() else None, 1)
    made.datetime_start = now - timedelta(seconds=seconds)
    made.datetime_complete = now if state.is_finished() else None
    return made


def test_a_trial_of_ten_times_the_median_is_told_of_once():
    now = datetime.now()
    done = [timed(n, TrialState.COMPLETE, 20.0 + n, now) for n in range(3)]
    slow, quick = timed(3, TrialState.RUNNING, 230.0, now), timed(4, TrialState.RUNNING, 200.0, now)
    assert [(t.number, round(times)) for t, times in overdue([*done, slow, quick], now)] == [
        (3, 11)
    ]
    assert not [*overdue([*done[:2], slow], now)], "two durations tell nothing"
    foreign = timed(3, TrialState.RUNNING, 230.0, now)
    del foreign.user_attrs["slot"]
    assert not [*overdue([*done, foreign], now)], "our limit does not end it"
    hasty = [timed(n, TrialState.COMPLETE, 0.1, now) for n in range(3)]
    assert not [*overdue([*hasty, timed(3, TrialState.RUNNING, 20.0, now)], now)]
    out = io.StringIO()
    progress = Progress(Tally(5, 3, 2, 0, 0, 0), maximise=True, out=out)
    for _ in range(2):
        progress.update(Tally(5, 3, 2, 0, 0, 0), [*done, slow, quick], "2 workers")
    assert out.getvalue().count("trial_timeout") == 1


def test_a_journal_that_goes_away_is_reported_by_the_workers_not_by_the_display(
    tmp_path, monkeypatch
):
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: failed.append(args.exc_value))
    monkeypatch.setattr(progress_module, "REFRESH_SECONDS", 0.01)
    journal = tmp_path / "study.journal"
    storage = optuna.storages.JournalStorage(JournalFile(journal))
    study = optuna.create_study(storage=storage, study_name="s")
    slots = Slots(storage, storage.get_study_id_from_name("s"), 3, nullcontext)
    with pytest.raises(JournalError), watched(slots, True, "1 workers"):
        journal.unlink()
        study.trials  # noqa: B018
    assert not failed
