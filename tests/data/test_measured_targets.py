"""Targets of a regression: which columns they are, how they are split, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from zmodel.data import ArrayFile


def table(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    frame["target"] = 50 * rng.exponential(size=n)
    frame["second"] = rng.normal(7, 1, n)
    frame["group"] = [f"g{i // 4}" for i in range(n)]
    return frame


def read(folder: Path, frame: pd.DataFrame, **options: Any) -> ArrayFile:
    frame.to_csv(folder / "t.csv", index=False)
    return ArrayFile(folder / "t.csv", task="regression", **options)


def test_one_target_is_split_alike_over_small_and_large_values(tmp_path):
    frame = table()
    data = read(tmp_path, frame, drop_columns=["second", "group"], normalize=False)
    data.setup("test")
    assert data.target_names == ("target",) and data.num_classes == 1 and data.input_shape == (3,)
    assert list(data.class_names) == []
    parts = {name: y.numpy() for name, (_, y) in data.parts.items()}
    assert {name: y.shape for name, y in parts.items()} == {
        "train": (128, 1), "val": (32, 1), "test": (40, 1),
    }  # fmt: skip
    everything = np.sort(np.concatenate(list(parts.values())).ravel())
    np.testing.assert_allclose(everything, np.sort(frame["target"]), rtol=1e-6)
    tenths = np.quantile(frame["target"], np.linspace(0, 1, 11)[1:-1])
    counts = np.bincount(np.digitize(parts["test"][:, 0], tenths), minlength=10)
    assert counts.tolist() == [4] * 10


def test_several_targets_of_a_table_and_of_arrays(tmp_path):
    frame = table()
    data = read(tmp_path, frame, label_column=["second", "target"], drop_columns="group")
    assert data.num_classes == 2 and data.target_names == ("second", "target")
    assert data.features == ("a", "b", "c")
    x, y = frame[["a", "b"]].to_numpy(), frame[["target", "second"]].to_numpy()
    np.savez(tmp_path / "t.npz", x=x, y=y)
    arrays = ArrayFile(tmp_path / "t.npz", task="regression")
    assert arrays.num_classes == 2 and arrays.target_names == ("y0", "y1")
    np.savez(tmp_path / "one.npz", x=x, y=y[:, 0])
    assert ArrayFile(tmp_path / "one.npz", task="regression").target_names == ("y",)


@pytest.mark.parametrize("options", [{"val_fraction": 0.25}, {"folds": 4}])
def test_groups_stay_together(tmp_path, options):
    frame = table()
    frame["a"] = frame["group"].str[1:].astype(int)
    data = read(tmp_path, frame, drop_columns="second", group_column="group", normalize=False,
                **options)  # fmt: skip
    data.setup("test")
    groups = [set(x[:, 0].tolist()) for x, _ in data.parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 50
    assert data.fitting_folds() == 5


def words(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(target=["low", "high"] * 100)


def hole(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[3, "target"] = np.nan
    return frame


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (words, "'target' must hold a finite number in every row, found 'low' in row 0"),
        (hole, "'target' must hold a finite number in every row, found '' in row 3"),
        (lambda f: f.assign(target=2.5), "more than one value, found one alone in 'target'"),
        (lambda f: f.assign(target=1.7e9 + f["target"] / 1e3), "vary by more than single"),
        (lambda f: f.rename(columns={"target": "price"}), "data.label_column, a column of"),
    ],
)
def test_what_cannot_be_a_target(tmp_path, change, message):
    data = read(tmp_path, change(table()), drop_columns=["second", "group"])
    with pytest.raises(ValueError, match=message):
        data.setup("fit")


def test_an_unknown_task(tmp_path):
    with pytest.raises(ValueError, match=r"data\.task .*did you mean regression"):
        ArrayFile(tmp_path / "t.csv", task="regresion")


@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_a_target_whose_square_is_beyond_single_precision_is_refused(tmp_path, scale):
    frame = table()
    frame["target"] *= scale
    with pytest.raises(ValueError, match="deviation of target 'target' must lie.*another unit"):
        read(tmp_path, frame, drop_columns=["second", "group"]).setup("fit")
    frame["target"] *= 1e-8 / scale
    read(tmp_path, frame, drop_columns=["second", "group"]).setup("fit")


def test_a_target_is_named_once(tmp_path):
    with pytest.raises(ValueError, match="every column once"):
        read(tmp_path, table(), label_column=["target", "second", "target"])
