"""Samples are centred before they are rounded to single precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from zmodel.data import ArrayFile, Arrays, InMemoryData
from zmodel.data.normalise import blurred, fit_normaliser, narrowed

N = 400
RNG = np.random.default_rng(0)
Y = np.arange(N) % 2
WHEN = 1.7e9 + 60 * Y + RNG.normal(0, 10, N)


def separable(x: torch.Tensor, y: torch.Tensor) -> float:
    """Share of samples on the right side of 0."""
    return float(((x[:, 0] > 0) == (y > 0)).float().mean())


def test_a_feature_far_from_zero_keeps_what_varies(tmp_path: Path) -> None:
    pd.DataFrame({"when": WHEN, "label": Y}).to_csv(tmp_path / "t.csv", index=False)
    np.savez(tmp_path / "t.npz", x=WHEN[:, None], y=Y)
    for name in ("t.csv", "t.npz"):
        data = ArrayFile(tmp_path / name)
        data.setup("test")
        for part in ("train", "val", "test"):
            loader = getattr(data, f"{part}_dataloader")()
            assert loader.part[0].dtype == torch.float32
            assert separable(*loader.part) > 0.98  # in single precision: .66
        kept = loader.part[0].numpy().astype(float) * data.normaliser.std + data.normaliser.mean
        assert np.isin(kept.round(2), WHEN.round(2)).all()


def test_double_precision_is_for_what_needs_it() -> None:
    usual = RNG.normal(5, 1, (N, 3))
    assert (
        narrowed(usual).dtype == np.float32 and fit_normaliser(narrowed(usual)).mean.dtype == "f4"
    )
    x = np.column_stack([usual, WHEN, np.full(N, 0.1), 0.1 + 1e-16 * RNG.normal(size=N)])
    assert blurred(x).tolist() == [False, False, False, True, False, False]
    normalised = fit_normaliser(narrowed(x))(x)
    assert normalised.dtype == np.float32
    np.testing.assert_allclose(normalised[:, 3], (WHEN - WHEN.mean()) / WHEN.std(), rtol=1e-5)
    assert np.abs(normalised[:, 4:]).max() < 1e-6  # constants are only centred


def test_a_data_set_of_ones_own_may_give_doubles(caplog: pytest.LogCaptureFixture) -> None:
    class Times(InMemoryData):
        class_names = ("a", "b")

        def load_train(self) -> Arrays:
            return Arrays(WHEN[:, None], Y)

        def load_test(self) -> Arrays:
            return Arrays(WHEN[:, None].astype(np.float32), Y)  # of another type

    data = Times()
    data.setup("test")
    assert separable(*data.train_dataloader().part) > 0.98
    assert data.test_dataloader().part[0].dtype == torch.float32 and not caplog.records
    Times(normalize=False).setup("fit")
    assert "data.normalize=true" in caplog.text
    hashes = {Times().content_hash()}
    global_change = WHEN.copy()
    global_change[0] += 1e-3
    Times.load_train = lambda self: Arrays(global_change[:, None], Y)  # type: ignore[method-assign]
    assert Times().content_hash() not in hashes
