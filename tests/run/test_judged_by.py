"""What a run is judged by decides what stops it, what is kept and what the study is told."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import SMALL, config, result
from torchmetrics.functional.classification import multiclass_f1_score
from trials import Trial

from zmodel.core.running_trial import running
from zmodel.model.classifier import Classifier, macro_f1
from zmodel.run import run


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
    assert value == found["metrics"][f"val/{name}_best"] == pytest.approx(mode(trial.curve))
    assert trial.reported[found["best_epoch"]] == pytest.approx(value)
    assert trial.curve[-1] == pytest.approx(found["metrics"][f"val/{name}"])


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
         "early_stopping.mode .*min .*val/loss, got max"),
        ("optimized_metric=val/f2_best", "got 'val/f2_best'. Logged: .* val/f1_best"),
        ("callbacks.checkpoint.loss=val/los", "callbacks.checkpoint.loss .*'val/los'"),
        ("callbacks.early_stopping.loss=los", "callbacks.early_stopping.loss .*'los'"),
        ("callbacks.checkpoint.monitor=test/acc", "callbacks.checkpoint.monitor .*test/acc"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(tmp_path, override, words):
    with pytest.raises(ValueError, match=words):
        run(config(tmp_path, *SMALL, *override.split()))
    assert not (tmp_path / "checkpoints").exists()


class OwnError(Classifier):
    """Logs an error, and declares nothing."""

    METRICS = None

    def scores(self, sums, split):
        scores = super().scores(sums, split)
        return scores | {"mse": scores["loss"] ** 2}


def test_an_error_of_ones_own_is_minimised_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("ZMODEL_ALLOW", f"{__name__}.*")
    own = [f"model._target_={__name__}.OwnError", "model.optimizer.lr=0.1", "trainer.max_epochs=4"]
    cfg = config(tmp_path, *SMALL, *own, "optimized_metric=val/mse", "test=false")
    with running(Trial()) as trial:
        value = run(cfg)
    assert cfg.callbacks.early_stopping.mode == cfg.callbacks.checkpoint.mode == "min"
    assert value == min(trial.curve) == trial.reported[result(tmp_path)["best_epoch"]]


@pytest.mark.parametrize("monitor", ["val/acc", "train/loss"])
def test_a_metric_counts_as_it_was_in_the_epoch_that_is_kept(tmp_path, monitor):
    step = "_target_: torch.optim.lr_scheduler.StepLR, _partial_: true, step_size: 2, gamma: 1e4"
    few = [f"model.scheduler={{{step}}}", "trainer.max_epochs=4", "test=false"]  # ruined at last
    few += [f"callbacks.checkpoint.monitor={monitor}", "model.optimizer.lr=0.005"]
    with running(Trial()) as trial:
        value = run(config(tmp_path, *SMALL, *few, "optimized_metric=val/loss"))
    found = result(tmp_path)
    kept = found["best_epoch"]
    assert kept < 3 and value == trial.reported[kept] == found["best_metrics"]["val/loss"]
    assert found["metrics"]["val/loss"] == trial.curve[-1] != value
    losses = [
        row["train/loss"]
        for row in csv.DictReader((tmp_path / "csv/metrics.csv").read_text().splitlines())
    ]
    assert found["best_metrics"]["train/loss"] == float([x for x in losses if x][kept])


@pytest.mark.parametrize("every", [1, 2])
def test_a_metric_of_training_can_be_optimised(tmp_path, every):
    few = ["trainer.max_epochs=4", f"trainer.check_val_every_n_epoch={every}", "test=false"]
    with running(Trial()) as trial:
        value = run(config(tmp_path, *SMALL, *few, "optimized_metric=train/loss"))
    assert sorted(trial.reported) == [0, 1, 2, 3] and value == min(trial.curve)
    assert result(tmp_path)["best_metrics"]["train/loss"] == value


def test_a_metric_of_training_needs_no_validation(tmp_path):
    none = ["+trainer.limit_val_batches=0", "trainer.max_epochs=2", "test=false"]
    value = run(config(tmp_path, *SMALL, *none, "optimized_metric=train/loss"))
    assert value == result(tmp_path)["metrics"]["train/loss"]
