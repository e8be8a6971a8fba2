"""Writes and checks the formats of an exported model.

Each is written, run on test samples and compared.

A form takes raw samples (N, *input_shape) and gives probabilities (N, C), or values (N, T).
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zmodel.deployed.model import WEIGHTS_FILE, Deployed, load

Form = Callable[[Deployed, Tensor, Path], Callable[[Tensor], Tensor]]
"""Writes a module, with samples to trace it by, into a file; returns what the file computes."""


def write_formats(folder: Path, x: Tensor, expected: Tensor) -> dict[str, Any]:
    """Write and check every form; one that cannot be made says why and stops nothing."""
    module = load(folder).module
    forms: dict[str, Form] = {
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
            found[name] = {
                "max_abs_difference": float((outputs.float() - expected.float()).abs().max())
            }
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
        input_names=["x"], output_names=["predictions"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )  # fmt: skip
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"x": x.numpy()})[0])

    return run
