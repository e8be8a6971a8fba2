"""A project made from the lightning-hydra-template, from its search to its tested model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

EXAMPLE = Path(__file__).parents[2] / "examples" / "template"


def command(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env={**os.environ, "ZMODEL_ALLOW": "project.*"},
        capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_final_stage_of_the_project_has_the_keys_of_ours():
    own, ours = (
        OmegaConf.load(folder / "hparams_search" / "final.yaml")
        for folder in (EXAMPLE / "configs", EXAMPLE.parents[1] / "conf")
    )
    assert own.final == ours.final


@pytest.mark.slow
def test_the_project_is_searched_judged_and_brought_to_its_final_model(tmp_path):
    folder = tmp_path / "template"
    shutil.copytree(EXAMPLE, folder)
    command(folder, "train.py", "trainer.max_epochs=2")
    (run,) = folder.glob("logs/train/runs/*/result.json")
    assert json.loads(run.read_text())["metrics"]["test/acc"] > 0.8
    few = ("hydra.sweeper.n_trials=8", "hydra.sweeper.n_jobs=1", "trainer.max_epochs=8")
    command(folder, "train.py", "-m", "hparams_search=digits", *few)
    command(folder, "-m", "zmodel.analyze", "study=digits")
    study = folder / "logs" / "studies" / "digits"
    summary = json.loads((study / "report" / "summary.json").read_text())
    depths = summary["coverage"]["model.net.depth"]
    assert {depth: one["complete"] >= 2 for depth, one in depths.items()} == dict.fromkeys(
        ["0", "1", "2", "3"], True
    )
    assert summary["early_stopping"]["epochs_run"] <= summary["early_stopping"]["epochs_allowed"]
    final = ("final.top=1", "final.seeds=2", "hydra.sweeper.n_jobs=1")
    said = command(folder, "train.py", "-m", "hparams_search=final", "study=digits", *final)
    assert "not written" not in said
    assert json.loads((study / "final" / "summary.json").read_text())["test_acc_mean"] > 0.8
    assert (study / "final" / "model" / "weights.pt").is_file()
