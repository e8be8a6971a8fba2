"""What surrounds a command: .env, values of this machine, the shown configuration, completion."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import ConfigCompositionException

from zmodel.cli.command import Redacted, message, report

ROOT = Path(__file__).parents[2]


def shown(folder: Path, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_env_file_of_the_folder_is_read_and_the_environment_wins(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("WORD=from_file\nOTHER=from_file\n")
    monkeypatch.setenv("OTHER", "from_shell")
    said = shown(tmp_path, "--cfg", "job", "--resolve", "-p", "tags",
                 "tags=['${oc.env:WORD}','${oc.env:OTHER}']")  # fmt: skip
    assert said.splitlines()[1:] == ["- from_file", "- from_shell"]


def test_values_of_this_machine(tmp_path):
    (tmp_path / "conf" / "local").mkdir(parents=True)
    (tmp_path / "conf" / "local" / "default.yaml").write_text(
        "# @package _global_\nextras:\n  threads: 3\n"
    )
    assert "threads: 3" in shown(tmp_path, "--config-dir", "conf", "--cfg", "job", "-p", "extras")


@pytest.mark.long
def test_the_configuration_of_a_run_and_of_a_study_can_be_shown(tmp_path):
    assert "z_layers: 3" in shown(tmp_path, "--cfg", "job")
    study = ["-m", "hparams_search=zlayers"]
    assert "max_epochs: 80" in shown(tmp_path, *study, "--cfg", "job")
    assert "n_trials: 30" in shown(tmp_path, *study, "--cfg", "hydra", "-p", "hydra.sweeper")
    assert "hparams_search/zlayers" in shown(tmp_path, *study, "--info", "defaults")
    named = shown(tmp_path, *study, "study_name=2024_01_15", "~logger", "--cfg", "job")
    assert "study_name: '2024_01_15'" in named and "logger: {}" in named
    assert "StudySweeper" in shown(tmp_path, "--info", "plugins")
    assert not list(tmp_path.iterdir())


@pytest.mark.long
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_groups_options_and_keys(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    script = """
        eval "$(python train.py -sc install=bash)"
        complete_word() {
            COMP_LINE="python train.py $1"; COMP_POINT=${#COMP_LINE}
            COMP_WORDS=(python train.py "$1"); COMP_CWORD=2
            hydra_bash_completion; echo "${COMPREPLY[@]}"
        }
        complete_word hparams_search=z; complete_word model.z_l; complete_word logger=m
    """
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env={**os.environ, "PATH": path},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "hparams_search=zlayers", "model.z_layers=", "logger=many_loggers logger=mlflow",
    ], done.stderr  # fmt: skip


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_what_a_disk_refuses_is_said_without_a_trace(number, capsys):
    assert report(OSError(number, os.strerror(number), "/logs/x")) == 1
    err = capsys.readouterr().err
    assert os.strerror(number) in err and "/logs/x" in err and "Traceback" not in err
    report(OSError(errno.ECHILD, "a fault of ours"))
    assert "a fault of ours" in capsys.readouterr().err


def test_a_full_disk_is_told_from_what_was_raised_on_the_way(capsys):
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "/scratch/x", None, "/logs/x")
        except OSError:
            raise RuntimeError("unexpected pos 576 vs 534")  # noqa: B904 - as torch does
    except RuntimeError as error:
        assert report(error) == 1
    err = capsys.readouterr().err
    assert "No space left on device" in err and "/logs/x" in err and "Traceback" not in err


def test_a_group_that_cannot_be_empty_is_named(monkeypatch):
    error = ConfigCompositionException(
        "Config group override must be a string or a list. Got NoneType"
    )
    monkeypatch.setattr("sys.argv", ["train.py", "seed=1", "data=null"])
    assert "data=null" in message(error) and "seed" not in message(error)


def test_hydra_does_not_repeat_the_command_before_our_message(monkeypatch, capsys):
    failed = JobReturn(overrides=["a=1"], status=JobStatus.FAILED)
    failed.return_value = ValueError("a must be 2")
    monkeypatch.setattr(sys, "stderr", Redacted(sys.stderr))
    with pytest.raises(ValueError):
        failed.return_value  # noqa: B018 - reading it raises and writes
    assert capsys.readouterr().err == ""
