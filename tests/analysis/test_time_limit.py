"""Work that takes too long is ended, whatever it does, and says so."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from zmodel import analysis
from zmodel.analysis.diagnostics.space import importance
from zmodel.analysis.findings import Findings
from zmodel.analysis.statistics import importance_methods
from zmodel.analysis.summary import summarize
from zmodel.analysis.time_limit import TimeUp, within
from zmodel.study.records import StudyRecord, TrialRecord


def busy(seconds: float) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(100))
    return "done"


def test_work_in_time_returns_and_is_left_alone_afterwards():
    assert within(0.05, lambda: busy(0)) == "done"
    assert busy(0.2) == "done"


def test_work_that_takes_too_long_is_ended():
    started = time.monotonic()
    with pytest.raises(TimeUp, match=r"0\.1 s"):
        within(0.1, lambda: busy(30))
    assert time.monotonic() - started < 5


def test_its_own_errors_come_out():
    with pytest.raises(KeyError):
        within(5, lambda: {}["x"])


def test_work_that_catches_errors_is_ended_too():
    def stubborn() -> None:
        for _ in range(30):
            try:
                busy(1)
            except Exception:
                continue

    with pytest.raises(TimeUp):
        within(0.1, stubborn)


def test_limits_nest_and_each_ends_its_own():
    def outer() -> str:
        with pytest.raises(TimeUp):
            within(0.05, lambda: busy(30))
        return busy(0)

    assert within(30, outer) == "done"
    with pytest.raises(TimeUp, match=r"0\.2 s"):
        within(0.2, lambda: within(30, lambda: busy(30)))


def test_it_works_in_any_thread():
    found = []

    def run() -> None:
        try:
            within(0.1, lambda: busy(30))
        except TimeUp:
            found.append("ended")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert found == ["ended"]


def test_it_never_strikes_after_the_work_is_done():
    for _ in range(100):
        try:
            within(0.02, lambda: busy(0.02))
        except TimeUp:
            continue
    assert busy(0.2) == "done"


def wide(trials: int, choices: int) -> StudyRecord:
    """A study of one parameter with many choices, and one that matters."""
    rng = np.random.default_rng(0)
    space = {
        "word": CategoricalDistribution([f"w{i}" for i in range(choices)]),
        "lr": FloatDistribution(0, 1),
    }
    records = []
    for number in range(trials):
        params = {"word": f"w{rng.integers(choices)}", "lr": float(rng.random())}
        at = datetime(2026, 1, 1) + timedelta(minutes=number)
        records.append(
            TrialRecord(number, "complete", params, (params["lr"],), {}, at, at, {}, {}, space)
        )
    return StudyRecord("wide", ("maximize",), space, tuple(records))


@pytest.mark.long
def test_a_method_that_takes_too_long_is_left_out_and_named(monkeypatch):
    monkeypatch.setattr(importance_methods, "MOST_CHOICES", 1000)
    started = time.monotonic()
    study = wide(60, 40)
    found = analysis.importance(study, seconds=2)
    assert time.monotonic() - started < 30
    assert "2 s" in found.skipped["fanova"] and "fANOVA" in importance.caption(found)
    assert found.of("fanova") is None and found.of("mdi").first == "lr"
    findings = Findings(study)
    monkeypatch.setattr(findings, "get", lambda data: found if data == importance.data else None)
    notes = summarize(findings, [])["verdicts"]
    assert any("fANOVA" in note["message"] for note in notes)


def test_a_diagnostic_that_takes_too_long_is_missing_with_the_reason():
    findings = Findings(wide(3, 3), seconds=0.1)
    assert findings.get(lambda study: busy(30)) is None
    slow = lambda study: busy(30)  # noqa: E731
    assert "0.1 s" in findings.reason(slow)
    assert findings.get(lambda study: "quick") == "quick"
