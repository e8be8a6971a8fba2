"""What a person sees of a running study, on a terminal and in a log file."""

from __future__ import annotations

import io
import re
import threading
from contextlib import nullcontext
from datetime import datetime, timedelta

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.study.budget.slots import Slots, Tally
from zmodel.study.constraints import parse_constraints
from zmodel.study.journal.file import JournalError, JournalFile
from zmodel.sweep.launch import progress as progress_module
from zmodel.sweep.launch.progress import Progress, watched
from zmodel.sweep.launch.progress_lines import (
    Labels,
    best_line,
    describe,
    overdue,
    worker_line,
)


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
    progress = Progress(Tally(4, 0, 0, 4, 0, 0), maximise=True, out=out, constraints=())
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
    progress = Progress(Tally(4, 0, 0, 4, 0, 0), maximise=True, out=out, constraints=())
    progress.update(Tally(4, 2, 1, 1, 0, 0), [*DONE, RUNNING], "2 workers")
    shown = out.getvalue()
    assert "2 of 4 trials" in shown and "0:00 elapsed" in shown and " left" in shown
    assert "2 workers  1 running  2 complete" in shown
    assert "value 0.9000  z_layers=2  trial 0" in shown
    assert "trial 2  z_layers=4  step 4  value 0.5000" in shown
    progress.update(Tally(4, 2, 1, 1, 0, 0), [*DONE, RUNNING], "2 workers")
    assert "\x1b[4A" in out.getvalue()  # the four lines are drawn over


ATTRS = {
    "optimized_metric": "val/acc_best",
    "curve": {"metric": "val/acc", "direction": "maximize"},
    "fixed": {"trainer.max_epochs": 150},
}
"""Of a study of train.py."""


def test_numbers_are_named_as_the_study_names_them():
    labels = Labels.of(ATTRS)
    now = datetime.now()
    running = timed(2, TrialState.RUNNING, 64.0, now)
    told = worker_line(running, labels, now)
    assert told[2:] == ["epoch 4 of 150", "val/acc 0.5000", "1:04 elapsed"]
    assert best_line(DONE[0], labels)[0].endswith("val/acc_best 0.9000")
    auto = Labels.of({**ATTRS, "fixed": {"trainer.max_epochs": 150, "data.folds": "auto"}})
    assert worker_line(running, auto, now)[2] == "epoch 4 of 150", "the run found data enough"
    running.set_user_attr("folds", 5)
    assert worker_line(running, auto, now)[2] == "fold 4 of 5"
    two = Labels.of({"optimized_metric": ["val/acc_best", "parameters"]})
    assert two.values((0.5, 12.0)) == ["val/acc_best 0.5000", "parameters 12.0000"]


def test_an_interrupted_trial_is_no_failure():
    stopped = trial(0, TrialState.FAIL, None, 2)
    stopped.user_attrs["interrupted"] = "Ctrl-C"
    assert "interrupted, will resume" in describe(stopped, Labels(), is_best=False)[0]
    stopped.user_attrs["fail_reason"] = "WorkerDied: 3 times"
    assert "failed" in describe(stopped, Labels(), is_best=False)[0]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40), (40, 8)])
def test_a_small_terminal_gets_whole_words_and_no_more_lines_than_it_can_erase(
    monkeypatch, columns, rows
):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(rows))
    params = {f"model.optimizer.parameter_{i}": i / 7 for i in range(9)}
    space = dict.fromkeys(params, FloatDistribution(0, 2))
    done = create_trial(value=0.9, params=params, distributions=space)
    done.number = 7
    running = [trial(n, TrialState.RUNNING, None, 4) for n in range(8, 40)]
    out = Terminal()
    progress = Progress(
        Tally(4, 0, 0, 4, 0, 0), maximise=True, labels=Labels.of(ATTRS), out=out, constraints=()
    )
    progress.update(Tally(40, 0, 32, 8, 0, 0), running, "32 workers")
    assert out.getvalue().count("\n") < rows
    progress.note("stopping: " + "a word " * 30)
    progress.update(Tally(40, 1, 32, 7, 0, 0), [done, *running], "32 workers")
    words = {word for line in out.getvalue().splitlines() for word in line.split()}
    assert {f"parameter_{i}={i / 7:.3g}" for i in range(9)} <= words
    lines = re.sub("\x1b\\[[0-9]*[AJ]", "\n", out.getvalue()).splitlines()
    assert not [line for line in lines if len(line) >= columns]


def test_what_no_update_has_said_is_said_at_the_end():
    out = Terminal()
    progress = Progress(Tally(4, 0, 0, 4, 0, 0), maximise=True, out=out, constraints=())
    progress.note("error: no worker can start")
    progress.close()
    assert "no worker can start" in out.getvalue()


def test_the_best_of_a_minimisation_is_the_lowest():
    out = Terminal()
    Progress(Tally(2, 0, 0, 2, 0, 0), maximise=False, out=out, constraints=()).update(
        Tally(2, 2, 0, 0, 0, 0), DONE, ""
    )
    assert "value 0.8000" in out.getvalue()


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
    progress = Progress(Tally(5, 3, 2, 0, 0, 0), maximise=True, out=out, constraints=())
    for _ in range(2):
        progress.update(Tally(5, 3, 2, 0, 0, 0), [*done, slow, quick], "2 workers")
    assert out.getvalue().count("trial_timeout") == 1


def test_the_best_so_far_keeps_the_limits_of_now():
    large = trial(0, TrialState.COMPLETE, 0.9, 2)
    large.user_attrs["parameters"] = 150  # begun without limits
    small = trial(1, TrialState.COMPLETE, 0.8, 3)
    small.user_attrs["parameters"] = 50
    out = Terminal()
    limits = parse_constraints({"parameters": "<= 100"})
    progress = Progress(Tally(2, 0, 0, 2, 0, 0), maximise=True, out=out, constraints=limits)
    progress.update(Tally(2, 2, 0, 0, 0, 0), [large, small], "1 worker")
    assert "best so far: value 0.8000" in out.getvalue()


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
