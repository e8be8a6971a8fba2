"""LightningModules of one's own to the end: what is predicted, judged and deployed of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf, open_dict
from runs import config, result

from zmodel.callbacks.save_predictions import SavePredictions
from zmodel.deployed.own_module import made_of
from zmodel.final.estimates import Estimates
from zmodel.final.export import export_model
from zmodel.final.job import FinalJob
from zmodel.final.outputs import Unjudged
from zmodel.final.scores import Predictions
from zmodel.final.testing import read_predictions
from zmodel.predict import load, main
from zmodel.run import run
from zmodel.run.build import build
from zmodel.run.checks import check_module, check_test_data, check_test_step
from zmodel.run.outcome import outcome

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "own_network"


def kept(folder: Path, module: pl.LightningModule, batches: list[Any], **data: Any) -> Any:
    callback, trainer = SavePredictions(str(folder / "p.npz")), SimpleNamespace(world_size=1)
    trainer.datamodule = SimpleNamespace(**data)
    callback.on_test_start(trainer, module)  # type: ignore[arg-type]
    for i, batch in enumerate(batches):
        callback.on_test_batch_end(trainer, module, None, batch, i)  # type: ignore[arg-type]
    callback.on_test_end(trainer, module)  # type: ignore[arg-type]
    return read_predictions(folder / "p.npz")


class Forward(pl.LightningModule):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Predicts(pl.LightningModule):
    def predict_step(self, batch: torch.Tensor, batch_idx: int = 0) -> torch.Tensor:
        return batch * 2


class Several(pl.LightningModule):
    def predict_step(self, batch: torch.Tensor, batch_idx: int = 0) -> Any:
        return batch, batch


class Fails(pl.LightningModule):
    def predict_step(self, batch: Any, batch_idx: int = 0) -> Any:
        x, _ = batch
        return x


X, LABELS = torch.tensor([[0.3, 0.7], [0.9, 0.1], [0.2, 0.8]]), torch.tensor([1, 1, 0])


def test_logits_of_a_forward_and_probabilities_of_a_predict_step(tmp_path):
    batches = [(X[:2], LABELS[:2]), (X[2:], LABELS[2:])]
    forward = kept(tmp_path, Forward(), batches, class_names=["a", "b"])
    assert isinstance(forward, Predictions) and forward.classes == ("a", "b")
    np.testing.assert_allclose(forward.probabilities, X.softmax(-1).numpy(), rtol=1e-6)
    assert forward.mistakes.tolist() == [1, 2]
    own = kept(tmp_path, Predicts(), batches)
    np.testing.assert_array_equal(own.probabilities, 2 * X.numpy())


def test_values_in_one_column_or_none(tmp_path):
    y = torch.tensor([1.0, 2, 3])
    for samples, true in ((X[:, 0], y), (X[:, :1], y[:, None]), (X[:, :1], y)):
        found = kept(tmp_path, Predicts(), [(samples, true)], target_names=["height"])
        assert isinstance(found, Estimates) and found.targets == ("height",)
        np.testing.assert_array_equal(found.predicted, 2 * X[:, :1].numpy())
        assert found.true.tolist() == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("module", "batch", "words"),
    [
        (Forward(), {"x": X}, "got dict"),
        (Fails(), (X, LABELS), "(3, 2), and ended with ValueError: too many values to unpack"),
        (pl.LightningModule(), (X, LABELS), "Write such a predict_step"),
        (Several(), (X, LABELS), "gives a tuple for targets (3,)"),
    ],
)
def test_what_cannot_be_kept_has_a_reason_and_ends_no_test(tmp_path, module, batch, words):
    found = kept(tmp_path, module, [batch, batch])
    assert isinstance(found, Unjudged) and words in found.reason and found.outputs is None


@pytest.mark.parametrize(
    ("batch", "shape", "targets"),
    [
        ((torch.zeros(3, 2, 4, 4), torch.zeros(3, 4, 4, dtype=torch.long)), (3, 2, 4, 4), "(3, 4"),
        (X, (3, 2), "no targets"),
        ([X], (3, 2), "no targets"),
        ((X[:, 0], {"boxes": X}), (3, 1), "a dict"),
        ((torch.arange(200.0).reshape(100, 2), torch.arange(100.0)), (64, 2), "(100,)"),
    ],
)
def test_the_first_of_other_predictions_are_kept(tmp_path, batch, shape, targets):
    found = kept(tmp_path, Predicts(), [batch, batch])
    assert isinstance(found, Unjudged) and targets in found.reason
    assert found.outputs is not None and found.outputs.shape == shape


@pytest.fixture
def quantiles(tmp_path, monkeypatch) -> Any:
    """The configuration of the example on a small table."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.setenv("ZMODEL_ALLOW", "mine.*")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(5, 2, (120, 3)), columns=["a", "b", "c"])
    frame["target"] = 100 + 10 * frame["a"] + rng.normal(size=120)
    frame.to_csv(tmp_path / "t.csv", index=False)
    cfg = config(tmp_path, "data=arrays", f"data.path={tmp_path}/t.csv", "data.task=regression",
                 "optimized_metric=val/loss", "trainer.max_epochs=3",
                 "trainer.enable_progress_bar=false")  # fmt: skip
    with open_dict(cfg):
        cfg.model = OmegaConf.load(EXAMPLE / "conf" / "model" / "quantiles.yaml")
        cfg.callbacks.predictions = {
            "_target_": "zmodel.callbacks.save_predictions.SavePredictions",
            "path": str(tmp_path / "p.npz"),
        }
    return cfg


