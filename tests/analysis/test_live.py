"""A study that still runs: what is said so far, one screen, a page that refreshes, HTTP."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from reports import config, make_study

from zmodel import analysis
from zmodel.analysis import analyze_command as command
from zmodel.analysis.live import control as controls
from zmodel.analysis.live import watch as live
from zmodel.analysis.live.control import Control
from zmodel.analysis.live.server import ReportServer, host_and_port
from zmodel.analysis.live.so_far import running_lines, so_far
from zmodel.analysis.page.html import document, settled
from zmodel.analysis.rules.verdict import Verdict
from zmodel.study.notes import notes_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.storage.opening import open_storage

ALARMS = [Verdict(code, "alarm", "text") for code in ("few_trials", "underexplored", "failures")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log folder of a study of 10 trials, two of which run."""
    log_dir = tmp_path_factory.mktemp("logs")
    make_study(log_dir, "busy", 10, running=2)
    return log_dir


def test_what_further_trials_may_change_is_no_alarm_yet(busy: Path):
    study = analysis.load("busy", log_dir=busy)
    found = {v.code: v.severity for v in so_far(ALARMS, study)}
    assert found == {"few_trials": "note", "underexplored": "note", "failures": "alarm"}


def test_what_follows_a_study_waits_for_its_end():
    done = [TrialRecord(i, "complete", {}, (0.5,), {}, None, None) for i in range(9)]
    record = StudyRecord("s", ("maximize",), {}, tuple(done))
    said = [Verdict(code, "note", "x", action="python x") for code in ("failures", "boundary")]
    assert [v.action for v in so_far(said, record)] == ["python x", None]


def test_nothing_is_judged_before_a_few_trials_have_ended(tmp_path: Path):
    make_study(tmp_path, "new", 6, running=4)
    assert so_far(ALARMS, analysis.load("new", log_dir=tmp_path)) == []


def test_running_trials_are_shown_with_their_epoch_and_value(busy: Path):
    study = analysis.load("busy", log_dir=busy)
    running = [t for t in study.trials if t.state == "running"]
    lines = running_lines(study)
    assert len(lines) == 2
    for line, trial in zip(lines, running, strict=True):
        assert re.search(rf"trial {trial.number}: .*epoch {len(trial.curve)}\b", line)
    auto = replace(study, attrs={**study.attrs, "fixed": {"data.folds": "auto"}})
    steps = len(running[0].curve)
    assert running_lines(auto) == lines, "a run that found data enough has no folds"
    folded = [replace(t, attrs={**t.attrs, "folds": 5}) for t in study.trials]
    assert f"fold {steps} of 5," in running_lines(replace(study, trials=folded))[0]
    record = analysis.running(study)
    assert set(record.curves) == {t.number for t in running}
    assert all(min(curve) == 1 for curve in record.curves.values())
    assert record.best_number == study.best_first[0].number


def test_a_terminal_shows_one_screen_and_a_file_gets_a_line_per_news(monkeypatch):
    size = (80, 6)
    monkeypatch.setattr(live.shutil, "get_terminal_size", lambda _: os.terminal_size(size))
    terminal, file = Terminal(), io.StringIO()
    for out in (terminal, file):
        screen = live.Screen(out)
        for text in ("first", "first", "second"):
            screen.say("\n".join([text, *"abcdefgh"]))
            screen.end("again")
    shown = terminal.getvalue().split(live.HOME)
    assert all(part.count("\n") <= size[1] - 1 for part in shown)
    assert "again" in shown[-1] and "second" in shown[-1] and "first" not in shown[-1]
    lines = file.getvalue().splitlines()
    assert [line.split()[-1] for line in lines] == ["first", "second"]


def test_a_screen_has_room_for_the_rows_into_which_a_long_line_is_broken(monkeypatch):
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((20, 6)))
    out = Terminal()
    screen = live.Screen(out)
    screen.say("\n".join(["\033[1mfirst\033[0m", "c" * 41, "cut"]))
    screen.end("footer")
    assert "cut" not in out.getvalue() and "footer" in out.getvalue() and "ccc" in out.getvalue()


def test_watching_leaves_the_cores_to_the_training(monkeypatch):
    clock, pauses = [0.0], []
    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(live.time, "sleep", pauses.append)
    rounds = iter([(20.0, False), (1.0, False), (0.0, True)])

    def once(say: Any) -> tuple[bool, str]:
        took, done = next(rounds)
        clock[0] += took
        return done, "found"

    assert live.watch(once, 5, live.Screen(io.StringIO())) == "found"
    assert pauses == [40, 5]


