"""A sample of weight 2 counts as two, in training and in every score."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from runs import config, result
from sklearn import metrics as sk
from torch.nn import functional as F

from zmodel.final.estimates import Estimates, scores_of
from zmodel.final.scores import Predictions, calibration
from zmodel.model.classifier import Classifier
from zmodel.model.regressor import Regressor
from zmodel.model.znet import ZNet
from zmodel.run import run

RNG = np.random.default_rng(0)
W = torch.tensor([1.0, 2.0, 3.0, 1.0, 1.0])
TWICE = torch.tensor([0, 1, 1, 2, 2, 2, 3, 4])


def test_the_loss_of_a_classifier_is_that_of_repeated_rows():
    outputs, y = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    optimizer = partial(torch.optim.SGD, lr=0.1)
    for classes in (None, torch.tensor([0.5, 1.0, 4.0])):
        model = Classifier(ZNet, optimizer, label_smoothing=0.1)
        model.class_weights = classes
        expected = model.loss(outputs[TWICE], y[TWICE])
        if classes is None:
            found = model.loss(outputs, y, W / W.mean())
        else:  # the classes' weights are those of repeated rows in the mean over batches alone
            found = model.loss(outputs, y, W) * classes[y].sum() / (classes[y] * W).sum()
        torch.testing.assert_close(found, expected)
    found = model.scores(model.evaluate(outputs, y, W), "val")
    expected = model.scores(model.evaluate(outputs[TWICE], y[TWICE]), "test")
    torch.testing.assert_close(found, expected)
    assert torch.equal(model.confusion["val"], model.confusion["test"])
    assert model.count(outputs, y, W) == model.count(outputs[TWICE], y[TWICE])


def test_scores_of_a_regression_are_scikit_learns_with_weights():
    y, outputs = torch.randn(5, 2) * 10, torch.randn(5, 2)
    data = SimpleNamespace(
        target_names=["a", "b"], input_shape=(2,), num_classes=2,
        samples_of=lambda part: (torch.zeros(5, 2), y, W / W.mean()),
    )  # fmt: skip
    model = Regressor(ZNet, partial(torch.optim.SGD, lr=0.1), z_layers=0)
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    model._trainer = SimpleNamespace(datamodule=data, strategy=strategy)  # type: ignore[assignment]
    model.setup("test")
    torch.testing.assert_close(model.target_mean, y[TWICE].mean(0))
    torch.testing.assert_close(model.target_std, y[TWICE].std(0, correction=0))
    scores = model.scores(model.evaluate(outputs, y, W), "val")
    given, predicted = y.numpy(), model.in_units(outputs).numpy()
    expected = {
        "mse": sk.mean_squared_error(given, predicted, sample_weight=W),
        "mae": sk.mean_absolute_error(given, predicted, sample_weight=W),
        "r2": sk.r2_score(given, predicted, sample_weight=W),
    }
    assert {k: float(scores[k]) for k in expected} == pytest.approx(expected, rel=1e-4)
    loss = F.mse_loss(outputs[TWICE], model.standardised(y[TWICE]))
    torch.testing.assert_close(model.loss(outputs, y, W / W.mean()), loss)
    torch.testing.assert_close(scores["loss"], loss)
    predicted, given = np.tile(predicted, (9, 1)), np.tile(given, (9, 1))
    kept = [Estimates(predicted, given, ("a", "b"), np.tile(W, 9))]
    assert {k: v["mean"] for k, v in scores_of(kept).items()} == pytest.approx(expected, rel=1e-4)


def test_scores_of_the_final_stage_are_those_of_repeated_rows():
    shares, y = RNG.dirichlet([1, 1, 1], 5).astype(np.float32), np.array([0, 1, 2, 1, 0])
    none, classes = np.zeros(0), ("a", "b", "c")
    weighed = Predictions(shares, y, classes, none, none, W.numpy())
    repeated = Predictions(shares[TWICE], y[TWICE], classes, none, none)
    assert weighed.accuracy == pytest.approx(repeated.accuracy)
    assert weighed.confusion().tolist() == repeated.confusion().tolist()
    found, expected = calibration([weighed]), calibration([repeated])
    assert found["ece"] == pytest.approx(expected["ece"])
    assert [b["count"] for b in found["bins"]] == [b["count"] for b in expected["bins"]]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_run_with_weights_is_the_run_with_repeated_rows(tmp_path: Path, task: str):
    part = np.repeat(["train", "val", "test"], [60, 40, 30])
    frame = pd.DataFrame(RNG.normal(size=(130, 2)), columns=["a", "b"]).assign(part=part)
    label = frame["a"] + RNG.normal(size=130)
    kind = "label" if task == "classification" else "target"
    frame[kind] = (label > 0).astype(int) if task == "classification" else label
    frame["w"] = RNG.integers(1, 4, 130)
    extra = frame.assign(w=0, a=99.0)[:9]
    pd.concat([frame, extra]).to_csv(tmp_path / "w.csv", index=False)
    repeated = frame.loc[frame.index.repeat(frame["w"])]
    repeated.drop(columns="w").to_csv(tmp_path / "r.csv", index=False)
    shared = [
        "data=arrays", f"task={task}", "data.part_column=part", "data.normalize=false",
        "data.batch_size=1000", "data.epoch_steps=1", "model.z_layers=0", "trainer.max_epochs=4",
        "trainer.enable_progress_bar=false", "callbacks=[default,predictions]",
    ]  # fmt: skip
    more = {"w": ["data.weight_column=w"], "r": ["data.duplicates=ignore"]}
    for name, words in more.items():
        run(config(tmp_path / name, *shared, f"data.path={tmp_path / name}.csv", *words))
    found, expected = result(tmp_path / "w"), result(tmp_path / "r")
    assert found["metrics"] == pytest.approx(expected["metrics"], rel=1e-4)
    if task == "classification":
        counts = [np.array(r["confusion_matrix"]["counts"]) for r in (found, expected)]
        np.testing.assert_allclose(*(c / c.sum() for c in counts), atol=1e-3)
        weights = frame["w"][part == "val"]
        assert found["validated"] == round(weights.sum() ** 2 / (weights**2).sum())
        assert found["majority"] == pytest.approx(expected["majority"], abs=1e-3)
        read = Predictions.read(tmp_path / "w" / "predictions.npz")
        assert read.accuracy == pytest.approx(expected["metrics"]["test/acc"])