def differences(cfg: Any, folder: Path, predictions: Any) -> list[float]:
    """Of the forms of the model that was trained in this folder, exported into it."""
    ended = SimpleNamespace(seed=1, value=0.5, folder=folder)
    stage = SimpleNamespace(
        plan=SimpleNamespace(maximize=False, study="s"),
        winner=SimpleNamespace(runs=[ended], trial=0), folder=folder, classes=(),
        tested=[SimpleNamespace(run=ended, folder=folder, result={}, predictions=predictions)],
    )  # fmt: skip
    made = export_model(stage, SimpleNamespace(compose=lambda *_: cfg), [])  # type: ignore[arg-type]
    return [form.get("max_abs_difference", 1) for form in list(made["formats"].values())[:3]]


OWN = str(ROOT / "tests" / "support" / "own")
MASKS = {"_target_": "segments.Masks", "batch_size": 16}, {"_target_": "segments.Segments"}
TOKENS = {"_target_": "tokens.Tokens"}, {"_target_": "tokens.Next"}


@pytest.mark.parametrize(
    ("parts", "metric", "test", "shape"),
    [
        (MASKS, "val/dice", "test/dice", (16, 2, 8, 8)),
        (TOKENS, "valid_perplexity", "test_perplexity", (20, 9, 7)),
    ],
    ids=["masks", "tokens"],
)
def test_predictions_of_any_form_are_deployed(quantiles, tmp_path, monkeypatch, capsys, parts,
                                              metric, test, shape):  # fmt: skip
    monkeypatch.syspath_prepend(OWN)
    monkeypatch.setenv("ZMODEL_ALLOW", "segments.*,tokens.*")
    cfg = quantiles
    with open_dict(cfg):
        cfg.data, model = parts
        cfg.model = {**model, "width": 4, "lr": 0.01}
        cfg.optimized_metric, cfg.trainer.max_epochs = metric, 2
        cfg.callbacks.early_stopping.loss = None
    run(cfg)
    assert test in result(tmp_path)["metrics"] and test in outcome(result(tmp_path), [metric])
    found = read_predictions(tmp_path / "p.npz")
    assert isinstance(found, Unjudged) and found.outputs is not None
    assert found.outputs.shape == shape
    assert max(differences(cfg, tmp_path, found)) < 1e-5
    batch = next(iter(build(cfg, "data").test_dataloader()))
    x = (batch if isinstance(batch, torch.Tensor) else batch[0]).numpy()
    np.testing.assert_allclose(load(tmp_path / "model").predict(x), found.outputs, rtol=1e-4)
    np.savez(tmp_path / "x.npz", x=x)
    arguments = [str(tmp_path / name) for name in ("model", "x.npz")]
    assert main(arguments) == 1 and "--out NAME.npz" in capsys.readouterr().err
    assert main([*arguments, "--out", str(tmp_path / "out.npz")]) == 0
    assert np.load(tmp_path / "out.npz")["predicted"].shape == shape
    if x.dtype == np.int64:
        with pytest.raises(ValueError, match="whole numbers"):
            load(tmp_path / "model").predict(x + 0.5)


class Untested(Forward):
    """Without a test_step."""


def test_a_module_without_a_test_is_found_before_it_is_trained(quantiles):
    with pytest.raises(ValueError, match=r"Quantiles has none.*test/loss\.") as refused:
        check_test_step(type("Quantiles", (Untested,), {}), ["val/loss_best"], "The final stage")
    assert str(refused.value).startswith("The final stage needs a test_step")
    with pytest.raises(ValueError, match="needs a test_step"):
        check_test_step(Untested(), ["val/loss"], "test=true")
    check_test_step(build(quantiles, "model"), ["val/loss"], "test=true")
    with pytest.raises(ValueError, match="LightningDataModule has no test_dataloader"):
        check_test_data(pl.LightningDataModule(), "test=true")
    check_test_data(build(quantiles, "data"), "test=true")


class Untold(pl.LightningDataModule):
    """Without a test_dataloader."""


