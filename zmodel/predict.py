"""Classes and probabilities from a deployed model: needs torch and NumPy, nothing else.

    python -m zmodel.predict logs/studies/zlayers/final/model signals.npz
    python -m zmodel.predict MODEL_DIR signals.npz --array x_new --out predicted.npz

Samples are given as the data set gives them, before normalisation, which is part of the model.

Shapes: N samples, C classes.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import math
import sys
import zlib
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor, nn

from zmodel.core.allow_list import check_allowed
from zmodel.core.moved import current

CONFIG_FILE, WEIGHTS_FILE = "config.json", "weights.pt"
INPUT_TYPES = {"float32": torch.float32, "float64": torch.float64}
BATCH = 4096


class Deployed(nn.Module):
    """Raw samples (N, *input_shape) to probabilities (N, C): normalise, network, softmax.

    Samples are centred in the type of `mean` and `std`, float64 where the training data needed it;
    the network gets float32.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(((x - self.mean) / self.std).float()).softmax(-1)


@dataclass(frozen=True)
class Model:
    """A loaded model folder."""

    module: Deployed
    classes: tuple[str, ...]
    input_shape: tuple[int, ...]
    features: tuple[str, ...] = ()
    """Columns of the table that was learned from, in the order of a row of samples."""

    def probabilities(self, x: NDArray) -> NDArray[np.float32]:
        """(N, C) for samples as :func:`samples` accepts them."""
        dtype = self.module.mean.numpy().dtype
        inputs = torch.from_numpy(samples(x, self.input_shape, dtype, self.features))
        with torch.inference_mode():
            parts = [self.module(batch) for batch in inputs.split(BATCH)]
        return torch.cat(parts).numpy() if parts else np.zeros((0, len(self.classes)), np.float32)


def load(folder: str | Path) -> Model:
    """Build the network that config.json names and give it the tensors of weights.pt.

    Raises:
        ValueError: the folder holds no model, or names a class outside the allow-list.
    """
    folder = Path(folder)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} must be the folder of a model, but has no {name}.")
    try:
        config = json.loads((folder / CONFIG_FILE).read_text("utf-8"))
        net = network_class(config["network"])(**config["arguments"])
        normalisation = config["normalisation"] or {"mean": [0.0], "std": [1.0]}
        dtype = INPUT_TYPES[config.get("input_dtype", "float32")]
        mean, std = (torch.tensor(normalisation[k], dtype=dtype) for k in ("mean", "std"))
        classes, shape = tuple(config["classes"]), tuple(config["input_shape"])
        features = tuple(config.get("features") or ())
        net.load_state_dict(torch.load(folder / WEIGHTS_FILE, weights_only=True))
    except (KeyError, TypeError, RuntimeError, json.JSONDecodeError, UnpicklingError) as error:
        raise ValueError(f"{folder} does not hold a model that can be read: {error}") from error
    return Model(Deployed(net, mean, std).eval(), classes, shape, features)


def network_class(path: str) -> type[nn.Module]:
    """The class of that dotted path, or of what has become of it, if the allow-list has it."""
    path = current(path)
    check_allowed(path)
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"The network's class {path!r} cannot be imported: {error}.") from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ValueError(f"The network's class must be a torch module, got {path!r}.")
    return found


def samples(
    x: NDArray, shape: Sequence[int], dtype: DTypeLike = np.float32, features: Sequence[str] = ()
) -> NDArray:
    """Checked samples (N, *shape); flat rows and a missing channel axis are put in shape.

    Raises:
        ValueError: not numbers, another shape, or not finite.
    """
    if x.dtype.kind not in "fiub":
        raise ValueError(f"Samples must be real numbers, got an array of type {x.dtype}.")
    if dtype == np.float64 and x.dtype.kind == "f" and x.dtype.itemsize < 8:
        raise ValueError(
            f"Samples must be float64: {x.dtype} has lost what varies in them. Save them as they "
            "were read, without a conversion."
        )
    wanted = tuple(shape)
    given = tuple(x.shape[1:])
    flat = (math.prod(wanted),)
    columns = ", ".join(features[:20]) + (", ..." if features[20:] else "")
    if x.ndim < 1 or given not in (wanted, flat, *([wanted[1:]] if wanted[0] == 1 else [])):
        raise ValueError(
            f"Samples must have the shape (N, {', '.join(map(str, wanted))}), or be rows of "
            f"{flat[0]} numbers{f' ({columns})' if columns else ''}, got {tuple(x.shape)}."
        )
    small = np.abs(x) <= np.finfo(np.float32).max
    bad = np.flatnonzero(~small.reshape(len(x), *flat).all(axis=1))
    if len(bad):
        raise ValueError(
            f"Samples must be finite: {len(bad)} of {len(x)} are not (NaN, infinite, or too large "
            f"for float32), the first is number {bad[0]}."
        )
    return np.ascontiguousarray(x, dtype=dtype).reshape(len(x), *wanted)


def read_array(path: Path, name: str | None) -> NDArray:
    """The array `name` of an .npz, by default `x` or the only one; or what an .npy holds."""
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            wanted = name or (found.files[0] if len(found.files) == 1 else "x")
            if wanted not in found.files:
                there_are = ", ".join(found.files) or "none"
                raise ValueError(f"it has no array '{wanted}' (--array NAME); arrays: {there_are}")
            return found[wanted]
    except (ValueError, OSError, EOFError, BadZipFile, zlib.error) as error:  # torn or foreign
        raise ValueError(f"{path} cannot be used: {error}.") from error


def write(out: Path | None, classes: Sequence[str], probabilities: NDArray[np.float32]) -> None:
    """A CSV line per sample, its class and the probability of every class; or the same as .npz."""
    predicted = probabilities.argmax(axis=1)
    names = np.array(classes, dtype=np.str_)
    if out is not None and out.suffix == ".npz":
        np.savez_compressed(
            out, predicted=names[predicted], indices=predicted, probabilities=probabilities,
            classes=names,
        )  # fmt: skip
        return
    target = nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8", newline="")
    with target as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["class", *classes])
        for k, row in zip(predicted, probabilities, strict=True):
            writer.writerow([classes[k], *(f"{p:.6f}" for p in row)])


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 with a message about what to mend."""
    parser = argparse.ArgumentParser(prog="python -m zmodel.predict", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", type=Path, help="folder with config.json and weights.pt")
    parser.add_argument("file", type=Path, help=".npz (or .npy) with the samples")
    parser.add_argument("--array", help="its array; default: x, or the only one")
    parser.add_argument("--out", type=Path, help=".npz or .csv; default: CSV to the terminal")
    options: Any = parser.parse_args(arguments)
    try:
        model = load(options.model)
        found = model.probabilities(read_array(options.file, options.array))
        write(options.out, model.classes, found)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
