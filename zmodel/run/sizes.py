"""Parameters and memory of a run, known before it is trained.

The network is built and passed through without numbers (torch's `meta` device): shapes alone are
computed, so that a network of a billion weights takes milliseconds and no memory.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, NamedTuple, cast

import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities.seed import isolate_rng
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from zmodel.run.build import build

NOT_SHAPES = ("batch_size", "eval_batch_size", "epoch_steps", "augment")
"""Keys of a data set that change neither the shape of a sample nor how many there are."""
MOMENTS = 2
"""Numbers per weight that an optimizer keeps whose step cannot be made without numbers: Adam's."""


class Samples(NamedTuple):
    """What a network is told of the data; the shape of a sample, and how many are trained on."""

    told: dict[str, Any]
    shape: tuple[int, ...]
    total: int


_READ: dict[str, Samples] = {}
MOST_READ = 8


def sizes(cfg: DictConfig, names: Collection[str]) -> dict[str, float]:
    """Those of ``parameters`` and ``memory`` that are asked for, of the run of a configuration.

    ``parameters`` counts trainable numbers, as result.json does. ``memory`` estimates the bytes at
    the peak of a training step in single precision: weights and buffers, a gradient per trainable
    weight, what the optimizer keeps, and what the backward pass needs of one training batch (the
    tensors that autograd saves). Not counted: the data set, the framework itself, buffers of single
    operations, and validation batches, which need no gradients.

    Raises:
        ValueError: the network cannot be built, or takes something else than a batch.
    """
    if not {"parameters", "memory"} & {*names}:
        return {}
    with isolate_rng(include_cuda=False):
        model: Any = build(cfg, "model")
        samples = _samples(cfg, model)
        network = _without_numbers(model, samples)
        weights = [p for p in network.parameters() if p.requires_grad]
        found: dict[str, float] = {"parameters": sum(w.numel() for w in weights)}
        if "memory" in names:
            batch = min(int(cfg.data.get("batch_size", 1)), samples.total)
            shape = (batch, *samples.shape)
            found["memory"] = _memory(model, network, weights, shape)
    return {name: value for name, value in found.items() if name in names}


def _without_numbers(model: Any, samples: Samples) -> nn.Module:
    if not hasattr(model, "make_network"):  # a LightningModule of one's own
        return cast("nn.Module", model.to("meta"))
    with torch.device("meta"):
        return cast("nn.Module", model.make_network(**samples.told))


def _memory(
    model: Any, network: nn.Module, weights: list[nn.Parameter], shape: tuple[int, ...]
) -> int:
    held = [*network.parameters(), *network.buffers()]
    own = sum(tensor.nbytes for tensor in (*held, *weights))
    try:
        passed = _saved_for_backward(network, shape, held)
    except (TypeError, RuntimeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            "the memory of a training step is estimated from one batch, which the network refused "
            f"(shape {shape}): {reason}. Limit parameters instead of memory."
        ) from error
    return own + _kept_by_optimizer(model, weights) + passed


def _samples(cfg: DictConfig, model: Any) -> Samples:
    """Read once for all configurations whose data differ in nothing that matters here."""
    node = OmegaConf.to_container(cfg.data, resolve=True)
    assert isinstance(node, dict)
    kept = {name: value for name, value in node.items() if name not in NOT_SHAPES}
    key = json.dumps(kept, sort_keys=True, default=str)
    if key not in _READ:
        if len(_READ) == MOST_READ:
            _READ.pop(next(iter(_READ)))
        _READ[key] = _read_samples(build(cfg, "data"), model)
    return _READ[key]


def _read_samples(data: Any, model: Any) -> Samples:
    data.setup("fit")
    told = model.shape_of(data) if hasattr(model, "shape_of") else {}
    if hasattr(data, "samples_of"):
        x = data.samples_of("train")[0]
        return Samples(told, tuple(x.shape[1:]), len(x))
    x = next(iter(data.train_dataloader()))[0]
    return Samples(told, tuple(x.shape[1:]), len(x))


def _kept_by_optimizer(model: Any, weights: list[nn.Parameter]) -> int:
    """Bytes of an optimizer's state after its first step."""
    twins = [nn.Parameter(torch.empty_like(w)) for w in weights]
    try:
        optimizer = model.make_optimizer(twins)
        for twin in twins:
            twin.grad = torch.empty_like(twin)
        optimizer.step()
    except Exception:  # each optimizer has reasons of its own, with types of its own
        return MOMENTS * sum(w.nbytes for w in weights)
    kept = (value for state in optimizer.state.values() for value in state.values())
    return sum(value.nbytes for value in kept if isinstance(value, Tensor))


def _saved_for_backward(network: nn.Module, shape: tuple[int, ...], held: list[Tensor]) -> int:
    """Bytes of what autograd saves in a training step, beside the weights themselves."""
    own = {_identity(tensor) for tensor in held}
    saved: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if (memory := _identity(tensor)) not in own:
            saved[memory] = tensor.untyped_storage().nbytes()
        return tensor

    network.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = network(torch.empty(shape, device="meta"))
        del outputs
    return sum(saved.values())


def _identity(tensor: Tensor) -> int:
    """Equal for tensors that share their memory, while one of them is kept."""
    return int(StorageWeakRef(tensor.untyped_storage()).cdata)  # type: ignore[no-untyped-call]
