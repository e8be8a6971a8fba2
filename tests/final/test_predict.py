"""`python -m zmodel.predict`: a model folder and samples in, classes and probabilities out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from zmodel.model.znet import ZNet
from zmodel.predict import load, main

CLASSES = ["cat", "dog, small", "fox"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder as the final stage writes it, with random weights; signals (1, 12)."""
    arguments = {"z_layers": 2, "width": 4, "norm": "batch"}
    arguments |= {"input_shape": [1, 12], "num_classes": 3}
    torch.manual_seed(0)
    net = ZNet(**arguments)
    folder = tmp_path / "model"
    folder.mkdir()
    torch.save(net.state_dict(), folder / "weights.pt")
    config = {
        "network": "zmodel.model.znet.ZNet",
        "arguments": arguments,
        "input_shape": [1, 12],
        "classes": CLASSES,
        "normalisation": {"mean": [[[2.0]]], "std": [[[0.5]]]},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def samples(n: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(2, 0.5, (n, 1, 12))


@pytest.mark.long
def test_the_command_needs_neither_lightning_nor_hydra(model, tmp_path):
    np.savez(tmp_path / "x.npz", x=samples())
    code = (
        "import sys; from zmodel.predict import main; code = main(sys.argv[1:]);"
        "heavy = {'pytorch_lightning', 'lightning', 'hydra', 'omegaconf', 'optuna'};"
        "sys.exit(code or ', '.join(heavy & set(sys.modules)) or 0)"
    )
    command = [sys.executable, "-c", code, str(model), str(tmp_path / "x.npz")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == 'class,cat,"dog, small",fox' and len(lines) == 6
    assert sum(map(float, lines[1].rsplit(",", 3)[1:])) == pytest.approx(1, abs=1e-5)


def test_probabilities_are_those_of_the_network_on_normalised_samples(model, tmp_path):
    loaded = load(model)
    x = torch.tensor(samples(), dtype=torch.float32)
    with torch.no_grad():
        expected = loaded.module.net((x - 2) / 0.5).softmax(-1).numpy()
    forms = [samples(), samples()[:, 0], samples().reshape(5, 12), samples().astype(np.float32)]
    for given in forms:  # as they are, without the channel, as rows
        np.savez(tmp_path / "x.npz", new=given)
        assert main([str(model), str(tmp_path / "x.npz"), "--out", str(tmp_path / "p.npz")]) == 0
        with np.load(tmp_path / "p.npz") as found:
            np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)
            assert [CLASSES[i] for i in expected.argmax(1)] == found["predicted"].tolist()
    assert load(model).probabilities(samples(0)).shape == (0, 3)


def test_a_model_that_needs_it_centres_in_double_precision(model):
    config = json.loads((model / "config.json").read_text())
    config["normalisation"] = {"mean": [[[1.7e9 + 0.3]]], "std": [[[0.5]]]}
    (model / "config.json").write_text(json.dumps({**config, "input_dtype": "float64"}))
    loaded, x = load(model), samples() + 1.7e9
    with torch.no_grad():
        inputs = torch.tensor((x - 1.7e9 - 0.3) / 0.5, dtype=torch.float32)
        expected = loaded.module.net(inputs).softmax(-1).numpy()
    np.testing.assert_allclose(loaded.probabilities(x), expected, atol=1e-5)
    with pytest.raises(ValueError, match="must be float64: float32"):
        loaded.probabilities(x.astype(np.float32))
    with torch.no_grad():
        forms = (
            torch.jit.trace(loaded.module, (torch.from_numpy(x),)),
            torch.export.export(loaded.module, (torch.from_numpy(x),)).module(),
        )
        for form in forms:
            np.testing.assert_allclose(form(torch.from_numpy(x)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        ({"a": samples(), "b": samples()}, "arrays: a, b"),
        ({"x": samples()[:, :, :7]}, "(N, 1, 12), or be rows of 12 numbers, got (5, 1, 7)"),
        ({"x": np.array(3.0)}, "got ()"),
        ({"x": np.array(["a"])}, "real numbers"),
        ({"x": np.array([None])}, "allow_pickle"),
        ({"x": np.where(np.arange(5)[:, None, None] == 3, np.nan, samples())}, "first is number 3"),
        ({"x": samples() * 1e300}, "5 of 5"),
    ],
)
def test_what_cannot_be_predicted_is_said(model, tmp_path, capsys, arrays, named):
    np.savez(tmp_path / "x.npz", **arrays)
    assert main([str(model), str(tmp_path / "x.npz")]) == 1
    output = capsys.readouterr()
    assert named in output.err and output.err.startswith("error: ") and not output.out


def test_a_row_of_too_many_numbers_is_told_the_features(model):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "features": ["height", "größe"]}))
    with pytest.raises(ValueError, match="height, größe"):
        load(model).probabilities(np.zeros((2, 13)))


