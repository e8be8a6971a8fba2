"""Weights of samples: read, checked, carried into batches; never a feature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from zmodel.data import ArrayFile, Arrays
from zmodel.data.arrays import effective

N = 40
RAW = {"normalize": False, "duplicates": "ignore"}


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    part = np.array(["train"] * 24 + ["val"] * 8 + ["test"] * 8)
    return pd.DataFrame(
        {"f": rng.normal(size=N), "g": np.arange(N), "part": part, "w": 1 + np.arange(N) % 4,
         "label": np.arange(N) % 2}
    )  # fmt: skip


def read(folder: Path, frame: pd.DataFrame, **options: object) -> ArrayFile:
    frame.to_csv(folder / "t.csv", index=False)
    options = {"weight_column": "w", "part_column": "part", **RAW, **options}
    data = ArrayFile(folder / "t.csv", **options)
    data.setup("test")
    return data


def test_a_weight_stays_with_its_sample_in_every_batch(tmp_path: Path) -> None:
    data = read(tmp_path, table(), batch_size=5, eval_batch_size=3)
    assert data.features == ("f", "g")
    torch.manual_seed(1)
    loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    for loader, count in zip(loaders, (24, 8, 8), strict=True):
        x, y, weights = map(torch.cat, zip(*loader, strict=True))
        given = 1 + x[:, 1] % 4
        assert torch.equal(y, x[:, 1].long() % 2) and len(x) == count
        np.testing.assert_allclose(weights / given, weights[0] / given[0], rtol=1e-6)
    assert data.parts["train"][2].mean() == pytest.approx(1)
    assert data.class_counts == pytest.approx([9.6, 14.4])  # weights 1 and 3 against 2 and 4


def test_weights_of_evaluation_add_up_to_how_many_samples_they_are_worth() -> None:
    assert effective(np.full(10, 7.0)).sum() == pytest.approx(10)
    assert effective(np.array([1.0, 1.0, 1e-9])).sum() == pytest.approx(2)
    assert effective(np.array([3.0, 1.0])).sum() == pytest.approx(16 / 10)


def test_a_row_of_weight_zero_is_absent(tmp_path: Path) -> None:
    frame = table()
    frame.loc[[3, 30], "w"] = 0
    with_zero = read(tmp_path, frame)
    without = read(tmp_path, frame.drop(index=[3, 30]))
    for name, part in without.parts.items():
        assert all(map(torch.equal, part, with_zero.parts[name]))
    assert with_zero.content_hash() == without.content_hash()


def test_weights_belong_to_the_content_of_the_data(tmp_path: Path) -> None:
    frame = table()
    hashes = {
        read(tmp_path, frame).content_hash(),
        read(tmp_path, frame.assign(w=frame["w"] ** 2)).content_hash(),
        read(tmp_path, frame.drop(columns="w"), weight_column=None).content_hash(),
    }
    assert len(hashes) == 3


def test_folds_and_a_last_training_on_all_have_weights(tmp_path: Path) -> None:
    frame = table().assign(part="train")
    frame.loc[32:, "part"] = "test"
    whole = read(tmp_path, frame, train_on_all=True)
    assert len(whole.parts["train"][2]) == 32
    seen = []
    for fold in range(4):
        x, _, weights = read(tmp_path, frame, folds=4, fold=fold).parts["val"]
        given = 1 + x[:, 1] % 4
        np.testing.assert_allclose(weights / given, weights[0] / given[0], rtol=1e-6)
        seen += x[:, 1].tolist()
    assert sorted(seen) == list(range(32))


@pytest.mark.parametrize(
    "bad", [[-1.0], [np.nan], ["much"], [np.inf], [1e300], ["0.5", "1,5"]], ids=str
)
def test_what_is_no_weight_is_told_with_all_else_that_is_wrong(tmp_path: Path, bad: list) -> None:
    frame = table().astype({"w": object, "f": object})
    frame.loc[: len(bad) - 1, "w"] = bad
    frame.loc[5, "f"] = "tall"
    with pytest.raises(ValueError, match=r"(?s)2 problems.*'f'.*row 5.*'w'.*row \d \(.* 1 such"):
        read(tmp_path, frame)
    x = frame["g"].to_numpy(float)[:, None]
    np.savez(tmp_path / "t.npz", x=x, y=frame["label"], w=frame["w"].to_numpy(str))
    with pytest.raises(ValueError, match=r"'w' .*row \d \(.* 1 such of 40"):
        ArrayFile(tmp_path / "t.npz", weight_column="w", **RAW).setup("fit")


def test_weights_must_be_there_and_weigh_something(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'w' must hold a weight above 0"):
        read(tmp_path, table().assign(w=0))
    with pytest.raises(ValueError, match=r"data.weight_column.*'v'"):
        read(tmp_path, table(), weight_column="v")
    with pytest.raises(ValueError, match="must not be what is learned"):
        read(tmp_path, table(), weight_column="label")
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    np.save(tmp_path / "y.npy", np.arange(4) % 2)
    single = {"labels_path": tmp_path / "y.npy", **RAW}
    for key in ("weight_column", "group_column", "part_column"):
        with pytest.raises(ValueError, match="in one .npz file"):
            ArrayFile(tmp_path / "x.npy", **single, **{key: "w"}).setup("fit")


def test_a_file_of_test_samples_has_weights_of_its_own(tmp_path: Path) -> None:
    frame = table()
    frame[frame["part"] == "test"].to_csv(tmp_path / "test.csv", index=False)
    rest = frame[frame["part"] != "test"]
    elsewhere = read(tmp_path, rest, test_path=tmp_path / "test.csv", drop_columns=["part"])
    same = read(tmp_path, frame)
    assert all(map(torch.equal, elsewhere.parts["test"], same.parts["test"]))
    frame.drop(columns="w").to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(ValueError, match=r"data.weight_column, a column of .*test.csv"):
        read(tmp_path, rest, test_path=tmp_path / "test.csv")


def test_a_data_set_of_ones_own_may_have_weights(tmp_path: Path) -> None:
    class Own(ArrayFile):
        def load_train(self) -> Arrays:
            return super().load_train()._replace(weights=self.given)

    for wrong in (np.zeros(32), np.full(31, 1.0), np.full(32, np.nan)):
        Own.given = wrong
        table().to_csv(tmp_path / "t.csv", index=False)
        with pytest.raises(ValueError, match="weights must be 32 finite numbers above 0"):
            Own(tmp_path / "t.csv", part_column="part", **RAW).setup("fit")