@pytest.mark.parametrize(
    ("key", "kind", "missing"),
    [("model", Untested, "test_step"), ("data", Untold, "test_dataloader")],
)
def test_a_run_and_the_final_stage_ask_for_a_test_before_they_train(
    quantiles, tmp_path, monkeypatch, key, kind, missing
):
    monkeypatch.setenv("ZMODEL_ALLOW", f"mine.*,{__name__}.*")
    composed: list[list[str]] = []
    loader = SimpleNamespace(
        load_configuration=lambda overrides, **_: composed.append(overrides) or quantiles
    )
    hydra = {"overrides": {"hydra": []}, "job": {"config_name": "train"}}
    job = FinalJob(
        SimpleNamespace(config_loader=loader), None, OmegaConf.create({"hydra": hydra}),
        study="s", overrides={1: ("model=old",)},
    )  # fmt: skip
    job.check_test(1, ["model=mine", "seed=3"], "val/loss")
    assert "model=mine" in composed[0] and "model=old" not in composed[0]
    with open_dict(quantiles):
        quantiles[key] = {"_target_": f"{__name__}.{kind.__name__}"}
    with pytest.raises(ValueError, match=f"The final stage .*{missing}"):
        job.check_test(1, [], "val/loss")
    with pytest.raises(ValueError, match=f"test=true.*{missing}"):
        run(quantiles)
    assert not (tmp_path / "checkpoints").exists()


class LightningModule(torch.nn.Module):
    """As the package ``lightning`` has one, which is no base of the other."""


@pytest.mark.parametrize(
    ("made", "words"), [(LightningModule(), "import pytorch_lightning"), (X, "model.network")]
)
def test_what_is_no_module_of_lightning_is_told_what_to_do(made, words):
    check_module(Predicts())
    with pytest.raises(ValueError, match=words):
        check_module(made)


def test_a_regression_of_ones_own_is_deployed_as_it_is(quantiles, tmp_path):
    value = run(quantiles)
    found = result(tmp_path)
    assert value == found["best_metrics"]["val/loss"] and "test/inside" in found["metrics"]
    assert found["never_learned"] is None and "confusion_matrix" not in found
    predictions = read_predictions(tmp_path / "p.npz")
    assert isinstance(predictions, Estimates) and predictions.targets == ("target",)
    assert max(differences(quantiles, tmp_path, predictions)) < 1e-3
    table = pd.read_csv(tmp_path / "t.csv")
    raw = table.drop(columns="target").to_numpy()
    every = load(tmp_path / "model").predict(raw)
    assert every.shape == (120, 1) and np.isin(predictions.true, table["target"].astype("f4")).all()
    place = {round(float(y), 3): i for i, y in enumerate(table["target"])}
    rows = [place[round(float(y), 3)] for y in predictions.true[:, 0]]
    np.testing.assert_allclose(every[rows], predictions.predicted, rtol=1e-4)


def test_a_model_folder_makes_only_what_is_allowed(monkeypatch):
    monkeypatch.delenv("ZMODEL_ALLOW", raising=False)
    assert made_of({"a": [1, {"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 1}]})
    lazy = made_of({"_target_": "torch.nn.ReLU", "_partial_": True})
    assert isinstance(lazy(), torch.nn.ReLU)
    with pytest.raises(ValueError, match="allow-list"):
        made_of({"_target_": "torch.nn.Sequential", "x": {"_target_": "os.system", "command": "x"}})
    with pytest.raises(ValueError, match="_args_"):
        made_of({"_target_": "torch.nn.Linear", "_args_": [1, 2]})


FILES = {
    "data/masks.yaml": "_target_: segments.Masks\nbatch_size: 16\n",
    "model/segments.yaml": "_target_: segments.Segments\nwidth: 4\nlr: 0.01\n",
    "hparams_search/segments.yaml": """# @package _global_
defaults:
  - _study
  - override /model: segments
  - override /data: masks
  - _self_
study_name: segments
optimized_metric: val/dice
trainer: {max_epochs: 3}
callbacks: {early_stopping: {loss: null}}
hydra:
  sweeper:
    n_trials: 2
    n_jobs: 0
    params: {model.width: "int(interval(2, 8))"}
""",
}


@pytest.mark.slow
def test_masks_two_optimizers_and_ones_own_data_to_the_final_page(tmp_path):
    for name, text in FILES.items():
        (tmp_path / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "conf" / name).write_text(text)
    environment = {
        **os.environ, "ZMODEL_ALLOW": "segments.*", "PYTHONPATH": f"{OWN}{os.pathsep}{ROOT}"
    }  # fmt: skip

    def command(name: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, f"{name}.py", *arguments, f"paths.log_dir={tmp_path}/logs"],
            cwd=ROOT, capture_output=True, text=True, env=environment, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    search = ("-m", "--config-dir", str(tmp_path / "conf"))
    command("train", *search, "hparams_search=segments")
    command("analyze", "study=segments")
    output = command(
        "train", *search, "hparams_search=final", "study=segments", "final.top=1", "final.seeds=2"
    )
    folder = tmp_path / "logs" / "studies" / "segments"
    summary = json.loads((folder / "final" / "summary.json").read_text())
    tests = [json.loads(p.read_text())["metrics"]["test/dice"]
             for p in folder.glob("final/test/*/result.json")]  # fmt: skip
    assert summary["score"]["metric"] == "test/dice" and len(tests) == 2
    assert summary["score"]["mean"] == pytest.approx(np.mean(tests))
    assert "neither" in summary["unpredicted"] and "Test dice of the winner" in output
    forms = summary["model"]["formats"]
    assert forms["weights.pt"]["max_abs_difference"] < 1e-5
    assert (folder / "final" / "index.html").is_file()
    assert (folder / "report" / "index.html").is_file()
