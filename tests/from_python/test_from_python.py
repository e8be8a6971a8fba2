"""The commands from Python: what they return, and the process that calls them afterwards."""

from __future__ import annotations

import inspect
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import cloudpickle
import pytest
import torch
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import zmodel
from zmodel import analyze, sweep, train
from zmodel.analysis import reporting
from zmodel.core.interrupt import Interrupted
from zmodel.from_python import commands
from zmodel.from_python.in_process import as_command

SMALL = [
    "data=digits", "data.epoch_steps=1", "data.folds=null", "trainer.max_epochs=1",
    "trainer.enable_progress_bar=false", "logger=csv",
]  # fmt: skip
STUDY = [*SMALL, "hydra.sweeper.n_trials=2", "hydra.sweeper.coverage=null",
         "hydra.sweeper.preflight=null"]  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_importing_zmodel_is_light_and_its_names_can_be_called():
    program = (
        "import sys; from zmodel import analyze, sweep, train; import zmodel.sweep.sweeper; "
        "assert all(map(callable, (train, analyze, sweep, zmodel.sweep)));"
        "print(*sorted({'torch', 'optuna', 'pytorch_lightning'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_the_names_are_modules_and_functions_at_once():
    import zmodel.train as module

    assert zmodel.train is train is module and callable(module.main)
    assert list(inspect.signature(train).parameters) == ["overrides"]
    assert cloudpickle.loads(cloudpickle.dumps(sweep)) is sweep


def test_a_run_returns_its_result_and_leaves_the_process_as_it_was(capsys):
    listened, handlers = signal.getsignal(signal.SIGINT), list(logging.getLogger().handlers)
    filters, threads = list(warnings.filters), torch.get_num_threads()
    with initialize_config_dir(str(Path(zmodel.__file__).parents[1] / "conf")):
        own = GlobalHydra.instance().hydra
        result = train([*SMALL, "model.z_layers=0"])
        assert GlobalHydra.instance().hydra is own
    folder = Path(result.pop("folder"))
    assert result == json.loads((folder / "result.json").read_text())
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"val/acc_best {result['metrics']['val/acc_best']:.4g}  test/acc ")
    assert said[1] == f"run      {folder.relative_to(Path.cwd())}"
    assert (folder / "train.log").is_file(), "the same files as the command's"
    assert signal.getsignal(signal.SIGINT) is listened
    assert logging.getLogger().handlers == handlers and warnings.filters == filters
    assert torch.get_num_threads() == threads


def test_a_study_is_returned_continued_and_judged(capsys, monkeypatch):
    # forests and figures, which take seconds
    monkeypatch.setattr(reporting, "judge_late", lambda findings: [])
    monkeypatch.setattr(reporting, "write_report", lambda *given: given[2] / "index.html")
    study = sweep(
        "zlayers",
        [*STUDY, "hydra.sweeper.n_jobs=0", "model.z_layers=0", "model.width=int(interval(4,8))"],
    )
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2
    assert study.trials[1].distributions["model.width"].high == 8
    noted = json.loads(Path("logs/studies/zlayers/study.json").read_text())["command"]
    assert noted.startswith("python -m zmodel.train -m hparams_search=zlayers data=digits")
    capsys.readouterr()
    judged = analyze("zlayers")
    assert [trial.number for trial in judged.study.trials] == [0, 1]
    assert "few_trials" in {verdict.code for verdict in judged.verdicts}
    assert judged.report == Path("logs/studies/zlayers/report/index.html").absolute()
    assert "few_trials" in capsys.readouterr().out
    with pytest.raises(ValueError, match="not be comparable"):
        sweep("zlayers", [*STUDY, "hydra.sweeper.n_jobs=0", "model.z_layers=0"])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: train("data=digits"), "list of words"),
        (lambda: train(["-m"]), "zmodel.sweep"),
        (lambda: train(["hydra.mode=MULTIRUN"]), "zmodel.sweep"),
        (lambda: train(["data=digit"]), "digits"),
        (lambda: train([*SMALL, "seed=-1"]), "seed"),
        (lambda: sweep("zlayer"), "zlayers"),
        (lambda: sweep("zlayers", ["hydra.sweeper.params.model.width=4"]), "model.width=4"),
        (lambda: analyze("nothing"), "there is no study"),
        (lambda: analyze(3), "got 3"),
        (lambda: analyze(["zlayers", None]), "None"),
    ],
)
def test_a_mistake_is_a_value_error_with_the_words_of_the_command(call, named):
    with pytest.raises(ValueError, match=named):
        call()
    assert not list(Path.cwd().glob("**/trials")) and not GlobalHydra.instance().is_initialized()


def test_an_interrupted_run_says_how_to_go_on():
    listened = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt, match="ckpt_path=last.ckpt"), as_command("train", []):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Interrupted(signal.SIGINT, "last.ckpt")
    assert signal.getsignal(signal.SIGTERM) is listened


def test_an_interrupted_study_is_told_from_one_that_cannot_go_on(monkeypatch):
    codes = iter([130, 1])

    def ended() -> None:
        raise SystemExit(next(codes))

    monkeypatch.setattr(commands, "with_hydra", lambda task, name: ended)
    with pytest.raises(KeyboardInterrupt, match="continues"):
        sweep("zlayers")
    with pytest.raises(ValueError, match="printed above"):
        sweep("zlayers")


def test_another_thread_is_refused():
    caught: list[Exception] = []

    def call() -> None:
        try:
            train(SMALL)
        except ValueError as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert len(caught) == 1


@pytest.mark.slow
def test_a_script_without_a_guard_may_start_workers_and_be_interrupted(tmp_path):
    """Workers that imported it would start the study once more, and so on."""
    Path("study.py").write_text(
        "from zmodel import sweep\n"
        f"study = sweep('zlayers', {STUDY} + ['hydra.sweeper.n_jobs=2'])\n"
        "print('completed', len(study.trials))\n"
    )
    done = subprocess.run([sys.executable, "study.py"], capture_output=True, text=True, timeout=300)
    assert "completed 2" in done.stdout and done.returncode == 0, done.stdout + done.stderr
    longer = Path("study.py").read_text().replace("n_trials=2", "n_trials=20")
    longer = longer.replace("max_epochs=1", "max_epochs=60").replace("n_jobs=2", "n_jobs=1")
    Path("study.py").write_text(longer.replace("])", ", 'study_name=other'])"))
    running = subprocess.Popen(
        [sys.executable, "study.py"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=120)
    assert running.returncode not in (0, None) and "KeyboardInterrupt" in said[1], said
