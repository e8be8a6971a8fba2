"""Own data in files of arrays and tables: what is read, how it is split, what is refused."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from zmodel.data import ArrayFile


def table(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 6)), columns=["f1", "f0", "f2", "f3", "f4", "f5"])
    frame["label"] = np.array(["ash", "bäum", "oak"])[np.arange(n) % 3]
    frame["plot"] = [f"p{i // 4}" for i in range(n)]
    frame["id"] = [f"sample {i}" for i in range(n)]
    return frame


def csv(folder: Path, frame: pd.DataFrame, name: str = "däta.csv") -> Path:
    frame.to_csv(folder / name, index=False)
    return folder / name


def parts(data: ArrayFile) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    data.setup("test")
    loaders = {p: getattr(data, f"{p}_dataloader")() for p in ("train", "val", "test")}
    return {name: loader.part for name, loader in loaders.items()}


RAW = {"normalize": False, "drop_columns": ["plot", "id"]}


def test_table_with_drawn_parts(tmp_path: Path) -> None:
    frame = table()
    data = ArrayFile(csv(tmp_path, frame), **RAW)
    got = parts(data)
    assert data.input_shape == (6,) and list(data.class_names) == ["ash", "bäum", "oak"]
    assert {name: len(y) for name, (_, y) in got.items()} == {"train": 39, "val": 9, "test": 12}
    rows = {tuple(np.float32(r[:6])): r[6] for r in frame.to_numpy()}
    for x, y in got.values():
        for sample, label in zip(x.numpy(), y, strict=True):
            assert rows.pop(tuple(sample)) == data.class_names[label]
    assert rows == {}
    again = parts(ArrayFile(csv(tmp_path, frame), **RAW, split_seed=5))
    assert torch.equal(again["test"][0], got["test"][0])
    assert not torch.equal(again["val"][0], got["val"][0])


def test_groups_stay_together(tmp_path: Path) -> None:
    frame = table(120)
    frame["f0"] = frame["plot"].str[1:].astype(int)
    path = csv(tmp_path, frame)
    got = parts(ArrayFile(path, normalize=False, group_column="plot", drop_columns=["id"]))
    groups = [set(x[:, 1].tolist()) for x, _ in got.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 30


def test_a_single_column_is_not_its_letters(tmp_path: Path) -> None:
    frame = table().rename(columns={"plot": "i", "id": "d"}).assign(id="text")
    data = ArrayFile(csv(tmp_path, frame.drop(columns=["i", "d"])), drop_columns="id")
    data.setup("fit")
    assert data.input_shape == (6,)


def test_given_parts(tmp_path: Path) -> None:
    frame = table()
    frame["part"] = ["train"] * 36 + ["validation"] * 12 + ["test"] * 12
    frame["f0"] = np.arange(60)
    path = csv(tmp_path, frame)
    got = parts(ArrayFile(path, part_column="part", **RAW, split_seed=3))
    spans = {name: (x[:, 1].min().item(), x[:, 1].max().item()) for name, (x, _) in got.items()}
    assert spans == {"train": (0, 35), "val": (36, 47), "test": (48, 59)}
    with pytest.raises(ValueError, match="reshuffle"):
        parts(ArrayFile(path, part_column="part", **RAW, reshuffle=True))
    frame["part"] = ["test"] * 12 + ["train"] * 48  # validation is drawn from the rest
    got = parts(ArrayFile(csv(tmp_path, frame), part_column="part", **RAW))
    assert got["test"][0][:, 1].max() == 11 and got["val"][0][:, 1].min() > 11
    assert len(got["val"][1]) == 9
    frame["part"] = ["val"] * 12 + ["train"] * 48  # and so is the test
    got = parts(ArrayFile(csv(tmp_path, frame), part_column="part", **RAW))
    assert got["val"][0][:, 1].max() == 11 and len(got["test"][1]) == 9
    frame["part"] = ["test"] * 12 + ["train"] * 48  # the training part decides on the classes
    frame["label"] = ["pine"] + list(frame["label"][1:])
    data = ArrayFile(csv(tmp_path, frame), part_column="part", **RAW)
    assert data.num_classes == 3
    with pytest.raises(ValueError, match="labels .*found pine"):
        data.setup("test")


def test_test_file_of_its_own(tmp_path: Path) -> None:
    frame = table()
    test = frame[:12][["label", *sorted(frame.columns[:6], reverse=True)]].copy()
    test.iloc[:, 1:] = np.arange(72).reshape(12, 6)
    paths = {"path": csv(tmp_path, frame), "test_path": csv(tmp_path, test, "test.csv")}
    got = parts(ArrayFile(**paths, **RAW))
    assert [len(y) for _, y in got.values()] == [48, 12, 12]
    # the columns are matched by name
    assert got["test"][0][0].tolist() == [4, 5, 3, 2, 1, 0]
    test["label"] = ["pine", *test["label"][1:]]
    data = ArrayFile(paths["path"], test_path=csv(tmp_path, test, "test.csv"), **RAW)
    with pytest.raises(ValueError, match="test.csv: labels .*ash.*found pine"):
        data.setup("test")


def test_numpy_files(tmp_path: Path) -> None:
    x, y = np.arange(40 * 6).reshape(40, 6), np.arange(40) % 2
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "a.npz", x=x, y=y, who=np.arange(40) // 4)
    pair = ArrayFile(tmp_path / "x.npy", labels_path=tmp_path / "y.npy", input_shape=[1, 2, 3])
    assert pair.input_shape == (1, 2, 3) and list(pair.class_names) == ["0", "1"]
    single = ArrayFile(tmp_path / "a.npz", group_column="who", input_shape=[1, 6])
    assert single.input_shape == (1, 6)
    given = {
        f"{n}_{p}": a[s]
        for n, a in (("x", x), ("y", y))
        for p, s in (("train", slice(0, 20)), ("val", slice(20, 30)), ("test", slice(30, 40)))
    }
    np.savez(tmp_path / "b.npz", **given)
    got = parts(ArrayFile(tmp_path / "b.npz", normalize=False))
    for part, (seen, labels) in got.items():
        assert np.array_equal(seen, given[f"x_{part}"])
        assert np.array_equal(labels, given[f"y_{part}"])


def test_parquet(tmp_path: Path) -> None:
    frame = table()
    path = tmp_path / "a.parquet"
    try:
        frame.to_parquet(path)
    except ImportError:
        path.write_bytes(b"PAR1")
        with pytest.raises(ValueError, match="a.parquet .*pip install pyarrow"):
            ArrayFile(path, **RAW).setup("fit")
        return
    from_csv = parts(ArrayFile(csv(tmp_path, frame), **RAW))
    for name, (x, y) in parts(ArrayFile(path, **RAW)).items():
        assert torch.equal(x, from_csv[name][0]) and torch.equal(y, from_csv[name][1])


def test_numbers_as_labels(tmp_path: Path) -> None:
    frame = table()
    frame["label"] = np.arange(60) % 3 + 1
    path = csv(tmp_path, frame)
    with pytest.raises(ValueError, match=r"0\.\.2 .*found 1, 2, 3.*map_labels"):
        ArrayFile(path, **RAW).setup("fit")
    assert list(ArrayFile(path, map_labels=True, **RAW).class_names) == ["1", "2", "3"]
    frame["label"] = (np.arange(60) % 3).astype(float)
    assert list(ArrayFile(csv(tmp_path, frame), **RAW).class_names) == ["0", "1", "2"]


def test_duplicates_across_parts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frame = pd.concat([table(), table()])
    path = csv(tmp_path, frame)
    with pytest.raises(ValueError, match=r"däta.csv: training and validation "):
        ArrayFile(path, **RAW).setup("fit")
    with caplog.at_level(logging.WARNING):
        ArrayFile(path, duplicates="warn", **RAW).setup("test")
    messages = [record.message for record in caplog.records]
    assert len(messages) == 2 and "training and test " in messages[1]
    caplog.clear()
    ArrayFile(path, duplicates="ignore", **RAW).setup("test")
    frame["plot"] = frame["f0"]
    keep = {"group_column": "plot", "drop_columns": ["id"]}
    ArrayFile(csv(tmp_path, frame), **keep).setup("test")
    assert not caplog.records


def changed(**columns: object) -> pd.DataFrame:
    return table().assign(**columns)


def some(value: object, column: str = "f2") -> pd.DataFrame:
    frame = table().astype({column: object})
    frame.loc[7, column] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "keys", "message"),
    [
        (some(np.nan), {}, "column 'f2' .*found '' in row 7"),
        (some("?"), {}, r"column 'f2' must hold .* found '\?' in row 7 .*1 such of 60"),
        (some(np.nan, "label"), {}, "column 'label' .*row 7"),
        (some(1e300), {}, "column 'f2' .*found 1e.300 in row 7"),
        (some(np.inf), {}, "column 'f2' .*found inf in row 7"),
        (table(), {"drop_columns": []}, "column 'id' must hold .*names rows.*data.drop_columns"),
        (table(), {"label_column": "lable"},
         "data.label_column, a column of .*, must be .*did you mean label"),
        (table(), {"group_column": "plt"}, "did you mean plot"),
        (table(), {"input_shape": [2, 4]}, r"\[2, 4\] .* 8 .*found 6"),
        (changed(label="ash"), {}, "at least two classes, found 1 .ash."),
        (changed(label=np.arange(60) / 7), {}, "labels .*found 0.14.*51 such of 60"),
        (changed(label=["x"] + ["a", "b"] * 29 + ["a"]), {}, "found 1 of class 'x'"),
        (changed(p=["train", "tset"] * 30), {"part_column": "p"}, "'tset'; did you mean test"),
        (changed(p="val"), {"part_column": "p"}, "part train, found val"),
        (changed(p=["train"] * 50 + ["test"] * 10), {"part_column": "p", "group_column": "plot"},
         "group .*found 'p12' in test and train"),
        (changed(p=["train"] * 40 + ["val"] * 2 + ["test"] * 18), {"part_column": "p"},
         "validation part: every class needs .* found none of 'oak'|'ash'|'bäum'"),
        (table()[:0], {}, "at least one sample, found .* shape .0, 6"),
        (table()[["label", "plot", "id"]], {}, "must have columns of features"),
    ],
)  # fmt: skip
def test_bad_tables(tmp_path: Path, frame: pd.DataFrame, keys: dict, message: str) -> None:
    drop = [name for name in ("plot", "id") if name != keys.get("group_column")]
    with pytest.raises(ValueError, match=message):
        ArrayFile(csv(tmp_path, frame), **{"drop_columns": drop, **keys}).setup("fit")


def truncated(path: Path) -> None:
    np.savez(path, x=np.random.default_rng(0).random((99, 5)), y=np.arange(99) % 2)
    path.write_bytes(path.read_bytes()[:2000])


class Mischief:
    def __reduce__(self) -> tuple:
        return Path("hacked").touch, ()


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.npz", lambda path: None, "the data file must exist"),
        ("a.npz", truncated, "must be a whole .npz file.*2,000 bytes that cannot be read"),
        ("a.npz", lambda path: path.write_bytes(b""), "whole .npz file.*received 0 bytes"),
        ("a.csv", lambda path: path.write_bytes(b""), "whole .csv file.*received 0 bytes"),
        ("a.csv", lambda path: path.write_bytes(b"label,a\n\xff\xfe,1\n"), "UTF-8.*0xff at 8"),
        ("a.csv", lambda path: path.write_text("a,label\n1,x\n2,y,3,4\n"), "cannot be read"),
        ("a.txt", lambda path: path.write_text("1"), "format of .*here are: .*.npz"),
        ("a.npz", lambda path: np.savez(path, x=np.ones(5), z=np.ones(5)), "'y'.*"),
        ("a.npz", lambda path: np.savez(path, x=np.ones((5, 2)), y=np.ones(4)), r"\(4,\)"),
        ("a.npz", lambda path: np.savez(path, x=np.ones((4, 2)), y=np.eye(4)), "one entry per"),
        ("a.npz", lambda path: np.savez(path, x=np.array(["a"] * 4), y=np.ones(4)), "of numbers"),
        ("a.npy", lambda path: np.save(path, np.ones((4, 2))), "labels must be in another"),
        ("a.npz", lambda path: np.savez(path, x=np.array([Mischief()] * 4), y=np.arange(4) % 2),
         r"cannot be read \(Python objects are not read: .*\.astype\(str\)"),
        ("a.npy", lambda path: path.write_bytes(pickle.dumps(Mischief())), "cannot be read"),
        ("a.npz", lambda path: np.savez(path, x_train=np.ones((4, 2)), y_train=np.arange(4) % 2,
         x_test=np.ones((4, 3)), y_test=np.arange(4) % 2), r"train: x \(4, 2\).*test: x \(4, 3\)"),
        ("a.npz", lambda path: np.savez(path, x=np.ones((4, 2)), y=np.arange(4) % 2,
         x_val=np.ones((4, 2)), y_val=np.arange(4) % 2), "x_val without x_train"),
    ],
)  # fmt: skip
def test_bad_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, write: Callable, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name)
    with pytest.raises(ValueError, match=message) as error:
        ArrayFile(tmp_path / name).setup("fit")
    assert name in str(error.value)
    assert not Path("hacked").exists()


def test_bad_settings(tmp_path: Path) -> None:
    path = csv(tmp_path, table())
    for keys, message in (
        ({"test_fraction": 1.5}, "test_fraction must lie"),
        ({"duplicates": "eror"}, "did you mean error"),
        ({"input_shape": [0, 6]}, "every entry of data.input_shape"),
        ({"input_shape": "16"}, "data.input_shape"),
        ({"drop_columns": [2024]}, "data.drop_columns"),
    ):
        with pytest.raises(ValueError, match=message):
            ArrayFile(path, **keys)
    frame = changed(p=["train"] * 50 + ["test"] * 10)
    data = ArrayFile(csv(tmp_path, frame), part_column="p", test_path=path, **RAW)
    with pytest.raises(ValueError, match=r"data\.test_path="):
        data.setup("fit")


def series(folder: Path, **more: np.ndarray) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(100, 1, (60, 2, 9)).astype(np.float32)
    for i, length in enumerate(rng.integers(3, 9, 60)):
        x[i, :, length:] = np.nan
    np.savez(folder / "series.npz", **{"x": x, "y": np.arange(60) % 3, **more})
    return folder / "series.npz"


def test_series_of_unequal_length_keep_their_last_value_and_get_a_mask(tmp_path: Path) -> None:
    path = series(tmp_path)
    data = ArrayFile(path, unequal_lengths=True, normalize=False)
    data.setup("test")
    assert data.input_shape == (3, 9)
    raw = {sample[:, 0].tobytes(): sample for sample in np.load(path)["x"]}
    for x, _ in data.parts.values():
        for held in x.numpy():
            sample = raw[held[:2, 0].tobytes()]
            length = int((~np.isnan(sample[0])).sum())
            assert held[2].tolist() == [1.0] * length + [0.0] * (9 - length)
            assert np.array_equal(held[:2, :length], sample[:, :length])
            assert (held[:2, length:] == sample[:, length - 1 : length]).all()


def test_unequal_lengths_are_refused_with_the_way_to_use_them(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="set data.unequal_lengths=true"):
        ArrayFile(series(tmp_path)).setup("fit")
    x = np.load(series(tmp_path))["x"]
    for i, (channel, position) in enumerate([(0, 0), (1, 1)]):
        wrong = x.copy()
        wrong[4 + i, channel, position] = np.nan
        path = series(tmp_path, x=wrong)
        with pytest.raises(ValueError, match=f"in 1 of 60 samples, the first at index {4 + i}"):
            ArrayFile(path, unequal_lengths=True).setup("fit")
        with pytest.raises(ValueError, match="must be finite"):
            ArrayFile(path).setup("fit")
    with pytest.raises(ValueError, match=r"needs series .*found x \(60, 18\)"):
        ArrayFile(series(tmp_path, x=x.reshape(60, 18)), unequal_lengths=True).setup("fit")
    different = np.array([np.zeros(3), np.zeros(4)], dtype=object)
    with pytest.raises(ValueError, match="NaN after the end of each"):
        ArrayFile(series(tmp_path, x=different)).setup("fit")
