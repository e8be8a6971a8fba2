"""Several processes in one trial, on the CPU: one draw of parameters, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from zmodel.study.storage.opening import open_storage

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_trials_of_two_processes_draw_once_and_follow_each_other(tmp_path):
    overrides = ["hparams_search=random", "data=digits", "trainer=ddp_sim", "trainer.max_epochs=1"]
    overrides += ["hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1", f"paths.log_dir={tmp_path}"]
    command = [sys.executable, "train.py", "-m", *overrides]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "studies" / "random"
    storage = open_storage(str(folder / "study.journal"), read_only=True)
    trials = optuna.load_study(study_name="random", storage=storage).trials
    assert len(trials) == 2 and len({t.params["model.width"] for t in trials}) == 2
    for trial in trials:
        found = json.loads((folder / "trials" / str(trial.number) / "result.json").read_text())
        assert trial.value == found["metrics"]["val/acc_best"]
        assert list(trial.intermediate_values) == [0] and "crashes" not in trial.user_attrs
