"""``python -m zmodel.study``: list, show, mend."""

from __future__ import annotations

import re
import subprocess
import sys

import optuna
import pytest
from optuna.trial import TrialState

from zmodel.study.__main__ import main
from zmodel.study.records import find_study
from zmodel.study.stop_request import stop_request
from zmodel.study.storage.opening import open_storage


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "studies" / "deep"
    folder.mkdir(parents=True)
    study = optuna.create_study(
        study_name="deep", storage=open_storage(str(folder / "study.journal")), direction="maximize"
    )
    study.set_user_attr("n_trials", 9)
    study.set_user_attr("command", "python train.py -m hparams_search=deep")
    for _ in range(3):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0, 1))
    study.ask()
    return tmp_path


def test_ls_and_show(logs, capsys):
    assert main(["--log-dir", str(logs), "ls"]) == 0
    line = capsys.readouterr().out
    assert "deep" in line and "of 9" in line and "3 complete" in line and "1 running" in line
    assert main(["--log-dir", str(logs), "show", "deep"]) == 0
    shown = capsys.readouterr().out
    assert "x  0 to 1" in shown and "python train.py -m hparams_search=deep" in shown
    assert "running, starting" in shown and "Distribution" not in shown and "{" not in shown
    numbers = re.findall(r"x=(\S+)", shown)
    assert len(numbers) == 4 - 1 and max(map(len, numbers)) <= 7


def test_ls_tells_what_was_put_back_from_what_failed(logs, capsys):
    storage = open_storage(str(logs / "studies" / "deep" / "study.journal"))
    study = optuna.load_study(study_name="deep", storage=storage)
    for attrs in ({"slot": 7, "interrupted": "Ctrl-C"}, {"slot": 8}):
        trial = study.ask()
        for key, value in attrs.items():
            trial.set_user_attr(key, value)
        study.tell(trial, state=TrialState.FAIL)
    assert main(["--log-dir", str(logs), "ls"]) == 0
    line = capsys.readouterr().out
    assert "1 failed" in line and "1 interrupted, will resume" in line


def test_an_unknown_study_names_the_known_ones(logs, capsys):
    for verb in ("show", "stop"):
        assert main(["--log-dir", str(logs), verb, "dep"]) == 1
        assert "did you mean deep" in capsys.readouterr().err
    assert not (logs / "studies" / "dep").exists()


def test_repair_mends_what_cannot_be_opened(logs, capsys):
    path = logs / "studies" / "deep" / "study.journal"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], "garbage\n", *lines[4:]]))
    assert main(["--log-dir", str(logs), "show", "deep"]) == 1
    assert "repair" in capsys.readouterr().err
    assert main(["repair", str(path)]) == 0
    assert "line 4" in capsys.readouterr().out
    assert main(["--log-dir", str(logs), "show", "deep"]) == 0


def test_stop_is_a_new_request_each_time_and_names_who_still_runs(logs, capsys):
    storage = open_storage(str(logs / "studies" / "deep" / "study.journal"), read_only=True)
    study = optuna.load_study(study_name="deep", storage=storage)
    seen = [stop_request(study)]
    for _ in range(2):
        assert main(["--log-dir", str(logs), "stop", "deep"]) == 0
        assert "running: 3" in capsys.readouterr().out
        seen.append(stop_request(study))
    assert len(set(seen)) == 3


def test_repair_takes_the_folder_of_a_study(logs, capsys):
    assert main(["repair", str(logs / "studies" / "deep")]) == 0
    assert "no damage" in capsys.readouterr().out


def test_a_study_that_lost_its_journal_is_not_unknown(logs, capsys):
    folder = logs / "studies" / "deep"
    (folder / "study.json").write_text("{}")
    (folder / "study.journal").unlink()
    assert main(["--log-dir", str(logs), "show", "deep"]) == 1
    assert f"repair {folder}" in capsys.readouterr().err
    assert main(["--log-dir", str(logs), "ls"]) == 0
    assert f"repair {folder}" in capsys.readouterr().out


def test_a_folder_named_like_a_journal_is_no_study(logs, capsys):
    (logs / "studies" / "odd" / "study.journal").mkdir(parents=True)
    assert main(["--log-dir", str(logs), "ls"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["deep"]


def test_an_emptied_journal_is_told_from_a_study_that_does_not_exist(logs):
    folder = logs / "studies" / "deep"
    (folder / "trials" / "0").mkdir(parents=True)
    (folder / "trials" / "0" / "result.json").write_text("{}")
    (folder / "study.journal").write_bytes(b"")
    with pytest.raises(ValueError, match=f"repair {folder}"):
        find_study("deep", logs)


def test_a_reader_that_leaves_early_gets_no_trace(logs):
    command = f"{sys.executable} -m zmodel.study --log-dir {logs} show deep | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""
