"""Loads a deployed model from its folder.

config.json says what the network is, weights.pt has its tensors.

Shapes: N samples, C classes, T targets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zmodel.deployed.own_module import imported, own_module
from zmodel.deployed.samples import padded, samples
from zmodel.table.columns import WORDS
from zmodel.table.open_file import open_file
from zmodel.table.preparation import Preparation

CONFIG_FILE, WEIGHTS_FILE = "config.json", "weights.pt"
INPUT_TYPES = {
    "float32": torch.float32, "float64": torch.float64,
    "uint8": torch.uint8, "int32": torch.int32, "int64": torch.int64,
}  # fmt: skip
BATCH = 4096
UNREADABLE = (
    KeyError, TypeError, RuntimeError, AttributeError, json.JSONDecodeError, UnpicklingError,
)  # fmt: skip


class Deployed(nn.Module):
    """Raw samples (N, *input_shape) to predictions: normalise, network, head.

    Samples are centred in the type of `mean` and `std`, float64 where the training data needed it;
    the network gets float32. Whole numbers, such as tokens, stay as they are. The head makes
    probabilities (N, C), or values in their own units.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, net: nn.Module, mean: Tensor, std: Tensor, head: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.net, self.head = net, head or nn.Softmax(-1)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.mean.is_floating_point():
            x = ((x - self.mean) / self.std).float()
        out: Tensor = self.head(self.net(x))
        return out


class InUnits(nn.Module):
    """Standardised targets (N, T) to targets in their own units."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        return z * self.std + self.mean


@dataclass(frozen=True)
class Model:
    """A loaded model folder."""

    module: Deployed
    outputs: tuple[str, ...]
    """Names of the classes, or of the targets of a regression; none of other predictions."""
    measured: bool
    """Whether values are predicted, not probabilities."""
    input_shape: tuple[int, ...]
    features: tuple[str, ...] = ()
    """Of a table that was learned from, in the order of a row of samples."""
    table: Preparation | None = None
    """What makes samples of the rows of such a table."""
    unequal_lengths: bool = False
    """Whether samples are series that may end early, in NaN."""

    def probabilities(self, x: NDArray) -> NDArray[np.float32]:
        """(N, C). ValueError for a model of measured targets, or others, which has none."""
        if self.measured:
            what = ", ".join(self.outputs) or "what its predict_step gives"
            raise ValueError(f"The model predicts {what}, not classes.")
        return self.predict(x)

    def predict(self, x: NDArray) -> NDArray[Any]:
        """Probabilities (N, C), values (N, T), or what else the module gives (N, ...), for samples
        as :func:`samples` accepts them."""
        dtype = self.module.mean.numpy().dtype
        if self.unequal_lengths:
            x = padded(x, self.input_shape)
        inputs = torch.from_numpy(samples(x, self.input_shape, dtype, self.features))
        with torch.inference_mode():
            parts = [self.module(batch) for batch in inputs.split(BATCH)]
        return torch.cat(parts).numpy() if parts else np.zeros((0, len(self.outputs)), np.float32)

    def predict_table(self, path: Path) -> NDArray[Any]:
        """The same for the rows of a .csv, .tsv or .parquet file.

        It must have the columns that were learned from; other columns are ignored."""
        if self.table is None:
            raise ValueError(f"The model was not trained on a table; give arrays, not {path}.")
        words = [column.name for column in self.table.columns if column.kind == WORDS]
        return self.predict(self.table.rows(str(path), open_file(path, words).rename(columns=str)))


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
        if "module" in config:
            net: nn.Module = own_module(config)
        else:
            net = network_class(config["network"])(**config["arguments"])
        normalisation = config["normalisation"] or {"mean": [0.0], "std": [1.0]}
        dtype = INPUT_TYPES[config.get("input_dtype", "float32")]
        mean, std = (torch.tensor(normalisation[k], dtype=dtype) for k in ("mean", "std"))
        outputs, head = head_of(config)
        shape = tuple(config["input_shape"])
        features = tuple(config.get("features") or ())
        table = config.get("table") and Preparation.from_json(config["table"])
        net.load_state_dict(torch.load(folder / WEIGHTS_FILE, weights_only=True))
    except UNREADABLE as error:
        raise ValueError(f"{folder} does not hold a model that can be read: {error}") from error
    module = Deployed(net, mean, std, head).eval()
    unequal = bool(config.get("unequal_lengths"))
    measured = bool(config.get("targets")) or not outputs
    return Model(module, outputs, measured, shape, features, table or None, unequal)


def head_of(config: dict[str, Any]) -> tuple[tuple[str, ...], nn.Module]:
    """Names of the outputs, and what makes predictions of a network's outputs."""
    targets = config.get("targets")
    if not targets and not config["classes"]:
        return (), nn.Identity()
    if not targets:
        softmax = config.get("softmax", True)
        return tuple(config["classes"]), nn.Softmax(-1) if softmax else nn.Identity()
    if "mean" not in targets:
        return tuple(targets["names"]), nn.Identity()
    mean, std = (torch.tensor(targets[key], dtype=torch.float32) for key in ("mean", "std"))
    return tuple(targets["names"]), InUnits(mean, std)


def network_class(path: str) -> type[nn.Module]:
    """The class of that dotted path, or of what has become of it, if the allow-list has it."""
    found = imported(path)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ValueError(f"The network's class must be a torch module, got {path!r}.")
    return found
