"""Tables as people and programs write them: names stay as written, row numbers are no features."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from zmodel.data import ArrayFile

N = 60


def frame(**columns: Any) -> pd.DataFrame:
    x = np.random.default_rng(0).normal(size=(N, 2))
    return pd.DataFrame(
        {"a": x[:, 0], "b": x[:, 1], "label": ["x", "y", "z"] * (N // 3), **columns}
    )


def read(path: Path, **keys: Any) -> ArrayFile:
    data = ArrayFile(path, **keys)
    data.setup("fit")
    return data


def written(folder: Path, table: pd.DataFrame, name: str = "t.csv", **keys: Any) -> Path:
    table.to_csv(folder / name, **{"index": False, **keys})
    return folder / name


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["NA", "None", "null"], ["NA", "None", "null"]),
        (["nan", "inf", "n/a"], ["inf", "n/a", "nan"]),
        (["007", "7", "08"], ["007", "08", "7"]),
        (["1e3", "1000", "2"], ["1000", "1e3", "2"]),
        (["0", "1", "2"], ["0", "1", "2"]),
        (["0.0", "1.0", "2.0"], ["0", "1", "2"]),
        (["True", "False", "None"], ["False", "None", "True"]),
        ([" x", "y ", "z"], ["x", "y", "z"]),
        (["99999999999999999999", "x", "y"], ["99999999999999999999", "x", "y"]),
    ],
)
def test_classes_are_called_as_they_are_written(
    tmp_path: Path, cells: list[str], classes: list[str]
) -> None:
    path = written(tmp_path, frame(label=cells * (N // 3)))
    assert list(read(path).class_names) == classes
    tabs = written(tmp_path, frame(label=cells * (N // 3)), "t.tsv", sep="\t")
    assert list(read(tabs).class_names) == classes


def test_numbered_classes_keep_their_order(tmp_path: Path) -> None:
    """Not the order of text, in which 10 comes before 2."""
    path = written(tmp_path, frame(label=np.arange(N) % 12))
    assert list(read(path).class_names) == [str(i) for i in range(12)]


def test_an_empty_label_is_missing(tmp_path: Path) -> None:
    path = written(tmp_path, frame(label=["", "x", "y"] * (N // 3)))
    with pytest.raises(ValueError, match="'label' .* row 0"):
        read(path)


def test_groups_are_told_apart_as_they_are_written(tmp_path: Path) -> None:
    path = written(tmp_path, frame(who=["7", "07", "NA", "8"] * (N // 4)))
    table = ArrayFile(path, group_column="who").rows()
    assert table.groups is not None and set(table.groups) == {"7", "07", "NA", "8"}


def test_numbered_groups_are_split_as_numbers(tmp_path: Path) -> None:
    """In the order of text, 10 before 2, others would be drawn."""
    who = np.arange(N) // 4
    data = read(written(tmp_path, frame(who=who)), group_column="who")
    table = frame()
    np.savez(tmp_path / "t.npz", x=table[["a", "b"]], label=list(table["label"]), who=who)
    arrays = read(tmp_path / "t.npz", label_column="label", group_column="who")
    assert data.content_hash() == arrays.content_hash()


def test_column_names_are_what_is_written(tmp_path: Path) -> None:
    table = frame().rename(columns={"a": "1e3", "b": "007", "label": "2024"})
    path = written(tmp_path, table)
    assert read(path, label_column="2024", drop_columns=["007"]).input_shape == (1,)
    for key in ("label_column", "part_column", "group_column"):
        with pytest.raises(ValueError, match=f"data.{key} .*received 1000.0"):
            ArrayFile(path, **{key: 1000.0})  # what Hydra makes of 1e3


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        (frame(), {"index": True}),  # a nameless column of row numbers
        (frame().sample(frac=1, random_state=0), {"index": True}),
        (frame(Id=np.arange(N) + 1), {}),
        (frame(patient_id=np.random.default_rng(0).permutation(10**6)[:N]), {}),
        (frame(index=np.arange(N)), {}),
        (frame(**{"Unnamed: 32": ""}), {}),
        (frame(**{"": ""}), {}),
    ],
)
def test_numbers_of_rows_are_not_learned_from(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, table: pd.DataFrame, keys: dict[str, Any]
) -> None:
    data = read(written(tmp_path, table, **keys))
    assert data.input_shape == (2,)
    data.content_hash(), data.setup("test")
    assert len(caplog.records) == 1 and "only numbers the rows" in caplog.text


def test_a_test_file_may_number_its_rows_too(tmp_path: Path) -> None:
    test = written(tmp_path, frame()[:12].assign(a=np.arange(12.0)), "test.csv", index=True)
    data = read(written(tmp_path, frame(), index=True), test_path=test)
    data.setup("test")
    assert data.test_dataloader().part[0].shape == (12, 2)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (np.arange(N) + 5, "number of the row"),
        (1.7e9 + 3600 * np.arange(N), "a time"),
        (1.7e12 + 86_400_000 * np.arange(N) ** 2, "a time"),
        (8.123456789e9 + np.random.default_rng(0).normal(size=N), "varies by"),
    ],
)
def test_features_that_name_samples_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, column: np.ndarray, words: str
) -> None:
    data = read(written(tmp_path, frame(when=column)))
    assert data.input_shape == (3,) and len(caplog.records) == 1
    assert words in caplog.text and "data.drop_columns=[when]" in caplog.text


def test_ordinary_columns_are_not_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    table = frame(age=rng.integers(18, 90, N), humid=np.arange(N) ** 2, flag=rng.random(N) > 0.5,
                  year=2000 + np.arange(N) % 9, income=rng.lognormal(10, 2, N))  # fmt: skip
    assert read(written(tmp_path, table)).input_shape == (7,) and not caplog.records


def test_separators(tmp_path: Path) -> None:
    plain = read(written(tmp_path, frame()))
    for separator in ";|\t":
        other = read(written(tmp_path, frame(), sep=separator))
        assert other.content_hash() == plain.content_hash()
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "t.csv").read_bytes())
    assert read(tmp_path / "bom.csv").content_hash() == plain.content_hash()
    spaced = "\n".join(", ".join(line) for line in frame().astype(str).to_numpy())
    (tmp_path / "spaced.csv").write_text("a, b, label\n" + spaced)
    assert read(tmp_path / "spaced.csv").content_hash() == plain.content_hash()
    rows = (f"{i},{','.join(line)}" for i, line in enumerate(frame().astype(str).to_numpy(), 1))
    (tmp_path / "r.csv").write_text("a,b,label\n" + "\n".join(rows))  # as R's write.table does
    assert read(tmp_path / "r.csv").content_hash() == plain.content_hash()


def test_decimal_commas_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, frame(), sep=";", decimal=",")
    with pytest.raises(ValueError, match="column 'a' .*row 0 "):
        read(path)
    lines = (f"{i},{i % 7},0.5,{'xyz'[i % 3]}" for i in range(N))  # a is "0,0", "1,1", ...
    path.write_text("a,b,label\n" + "\n".join(lines))
    with pytest.raises(ValueError, match="decimal point"):
        read(path)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,label,label\n1,x,0\n2,y,1\n" * 9)
    with pytest.raises(ValueError, match="'label' again"):
        read(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("5.1,1.4,1.4,x\n4.9,1.4,1.3,y\n" * 9)  # no line of names
    with pytest.raises(ValueError, match="'1.4' again.*line of names"):
        read(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("5.1,1.4,1.3,x\n4.9,1.4,1.3,y\n" * 9)
    with pytest.raises(ValueError, match="'label'.*first line"):
        read(tmp_path / "t.csv")


def test_truth_values_are_classes_by_name(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(N, 2))
    np.savez(tmp_path / "t.npz", x=x, y=np.arange(N) % 2 == 1)
    assert list(read(tmp_path / "t.npz").class_names) == ["False", "True"]


def test_labels_that_a_float_cannot_tell_apart_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.eye(4), y=np.array([0, 1e300, 0, 1e300]))
    with pytest.raises(ValueError, match=r"labels .*1e\+300"):
        read(tmp_path / "t.npz", map_labels=True)


def test_spellings_of_one_class_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        data = read(written(tmp_path, frame(label=["Yes", "yes", "no"] * (N // 3))))
    assert data.num_classes == 3 and "'Yes' and 'yes'" in caplog.text
