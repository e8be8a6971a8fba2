"""The winner as a folder that runs without this project's training code.

final/model/: weights.pt (tensors only) and config.json, which :mod:`zmodel.predict` loads;
model.torchscript, model.pt2 (torch.export) and model.onnx (optional extra `export`), which take
raw samples (N, *input_shape) and give probabilities (N, C). Every form is run on test samples and
compared with what Lightning predicted for them.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate
from torch import Tensor

from zmodel.analysis.page.files import to_json
from zmodel.core.allow_list import allowed_targets
from zmodel.core.atomic_file import replacing, write
from zmodel.final.job import FinalJob
from zmodel.final.summary import Outcome
from zmodel.final.testing import Tested
from zmodel.predict import CONFIG_FILE, INPUT_TYPES, WEIGHTS_FILE, Deployed, load

SAMPLES = 64
"""Test samples on which the forms are compared."""


def export_model(outcome: Outcome, job: FinalJob, arguments: Sequence[str]) -> dict[str, Any]:
    """Write final/model/ from the seed that was best on validation; say what was written.

    The seed is not chosen by its test score: that would be one more look at the test set.
    """
    sign = 1 if outcome.plan.maximize else -1
    by_seed = {run.seed: sign * run.value for run in outcome.winner.runs}
    chosen = max(outcome.tested, key=lambda t: (by_seed.get(t.run.seed, -np.inf), -t.run.seed))
    overrides = [*arguments, f"trial={outcome.winner.trial}", f"seed={chosen.run.seed}"]
    cfg = job.compose(overrides, chosen.run.seed, chosen.folder, {})
    build = partial(instantiate, _convert_="all", _execution_whitelist_=allowed_targets())
    data, model = build(cfg.data), build(cfg.model)
    network = getattr(model, "make_network", None)
    if network is None:
        return {"skipped": f"{type(model).__name__} does not say how its network is made"}
    folder = outcome.folder / "model"
    shape, classes = list(data.input_shape), int(data.num_classes)
    made = type(network(input_shape=tuple(shape), num_classes=classes))
    normalisation = _normalisation(data)
    config = {
        "network": f"{made.__module__}.{made.__qualname__}",
        "arguments": {**_keywords(network), "input_shape": shape, "num_classes": classes},
        "input_shape": shape,
        "input_dtype": _raw_type(data),
        "classes": list(outcome.classes),
        "normalisation": normalisation,
        "study": outcome.plan.study,
        "trial": outcome.winner.trial,
        "seed": chosen.run.seed,
        "provenance": {key: chosen.result.get(key) for key in ("git", "versions", "metrics")},
    }
    try:
        text = json.dumps(config, indent=1)
    except TypeError as error:
        return {"skipped": f"the network's arguments are no plain data ({error})"}
    write(folder / CONFIG_FILE, text + "\n")
    with replacing(folder / WEIGHTS_FILE, durable=True) as temporary:
        torch.save(_weights(chosen), temporary)
    formats = _formats(folder, _raw_samples(data, normalisation), chosen)
    write(folder / "checks.json", to_json(formats))
    return {"seed": chosen.run.seed, "formats": formats}


def _keywords(made_by: Any) -> dict[str, Any]:
    """The arguments that nested partials bind; an outer one wins."""
    if not hasattr(made_by, "keywords"):
        return {}
    return {**_keywords(made_by.func), **made_by.keywords}


def _weights(tested: Tested) -> dict[str, Tensor]:
    """The network's own state, without what surrounds it in training."""
    path = tested.run.folder / "checkpoints" / "best.ckpt"
    state = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
    return {k.removeprefix("net."): v for k, v in state.items() if k.startswith("net.")}


def _raw_type(data: Any) -> str:
    """The type in which raw samples are centred."""
    normaliser = getattr(data, "normaliser", None)
    return "float32" if normaliser is None else str(normaliser.mean.dtype)


def _normalisation(data: Any) -> dict[str, Any] | None:
    """Mean and deviation, shaped to broadcast against samples; None when there is none."""
    normaliser = getattr(data, "normaliser", None)
    if normaliser is None:
        return None
    return {"mean": normaliser.mean.tolist(), "std": normaliser.std.tolist()}


def _raw_samples(data: Any, normalisation: dict[str, Any] | None) -> Tensor:
    """The first test samples as they were before normalisation."""
    data.setup("test")
    x = next(iter(data.test_dataloader()))[0][:SAMPLES].to(INPUT_TYPES[_raw_type(data)])
    if normalisation is None:
        return x
    mean, std = (torch.tensor(normalisation[key], dtype=x.dtype) for key in ("mean", "std"))
    return x * std + mean


def _formats(folder: Path, x: Tensor, tested: Tested) -> dict[str, Any]:
    """Write and check every form; a form that cannot be made says why and stops nothing."""
    module = load(folder).module
    expected = torch.from_numpy(tested.predictions.probabilities[: len(x)])
    forms: dict[str, Callable[[Deployed, Tensor, Path], Callable[[Tensor], Tensor]]] = {
        WEIGHTS_FILE: lambda module, x, path: module,
        "model.torchscript": _torchscript,
        "model.pt2": _exported,
        "model.onnx": _onnx,
    }
    found: dict[str, Any] = {}
    for name, make in forms.items():
        try:
            with _quiet(), torch.no_grad():
                run = make(module, x, folder / name)
                outputs = torch.cat([run(x[:1]), run(x[1:])]) if len(x) > 1 else run(x)
            found[name] = {"max_abs_difference": float((outputs - expected).abs().max())}
        except Exception as error:  # exporters fail in many ways, with many types
            if name != WEIGHTS_FILE:
                (folder / name).unlink(missing_ok=True)
            first = str(error).strip().splitlines()[:1]
            found[name] = {"skipped": ": ".join([type(error).__name__, *first])}
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters warn of their own future and log their progress."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _torchscript(module: Deployed, x: Tensor, path: Path) -> Callable[[Tensor], Tensor]:
    torch.jit.trace(module, (x,), check_trace=False).save(str(path))
    return torch.jit.load(str(path))


def _exported(module: Deployed, x: Tensor, path: Path) -> Callable[[Tensor], Tensor]:
    batch = {0: torch.export.Dim("batch")}
    torch.export.save(torch.export.export(module, (x,), dynamic_shapes=(batch,)), str(path))
    return torch.export.load(str(path)).module()


def _onnx(module: Deployed, x: Tensor, path: Path) -> Callable[[Tensor], Tensor]:
    needed = ("onnx", "onnxscript", "onnxruntime")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"{', '.join(missing)} not installed; pip install -e '.[export]'")
    import onnxruntime

    torch.onnx.export(
        module, (x,), str(path), dynamo=True, external_data=False, verbose=False,
        input_names=["x"], output_names=["probabilities"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )  # fmt: skip
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"x": x.numpy()})[0])

    return run