def test_a_page_that_nobody_writes_again_does_not_reload():
    page = document("t", "", [], "", "", refresh=7)
    assert 'data-refresh="7"' in page and '<meta http-equiv="refresh" content="7">' in page
    still = settled(page)
    assert "data-refresh=" not in still.split("<style>")[0] and "http-equiv" not in still


def test_watching_that_is_stopped_leaves_a_page_that_does_not_reload(busy: Path, monkeypatch):
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(live.time, "sleep", interrupt)
    monkeypatch.setattr("zmodel.analysis.catalog.SECTIONS", ())
    with pytest.raises(SystemExit):
        command.analyze(config(busy, "busy", watch=5))
    page = (busy / "studies" / "busy" / "report" / "index.html").read_text()
    assert "data-refresh=" not in page.split("<style>")[0]
    assert "so far: 8 of 10 trials" in page


@pytest.mark.parametrize("wrong", ["x", "host:", True, 70000, "1:2:x"])
def test_an_address_to_serve_at_is_a_port(wrong):
    with pytest.raises(ValueError, match="^serve must be"):
        host_and_port(wrong)
    assert host_and_port(8765) == ("127.0.0.1", 8765)
    assert host_and_port("0.0.0.0:1") == ("0.0.0.0", 1)


def ask(address: str, body: Any = None, **headers: str) -> tuple[int, str]:
    """Status and text of an answer; redirects are followed without cookies."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        address, data, {k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ReportServer]:
    folder = make_study(tmp_path, "busy", 4)
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_text("the page")
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    control = Control("busy", tmp_path, None)
    server = ReportServer("127.0.0.1", 0, folder, "report/index.html", control)
    server.start()
    yield server
    server.shutdown()
    server.server_close()


def test_this_machine_reads_the_report_and_nothing_else(served: ReportServer):
    address = served.address.rstrip("/")
    assert ask(f"{address}/") == (200, "the page")
    assert ask(f"{address}/trials/0/result.json")[0] == 200
    for path in ("/../secret", "/%2e%2e/secret", "/link", "/report/../../../secret", "//secret"):
        assert ask(address + path)[0] in (400, 404), path
    assert ask(f"{address}/", Host="evil.example")[0] == 403


def test_other_hosts_need_the_token(served: ReportServer):
    address = served.address.rstrip("/")
    served.token = "right"
    assert ask(f"{address}/")[0] == 403
    assert ask(f"{address}/?token=wrong")[0] == 403
    assert ask(f"{address}/", Cookie="zmodel=wrong")[0] == 403
    assert ask(f"{address}/", Cookie="zmodel=right") == (200, "the page")
    assert ask(f"{address}/api/stop", {}, X_Zmodel="1")[0] == 403
    far = ReportServer("0.0.0.0", 0, served.root, served.index, served.control)
    far.server_close()
    assert far.token and f"token={far.token}" in far.address


def test_a_note_is_kept_with_the_study_and_shown(served: ReportServer):
    address, control = served.address.rstrip("/"), served.control
    note = {"key": "2", "text": "odd <curve>"}
    assert ask(f"{address}/api/note", note)[0] == 403, "a foreign page can send this"
    assert ask(f"{address}/api/note", note, X_Zmodel="1")[0] == 200
    assert notes_of(control.study()) == {"2": "odd <curve>"}
    assert json.loads(ask(f"{address}/api/state")[1])["notes"] == {"2": "odd <curve>"}
    for wrong in ({"key": "9", "text": "x"}, {"key": "2", "text": 3}, {"key": "2"}, []):
        assert ask(f"{address}/api/note", wrong, X_Zmodel="1")[0] == 400
    assert ask(f"{address}/api/else", {}, X_Zmodel="1")[0] == 404


def test_the_study_is_stopped_and_continued(served: ReportServer, tmp_path, monkeypatch):
    address, control = served.address.rstrip("/"), served.control
    before = control.study().attrs.get("stop")
    assert ask(f"{address}/api/stop", {}, X_Zmodel="1")[0] == 200
    assert control.study().attrs["stop"] != before
    started = []
    monkeypatch.setattr(controls.subprocess, "Popen", lambda words, **_: started.append(words))
    monkeypatch.chdir(Path(__file__).parents[2])
    assert ask(f"{address}/api/continue", {}, X_Zmodel="1")[0] == 200
    wanted = ["train.py", "-m", "hparams_search=zlayers", "study_name=busy"]
    here = f"paths.log_dir={tmp_path.resolve()}"  # not in logs/, where it would be another study
    assert started == [[sys.executable, *wanted, here]]
    journal = str(tmp_path / "studies" / "busy" / "study.journal")
    study = optuna.load_study(study_name="busy", storage=open_storage(journal))
    study.set_user_attr("command", "rm -rf /")
    assert ask(f"{address}/api/continue", {}, X_Zmodel="1")[0] == 400
    assert len(started) == 1