def test_torn_and_missing_files_are_said(model, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", x=samples())
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "torn.npz").write_bytes(whole[:200])
    (tmp_path / "text.npz").write_text("no archive")
    for file in ("torn.npz", "text.npz", "missing.npz"):
        assert main([str(model), str(tmp_path / file)]) == 1
        assert file in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path / "x.npz")]) == 1
    assert "config.json" in capsys.readouterr().err


class OwnNetwork(torch.nn.Linear):
    """As users write one."""


class _Runs:
    """Pickled code: what a weights file must never be able to do."""

    def __reduce__(self):
        return os.system, ("touch was_run",)


def test_a_model_folder_cannot_run_code(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = json.loads((model / "config.json").read_text())
    for path, named in (
        ("os.system", "ZMODEL_ALLOW=os.system"),
        (f"{__name__}.OwnNetwork", f"ZMODEL_ALLOW={__name__}.OwnNetwork"),
        ("zmodel.predict.main", "ZMODEL_ALLOW=zmodel.predict.main"),
        ("zmodel.model.layer_plan.LayerPlan", "got 'zmodel.model.layer_plan.LayerPlan'"),
        ("zmodel.model.nothing.Net", "No module named 'zmodel.model.nothing'"),
    ):
        (model / "config.json").write_text(json.dumps({**config, "network": path}))
        with pytest.raises(ValueError, match=named):
            load(model)
    linear = {"in_features": 12, "out_features": 3}
    (model / "config.json").write_text(
        json.dumps({**config, "network": f"{__name__}.OwnNetwork", "arguments": linear})
    )
    torch.save(torch.nn.Linear(12, 3).state_dict(), model / "weights.pt")
    monkeypatch.setenv("ZMODEL_ALLOW", f"mine.*, {__name__}.OwnNetwork")
    assert type(load(model).module.net) is OwnNetwork
    torch.save({"weight": _Runs()}, model / "weights.pt")
    with pytest.raises(ValueError, match=re.escape(str(model))):
        load(model)
    assert not (tmp_path / "was_run").exists()


def test_series_of_unequal_length_may_be_given_as_they_are(tmp_path):
    net = ZNet((2, 6), 2, z_layers=1)
    config = {
        "network": "zmodel.model.znet.ZNet",
        "arguments": {"input_shape": [2, 6], "num_classes": 2, "z_layers": 1},
        "classes": ["a", "b"],
        "input_shape": [2, 6],
        "normalisation": {"mean": [[[1.0], [0.5]]], "std": [[[2.0], [0.5]]]},
        "unequal_lengths": True,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    model = load(tmp_path)
    short = np.array([[1.0, 2.0, 3.0, np.nan]], dtype=np.float32)
    held, mask = [1.0, 2.0, 3.0, 3.0, 3.0, 3.0], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    x = (torch.tensor([[held, mask]]) - torch.tensor([[[1.0], [0.5]]])) / torch.tensor(
        [[[2], [0.5]]]
    )
    expected = net(x).softmax(-1).detach().numpy()
    np.testing.assert_allclose(model.predict(short), expected, atol=1e-6)
    np.testing.assert_allclose(model.predict(short[:, None]), expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"up to 6\).*shape"):
        model.predict(np.zeros((1, 7), np.float32))
