"""The value of a metric in a result."""

from __future__ import annotations

import pytest

from zmodel.core.run_value import value_of

RESULT = {
    "metrics": {"val/mse": 0.55, "val/acc_best": 0.9, "test/acc": 0.8, "epochs": 7},
    "best_metrics": {"val/mse": 0.47, "val/acc_best": 0.1},
    "epochs": 3,
    "seconds": None,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("val/mse", 0.47), ("val/acc_best", 0.9), ("test/acc", 0.8), ("epochs", 3.0),
        ("seconds", None), ("val/f1", None),
    ],
)  # fmt: skip
def test_the_epoch_that_is_kept_counts(name, value):
    assert value_of(name, RESULT) == value
    assert value_of("val/mse", {"metrics": {"val/mse": 0.55}}) == 0.55
