"""The exported model takes what the file holds and predicts what Lightning predicted."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir

from zmodel.final.export import export_model
from zmodel.final.model_formats import write_formats
from zmodel.final.scores import Predictions
from zmodel.model.znet import ZNet
from zmodel.predict import load
from zmodel.run.build import build

CONF = Path(__file__).parents[2] / "conf"


def test_a_feature_far_from_zero_is_centred_as_in_training(tmp_path):
    rng, y = np.random.default_rng(0), np.arange(200) % 2
    when = 1.7e9 + 60 * y + rng.normal(0, 10, 200)
    table = pd.DataFrame({"": range(200), "when": when, "size": rng.normal(size=200), "label": y})
    table.to_csv(tmp_path / "t.csv", index=False)
    with initialize_config_dir(str(CONF)):
        chosen = ["data=arrays", f"data.path={tmp_path}/t.csv", "model.z_layers=0"]
        cfg = compose("train", [*chosen, f"paths.data_dir={tmp_path}"])
    data = build(cfg, "data")
    data.setup("test")
    net = build(cfg, "model").make_network(input_shape=(2,), num_classes=2)
    with torch.no_grad():
        expected = net(data.parts["test"][0]).softmax(-1).numpy()
    (tmp_path / "checkpoints").mkdir()
    weights = {f"net.{key}": value for key, value in net.state_dict().items()}
    torch.save({"state_dict": weights}, tmp_path / "checkpoints" / "best.ckpt")
    labels, none = data.parts["test"][1].numpy(), np.zeros(0)
    predictions = Predictions(expected, labels, ("0", "1"), none, none)
    run = SimpleNamespace(seed=1, value=0.9, folder=tmp_path)
    result = SimpleNamespace(
        plan=SimpleNamespace(maximize=True, study="s"),
        winner=SimpleNamespace(runs=[run], trial=0),
        tested=[SimpleNamespace(run=run, folder=tmp_path, result={}, predictions=predictions)],
        folder=tmp_path,
        classes=("0", "1"),
    )
    job = SimpleNamespace(compose=lambda *_: cfg)

    made = export_model(result, job, [])  # type: ignore[arg-type]

    assert made["takes"] == "FILE.csv"
    differences = {name: form.get("max_abs_difference") for name, form in made["formats"].items()}
    for name in ("weights.pt", "model.torchscript", "model.pt2"):
        assert differences[name] < 1e-5
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["input_dtype"] == "float64" and config["features"] == ["when", "size"]
    rows = data.load_test().x
    assert rows.dtype == np.float64
    np.testing.assert_allclose(load(tmp_path / "model").probabilities(rows), expected, atol=1e-6)


@pytest.mark.parametrize(
    "block", ["residual", *(pytest.param(b, marks=pytest.mark.long) for b in ("gru", "attention"))]
)
def test_every_kind_of_z_layer_can_be_handed_on(tmp_path, block):
    arguments = {
        "input_shape": [2, 9],
        "num_classes": 2,
        "z_layers": 2,
        "width": 8,
        "norm": "batch",
    }
    network = "zmodel.model.znet.ZNet"
    config = {"network": network, "arguments": {**arguments, "block": block}, "classes": ["a", "b"]}
    more = {"input_shape": [2, 9], "normalisation": None}
    (tmp_path / "config.json").write_text(json.dumps({**config, **more}))
    net, x = ZNet(**arguments, block=block).eval(), torch.randn(5, 2, 9)
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    made = write_formats(tmp_path, x, net(x).detach().softmax(-1))
    for name in ("weights.pt", "model.torchscript", "model.pt2"):
        assert made[name]["max_abs_difference"] < 1e-5
