"""Runs of ``task=regression``: what they log and leave, folds, what contradicts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from runs import config, result
from sklearn.datasets import load_diabetes

from zmodel.run import run


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "diabetes.csv"
    load_diabetes(as_frame=True).frame.to_csv(path, index=False)
    return path


def small(table: Path, *overrides: str) -> list[str]:
    shared = ["data=arrays", f"data.path={table}", "task=regression", "model.z_layers=0"]
    return [*shared, "trainer.max_epochs=4", "trainer.enable_progress_bar=false", *overrides]


def test_a_run_is_judged_by_the_squared_error(table, tmp_path):
    value = run(config(tmp_path, *small(table)))
    found = result(tmp_path)
    metrics = found["metrics"]
    assert value == metrics["val/mse_best"] < metrics["val/mse"] * 1.0001
    assert {"train/mse", "val/mae", "val/r2", "test/mse", "test/mae", "test/r2"} <= set(metrics)
    assert metrics["test/r2"] > 0.2 and found["never_learned"] is False
    shown = found["predictions"]
    true, predicted = np.array(shown["true"]), np.array(shown["predicted"])
    assert shown["targets"] == ["target"] and shown["samples"] == len(true) == 70
    assert ((true - predicted) ** 2).mean() == pytest.approx(value, rel=1e-4)  # the best epoch
    assert "confusion_matrix" not in found


def test_a_network_that_stays_at_the_mean_has_not_learned(table, tmp_path):
    run(config(tmp_path, *small(table, "model.optimizer.lr=1e-7", "trainer.max_epochs=1",
                                "model.z_layers=1", "model.width=1")))  # fmt: skip
    assert result(tmp_path)["never_learned"] is True


def test_folds_and_several_targets(table, tmp_path):
    targets = "data.label_column=[target,bmi]"
    run(config(tmp_path, *small(table, targets, "data.folds=3", "trainer.max_epochs=2")))
    found = result(tmp_path)
    each = [fold["metrics"]["val/mse_best"] for fold in found["folds"]]
    assert found["metrics"]["val/mse_best"] == pytest.approx(np.mean(each))
    assert found["predictions"]["samples"] == len(found["predictions"]["true"]) == 352
    assert found["predictions"]["targets"] == ["target", "bmi"]


def test_a_task_that_does_not_fit_the_targets_is_refused(table, tmp_path):
    with pytest.raises(ValueError, match="Digits has classes"):
        run(config(tmp_path, "data=digits", "task=regression"))
    with pytest.raises(ValueError, match="are measured values. Set task=regression"):
        run(config(tmp_path, "data=arrays", f"data.path={table}", "data.task=regression"))
    with pytest.raises(ValueError, match="class_weights needs classes, got balanced"):
        run(config(tmp_path, *small(table, "model.class_weights=balanced")))
