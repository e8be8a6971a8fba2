"""What a run is judged by decides what stops it, what is kept and what the study is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import SMALL, config, result
from torchmetrics.functional.classification import multiclass_f1_score

from zmodel.core.objective import study_directions, watch_objective
from zmodel.core.running_trial import running
from zmodel.model.classifier import macro_f1
from zmodel.run import run

ROOT = Path(__file__).parents[2]


class Trial:
    """Keeps what the run reports, as a study would."""

    number, pruned = 0, False

    def __init__(self):
        self.reported: list[float] = []

    def report(self, epoch, value):
        self.reported.append(value)

    def should_prune(self):
        return False


def rare(folder: Path) -> list[str]:
    """Overrides for a table in which one class of two is rare and overlaps the other."""
    rng = np.random.default_rng(0)
    y = (np.arange(1200) % 12 == 0).astype(np.int64)
    np.savez(folder / "rare.npz", x=rng.normal(size=(1200, 2)) + 1.5 * y[:, None], y=y)
    few = ["trainer.max_epochs=5", "trainer.enable_progress_bar=false", "model.width=8"]
    return ["data=arrays", f"data.path={folder / 'rare.npz'}", "model.kernel_size=3", *few]


def test_macro_f1_is_that_of_torchmetrics():
    torch.manual_seed(0)
    y, found = torch.randint(4, (2, 60))
    found[found == 3] = 2
    for classes in (4, 6):  # classes 4 and 5 neither occur nor are predicted
        counts = torch.zeros(classes, classes)
        counts.index_put_((y, found), torch.ones(60), accumulate=True)
        expected = multiclass_f1_score(found, y, num_classes=classes, average="macro")
        assert macro_f1(counts) == pytest.approx(float(expected))


@pytest.mark.parametrize("name, mode", [("f1", max), ("loss", min)])
def test_callbacks_follow_the_optimized_metric(tmp_path, name, mode):
    with running(Trial()) as trial:
        value = run(config(tmp_path, *rare(tmp_path), f"optimized_metric=val/{name}_best"))
    found = result(tmp_path)
    assert value == found["metrics"][f"val/{name}_best"] == pytest.approx(mode(trial.reported))
    assert trial.reported[found["best_epoch"]] == pytest.approx(value)
    assert trial.reported[-1] == pytest.approx(found["metrics"][f"val/{name}"])


def test_balanced_weights_find_more_of_the_rare_class(tmp_path):
    recalls, common = {}, rare(tmp_path)
    for i, weights in enumerate(("none", "balanced", "[1,11]")):
        run(config(tmp_path / str(i), *common, f"model.class_weights={weights}"))
        (_, _), (missed, hit) = result(tmp_path / str(i))["confusion_matrix"]["counts"]
        recalls[weights] = hit / (hit + missed)
    assert recalls["balanced"] > recalls["none"] + 0.2
    assert recalls["balanced"] == pytest.approx(recalls["[1,11]"], abs=0.05)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.class_weights=[1,2]", "10 positive numbers, one per class .0, 1, .*got .1, 2."),
        ("model.class_weights=balance", "none, balanced or 10 positive"),
        ("callbacks.early_stopping.monitor=val/loss callbacks.early_stopping.mode=max",
         "early_stopping.mode must be min for val/loss, got max"),
        ("optimized_metric=val/f2_best", "got 'val/f2_best'. Logged: .* val/f1_best"),
        ("callbacks.checkpoint.monitor=test/acc", "callbacks.checkpoint.monitor must name"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(tmp_path, override, words):
    with pytest.raises(ValueError, match=words):
        run(config(tmp_path, *SMALL, *override.split()))
    assert not (tmp_path / "checkpoints").exists()


def test_the_direction_of_a_study_follows_what_it_optimises():
    assert study_directions("val/acc_best") == ("maximize",)
    assert study_directions(["val/loss_best", "parameters"]) == ("minimize", "minimize")
    assert study_directions(["val/acc", "mine"], ["maximize", "minimize"]) == (
        "maximize", "minimize",
    )  # fmt: skip
    for metrics, given in (
        (["val/acc", "parameters"], ["maximize"]),  # one is missing
        ("val/acc", ["minimize"]),  # the wrong way
        ("mine", []),  # unknown
        (None, []),
    ):
        with pytest.raises(ValueError, match="hydra.sweeper.direction"):
            study_directions(metrics, given)


def test_a_study_in_the_wrong_direction_never_begins(tmp_path):
    with pytest.raises(ValueError, match="early_stopping.mode must be min or max for val/auc"):
        watch_objective(config(tmp_path, "optimized_metric=val/auc"), None)
    overrides = ["hparams_search=random", "hydra.sweeper.direction=minimize"]
    command = [sys.executable, "train.py", "-m", *overrides, f"paths.log_dir={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "hydra.sweeper.direction=maximize" in done.stderr
    assert not (tmp_path / "studies").exists()
