"""Exports the winner as a folder that needs no training code.

final/model/: weights.pt (tensors only) and config.json, which :mod:`zmodel.predict` loads;
model.torchscript, model.pt2 (torch.export) and model.onnx (optional extra `export`). Every form is
run on test samples and compared with what Lightning predicted for them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import Tensor

from zmodel.analysis.page.files import to_json
from zmodel.callbacks.save_predictions import MOST_OUTPUTS, parts
from zmodel.core.atomic_file import write
from zmodel.core.moved import translated
from zmodel.deployed.model import CONFIG_FILE, WEIGHTS_FILE
from zmodel.final.estimates import Estimates
from zmodel.final.job import FinalJob
from zmodel.final.model_formats import write_formats
from zmodel.final.outputs import Unjudged
from zmodel.final.scores import Predictions
from zmodel.final.summary import FinalResult
from zmodel.final.testing import Tested
from zmodel.run.build import build, build_data
from zmodel.sweep.workers.job import HERE

Found = Predictions | Estimates | Unjudged
SAMPLES = MOST_OUTPUTS
"""Test samples on which the forms are compared."""


def export_model(result: FinalResult, job: FinalJob, arguments: Sequence[str]) -> dict[str, Any]:
    """Write final/model/ from the seed that was best on validation; say what was written.

    The seed is not chosen by its test score: that would be one more look at the test set.
    """
    sign = 1 if result.plan.maximize else -1
    by_seed = {run.seed: sign * run.value for run in result.winner.runs}
    chosen = max(result.tested, key=lambda t: (by_seed.get(t.run.seed, -np.inf), -t.run.seed))
    overrides = [*arguments, f"trial={result.winner.trial}", f"seed={chosen.run.seed}"]
    cfg = job.compose(overrides, chosen.run.seed, chosen.folder, {}, HERE)
    predictions = chosen.predictions
    if predictions.outputs is None:
        return {"skipped": f"no predictions to compare it with: {predictions.reason}"}
    data, model = build_data(cfg), build(cfg, "model")
    network, state, x = getattr(model, "make_network", None), _state(chosen), _raw_samples(data)
    config = {
        **_samples(data, x),
        **(_network(data, network) if network else _module(cfg, model, data, predictions)),
        "classes": list(result.classes),
        "targets": _targets(predictions, state),
        "study": result.plan.study,
        "trial": result.winner.trial,
        "seed": chosen.run.seed,
        "provenance": {key: chosen.result.get(key) for key in ("git", "versions", "metrics")},
    }
    try:
        text = json.dumps(config, indent=1)
    except TypeError as error:
        return {"skipped": f"the network's arguments are no plain data ({error})"}
    folder = result.folder / "model"
    write(folder / CONFIG_FILE, text + "\n")
    torch.save(_weights(state, "net." if network else None), folder / WEIGHTS_FILE)
    try:
        formats = write_formats(folder, x, torch.from_numpy(predictions.outputs[: len(x)]))
    except ValueError as error:  # a module of one's own that cannot be made without its fit
        return {"skipped": str(error)}
    write(folder / "checks.json", to_json(formats))
    return {"seed": chosen.run.seed, "formats": formats, "takes": _takes(data)}


def _takes(data: Any) -> str:
    """The kind of file that the model predicts from, as its user will give it."""
    table = getattr(data, "row_reader", None) is not None
    return f"FILE{data.path.suffix.lower()}" if table else "FILE.npz"


def _samples(data: Any, x: Tensor) -> dict[str, Any]:
    """What config.json says of the samples."""
    normaliser = getattr(data, "normaliser", None)
    found = normaliser and {"mean": normaliser.mean.tolist(), "std": normaliser.std.tolist()}
    reader = getattr(data, "row_reader", None)
    return {
        "table": reader and reader.to_json(),
        "input_shape": list(x.shape[1:]),
        "unequal_lengths": bool(getattr(data, "unequal_lengths", False)),
        "input_dtype": str(normaliser.mean.dtype) if normaliser else str(x.numpy().dtype),
        "features": list(getattr(data, "features", ())) or None,
        "normalisation": found,
    }


def _network(data: Any, network: Any) -> dict[str, Any]:
    """What config.json says of a network."""
    told = {"input_shape": list(data.input_shape), "num_classes": int(data.num_classes)}
    made = type(network(**{**told, "input_shape": tuple(data.input_shape)}))
    return {
        "network": f"{made.__module__}.{made.__qualname__}",
        "arguments": {**_keywords(network), **told},
    }


def _module(cfg: DictConfig, model: LightningModule, data: Any, found: Found) -> dict[str, Any]:
    """What config.json says of a LightningModule of one's own, which is deployed as it is."""
    names = {key: list(map(str, getattr(data, key, ()))) for key in ("class_names", "target_names")}
    return {
        "module": translated(OmegaConf.to_container(cfg.model, resolve=True)),
        "told": {"num_classes": getattr(data, "num_classes", 0), **names},
        # Lightning's own predict_step calls forward, whose classes are logits
        "softmax": isinstance(found, Predictions)
        and not is_overridden("predict_step", model, LightningModule),
    }


def _weights(state: dict[str, Tensor], prefix: str | None) -> dict[str, Tensor]:
    """The network's part of a state, or all of a module of one's own."""
    if prefix is None:
        return {f"module.{key}": value for key, value in state.items()}
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _keywords(made_by: Any) -> dict[str, Any]:
    """The arguments that nested partials bind; an outer one wins."""
    if not hasattr(made_by, "keywords"):
        return {}
    return {**_keywords(made_by.func), **made_by.keywords}


def _state(tested: Tested) -> dict[str, Tensor]:
    """The state of the trained module: the network, and what surrounds it in training."""
    path = tested.run.folder / "checkpoints" / "best.ckpt"
    state: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
    return state


def _targets(predictions: Found, state: dict[str, Tensor]) -> Any:
    """Names, and how standardised ones become values, of a regression; None of others."""
    if not isinstance(predictions, Estimates):
        return None
    units = {key: state.get(f"target_{key}") for key in ("mean", "std")}
    told = {key: value.tolist() for key, value in units.items() if value is not None}
    return {"names": list(predictions.targets), **told}


def _raw_samples(data: Any) -> Tensor:
    """The first test samples as they were before normalisation; what are whole numbers stays so."""
    data.setup("test")
    x, *_ = parts(next(iter(data.test_dataloader())))
    x = x[:SAMPLES].float() if x.is_floating_point() else x[:SAMPLES]
    normaliser = getattr(data, "normaliser", None)
    if normaliser is None:
        return x
    return x * torch.from_numpy(normaliser.std) + torch.from_numpy(normaliser.mean)
