"""The module of regression: scores as scikit-learn's, in units of the targets."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from zmodel.model.regressor import MOST_SHOWN, Regressor
from zmodel.model.znet import ZNet


def module(y: np.ndarray, **options: object) -> Regressor:
    made = Regressor(ZNet, partial(torch.optim.SGD, lr=0.1), z_layers=0, **options)
    x, targets = torch.zeros(len(y), 2), torch.from_numpy(y).float()
    data = SimpleNamespace(
        target_names=[f"t{i}" for i in range(y.shape[1])], samples_of=lambda part: (x, targets),
        input_shape=(2,), num_classes=y.shape[1],
    )  # fmt: skip
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    made._trainer = SimpleNamespace(datamodule=data, strategy=strategy)  # type: ignore[assignment]
    made.setup("test")
    return made


def test_scores_are_those_of_scikit_learn_over_all_batches():
    rng = np.random.default_rng(0)
    y = rng.normal([100, -3], [20, 0.1], (700, 2))
    made = module(y)
    outputs = torch.from_numpy(rng.normal(size=(700, 2))).float()
    true = torch.from_numpy(y).float()
    sums = sum(
        made.evaluate(o, t) for o, t in zip(outputs.split(150), true.split(150), strict=True)
    )
    found = {name: float(value) for name, value in made.scores(sums, "val").items()}
    predicted = made.in_units(outputs).numpy()
    assert found["mse"] == pytest.approx(mean_squared_error(y, predicted), rel=1e-4)
    assert found["mae"] == pytest.approx(mean_absolute_error(y, predicted), rel=1e-4)
    assert found["r2"] == pytest.approx(r2_score(y, predicted), rel=1e-4)
    standard = (y - y.mean(0)) / y.std(0)
    assert found["loss"] == pytest.approx(mean_squared_error(standard, outputs), rel=1e-4)
    assert float(made.loss(outputs, true)) == pytest.approx(found["loss"], rel=1e-4)
    assert float(made.count(outputs, true)) / 700 == pytest.approx(found["mse"], rel=1e-4)
    shown = made.details("val")["predictions"]
    assert shown["samples"] == 700 and len(shown["true"]) == MOST_SHOWN
    assert shown["targets"] == ["t0", "t1"]
    np.testing.assert_allclose(shown["predicted"][-1], predicted[-1], rtol=1e-5)


def test_predictions_are_in_units_and_the_units_belong_to_the_weights():
    made = module(np.array([[10.0], [30.0]]))
    assert made.state_dict()["target_mean"].tolist() == [20]
    assert made.state_dict()["target_std"].tolist() == [10]
    x = torch.ones(3, 2)
    torch.testing.assert_close(made.predict_step(x), 20 + 10 * made(x))


@pytest.mark.parametrize("key", ["label_smoothing", "class_weights"])
def test_settings_of_a_classifier_are_refused(key):
    with pytest.raises(ValueError, match=f"model.{key} needs classes, got 0.1"):
        Regressor(ZNet, partial(torch.optim.SGD, lr=0.1), **{key: 0.1})
