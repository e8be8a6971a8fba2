"""The example of a network and a LightningModule outside the package, run as its README says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_network"


def train(log_dir: Path, *overrides: str, code: int = 0) -> str:
    small = ("data=digits", "trainer.max_epochs=2", "extras.threads=1", f"paths.log_dir={log_dir}")
    done = subprocess.run(
        [sys.executable, "-m", "zmodel.train", "--config-dir", "conf", *small, *overrides],
        cwd=EXAMPLE, env={**os.environ, "ZMODEL_ALLOW": "mine.*"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_module_of_ones_own_is_trained_and_tested(tmp_path):
    train(tmp_path, "model=prototypes")
    (result,) = tmp_path.rglob("result.json")
    metrics = json.loads(result.read_text())["metrics"]
    assert metrics["val/acc_best"] > 0.5 and "test/acc" in metrics


@pytest.mark.slow
def test_a_metric_it_does_not_log_is_named_before_the_first_epoch(tmp_path):
    output = train(tmp_path, "model=prototypes", "optimized_metric=val/accuracy", code=1)
    assert "got 'val/accuracy'" in output and "Logged: train/loss, val/acc, val/acc_best" in output
    assert not list(tmp_path.rglob("metrics.csv")) and not list(tmp_path.rglob("*.ckpt"))
    monitor = "callbacks.early_stopping.monitor=val/lost"
    output = train(
        tmp_path, "model=prototypes", monitor, "+callbacks.early_stopping.mode=min", code=1
    )
    assert "callbacks.early_stopping.monitor " in output
