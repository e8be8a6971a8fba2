"""Runs and studies on a real GPU; skipped where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from runs import SMALL, config, result

from zmodel.run import run
from zmodel.study.run_folder import read_metrics

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def trained(folder: Path, *overrides: str) -> dict[str, float]:
    run(config(folder, *SMALL, "trainer.max_epochs=8", *overrides))
    return result(folder)["metrics"]


def test_a_gpu_learns_what_a_cpu_learns_and_its_checkpoint_needs_no_gpu(tmp_path):
    gpu = trained(tmp_path / "gpu", "trainer=gpu")
    cpu = trained(tmp_path / "cpu")
    assert gpu["val/acc_best"] == pytest.approx(cpu["val/acc_best"], abs=0.05)
    assert gpu["test/acc"] > 0.85
    checkpoint = tmp_path / "gpu" / "checkpoints" / "best.ckpt"
    weights = torch.load(checkpoint, weights_only=False)["state_dict"]
    assert {value.device.type for value in weights.values()} == {"cpu"}
    tested = config(tmp_path / "tested", *SMALL, "train=false", f"ckpt_path={checkpoint}")
    run(tested)
    assert result(tmp_path / "tested")["metrics"]["test/acc"] == pytest.approx(
        gpu["test/acc"], abs=0.005
    )


@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores")
@pytest.mark.parametrize(
    "overrides",
    [["trainer.precision=bf16-mixed"], ["trainer.precision=16-mixed"], ["model.compile=true"]],
)
def test_half_precision_and_a_compiled_network(tmp_path, overrides):
    assert trained(tmp_path, "trainer=gpu", *overrides)["test/acc"] > 0.8


def test_a_run_goes_on_from_its_checkpoint(tmp_path):
    half = ["trainer=gpu", "callbacks.early_stopping.patience=100"]
    run(config(tmp_path / "half", *SMALL, *half, "trainer.max_epochs=2", "test=false"))
    last = tmp_path / "half" / "checkpoints" / "last.ckpt"
    on = [*half, "trainer.max_epochs=8", "logger=csv", f"ckpt_path={last}"]
    run(config(tmp_path / "on", *SMALL, *on))
    assert sorted(read_metrics(tmp_path / "on")["val/acc"]) == [2, 3, 4, 5, 6, 7]
    assert result(tmp_path / "on")["metrics"]["test/acc"] > 0.85


@pytest.mark.parametrize(
    "budget", ["zlayers hydra.sweeper.n_trials=6", "halving hydra.sweeper.epochs=60"]
)
def test_workers_share_a_gpu(tmp_path, budget):
    """Also shows that no worker is a fork of a process in which CUDA has begun."""
    command = [
        sys.executable, "train.py", "-m", *f"hparams_search={budget}".split(), *SMALL,
        "trainer=gpu", "trainer.max_epochs=4", "hydra.sweeper.n_jobs=3", "study_name=gpu",
        f"paths.log_dir={tmp_path}",
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True)
    results = list(tmp_path.rglob("trials/*/result.json"))
    assert len(results) == 6 if "zlayers" in budget else len(results) >= 10, "two of every depth"
    assert all(json.loads(file.read_text())["metrics"] for file in results)
