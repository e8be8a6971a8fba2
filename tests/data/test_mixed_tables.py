"""Tables as people have them: words, truth values, dates, missing cells; all mistakes at once."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from runs import config

from zmodel.data import ArrayFile
from zmodel.final.export import export_model
from zmodel.final.scores import Predictions
from zmodel.predict import load, main
from zmodel.run import run
from zmodel.run.build import build

N = 120


def mixed(n: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "height": rng.normal(170, 10, n).round(2),
            "colour": rng.choice(["red", "green", "blue"], n),
            "smoker": rng.random(n) < 0.3,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "label": np.array(["ill", "well"])[np.arange(n) % 2],
        }
    )
    frame["since"] = frame["since"].dt.strftime("%Y-%m-%d")
    return frame


def holed(n: int = N) -> pd.DataFrame:
    frame = mixed(n).astype({"height": object})
    frame.loc[::7, "height"] = ""
    frame.loc[3::9, "colour"] = ""
    return frame


def saved(folder: Path, frame: pd.DataFrame, name: str = "t.csv") -> Path:
    frame.to_csv(folder / name, index=False)
    return folder / name


def test_words_truth_values_and_dates_are_features(tmp_path):
    data = ArrayFile(saved(tmp_path, mixed()), normalize=False)
    data.setup("test")
    names = ("height", "smoker", "since", "colour=blue", "colour=green", "colour=red")
    assert data.features == names and data.input_shape == (6,)
    x = data.parts["train"][0]
    assert (x[:, 3:].sum(1) == 1).all() and set(x[:, 1].tolist()) == {0, 1}
    assert x[:, 2].min() >= 18262 and x[:, 2].max() < 18262 + 900  # days since 1970


def test_missing_cells_are_filled_from_what_is_trained_on(tmp_path):
    path = saved(tmp_path, holed())
    with pytest.raises(ValueError, match=r"(?s)2 problems.*'height'.*impute=true.*'colour'"):
        ArrayFile(path).setup("fit")
    data = ArrayFile(path, impute=True, normalize=False)
    data.setup("test")
    every = torch.cat([x for x, _ in data.parts.values()])
    assert every.isfinite().all()
    trained = data.parts["train"][0][:, 0]
    filled = trained.mode().values.item()  # the one value that is repeated
    assert np.median(trained[trained != filled]) == pytest.approx(filled, abs=1e-4)
    assert (data.parts["test"][0][:, 0] == filled).any()


def test_a_fold_does_not_see_the_words_of_its_validation_part(tmp_path):
    frame = mixed()
    frame.loc[5, "colour"] = "violet"
    where = [
        fold
        for fold in range(4)
        if "colour=violet" not in _with(saved(tmp_path, frame), folds=4, fold=fold).features
    ]
    assert len(where) == 1  # or none, were it in the test part


def _with(path: Path, **options: object) -> ArrayFile:
    data = ArrayFile(path, **options)
    data.setup("fit")
    return data


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    frame = holed().assign(
        street=[f"s{i % 30}" for i in range(N)], name=[f"n{i}" for i in range(N)],
        comma="0,5", nothing="", kg=["70"] * (N - 1) + ["70kg"],
    )  # fmt: skip
    frame.loc[9, "label"] = ""
    with pytest.raises(ValueError) as error:
        ArrayFile(saved(tmp_path, frame)).setup("fit")
    message = str(error.value)
    assert "8 problems to fix" in message
    for column in ("height", "colour", "street", "name", "comma", "nothing", "kg", "label"):
        assert f"column '{column}'" in message
    unknown = {"label_column": "lable", "group_column": "hight", "drop_columns": ["xyz"]}
    with pytest.raises(ValueError, match=r"(?s)mean label.*mean height.*'xyz'"):
        ArrayFile(tmp_path / "t.csv", **unknown).setup("fit")


def test_signals_are_not_made_of_words(tmp_path):
    with pytest.raises(ValueError, match="all numbers, found words"):
        ArrayFile(saved(tmp_path, mixed()), input_shape=[1, 4]).setup("fit")


def test_the_deployed_model_takes_the_raw_table(tmp_path, capsys):
    path = saved(tmp_path, holed())
    cfg = config(tmp_path, "data=arrays", f"data.path={path}", "data.impute=true",
                 "model.z_layers=0", "trainer.max_epochs=1",
                 "trainer.enable_progress_bar=false")  # fmt: skip
    run(cfg)
    data = build(cfg, "data")
    data.setup("test")
    model = build(cfg, "model")
    state = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    network = model.make_network(input_shape=data.input_shape, num_classes=2)
    network.load_state_dict({k[4:]: v for k, v in state.items() if k.startswith("net.")})
    x, y = data.parts["test"]
    with torch.no_grad():
        expected = network.eval()(x).softmax(-1).numpy()
    ended = SimpleNamespace(seed=1, value=0.9, folder=tmp_path)
    none = np.zeros(0)
    predictions = Predictions(expected, y.numpy(), tuple(data.class_names), none, none)
    result = SimpleNamespace(
        plan=SimpleNamespace(maximize=True, study="s"),
        winner=SimpleNamespace(runs=[ended], trial=0), folder=tmp_path, classes=("ill", "well"),
        tested=[SimpleNamespace(run=ended, folder=tmp_path, result={}, predictions=predictions)],
    )  # fmt: skip
    made = export_model(result, SimpleNamespace(compose=lambda *_: cfg), [])  # type: ignore[arg-type]
    assert made["formats"]["weights.pt"]["max_abs_difference"] < 1e-5

    _, test = data._rows_and_test()
    raw = holed()[test].drop(columns="label").assign(remark="new")
    found = load(tmp_path / "model").predict_table(saved(tmp_path, raw, "new.csv"))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    code = main([str(tmp_path / "model"), str(tmp_path / "new.csv"), "--out", f"{tmp_path}/p.csv"])
    assert code == 0 and len(pd.read_csv(tmp_path / "p.csv")) == test.sum()
    saved(tmp_path, raw.drop(columns="colour"), "new.csv")
    assert main([str(tmp_path / "model"), str(tmp_path / "new.csv")]) == 1
    assert "found none of 'colour'" in capsys.readouterr().err
    assert json.loads((tmp_path / "model" / "config.json").read_text())["table"]["impute"] is True
