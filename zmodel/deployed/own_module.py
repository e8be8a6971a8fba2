"""Deploys a user's LightningModule as a network.

Samples in, what its ``predict_step`` gives out.

It is made of its configuration, given what the data told it in training, and set up; its weights
come from the model folder. It needs the packages that it imports, Lightning among them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn

from zmodel.core.allow_list import check_allowed
from zmodel.core.moved import current

UNKNOWN = {"_args_", "_recursive_"}
"""Of Hydra's way to describe an object; the rest is understood here."""


class OwnModule(nn.Module):
    """Samples (N, ...) to predictions (N, C), (N, T) or of any form (N, ...)."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.module.predict_step(x, 0)
        return out.unsqueeze(1) if out.dim() == 1 else out


def own_module(config: dict[str, Any]) -> OwnModule:
    """The module that ``config`` describes, set up as for a fit with the same data.

    In ``setup`` it finds ``self.trainer.datamodule`` with ``input_shape``, ``num_classes``,
    ``class_names`` and ``target_names``, and nothing else of a trainer.
    """
    classes, targets = config.get("classes") or (), (config.get("targets") or {}).get("names", ())
    told = {"num_classes": len(classes or targets), "class_names": list(classes)}
    told |= {"target_names": list(targets)} | config.get("told", {})
    module = made_of(config["module"])
    module.trainer = SimpleNamespace(
        datamodule=SimpleNamespace(input_shape=tuple(config["input_shape"]), **told)
    )
    module.setup("predict")
    return OwnModule(module)


def made_of(node: Any) -> Any:
    """The object that plain data describe, as Hydra's ``instantiate`` would make it.

    Raises:
        ValueError: a class is not on the allow-list or cannot be imported.
    """
    if isinstance(node, list):
        return [made_of(item) for item in node]
    if not isinstance(node, dict):
        return node
    options = {key: made_of(value) for key, value in node.items() if not key.startswith("_")}
    if "_target_" not in node:
        return options
    if UNKNOWN & node.keys():
        raise ValueError(f"A model's configuration must do without {', '.join(sorted(UNKNOWN))}.")
    made = imported(node["_target_"])
    return partial(made, **options) if node.get("_partial_") else made(**options)


def imported(path: str) -> Callable[..., Any]:
    """What has that dotted path, or what has become of it, if the allow-list has it."""
    path = current(path)
    check_allowed(path)
    module, _, name = path.rpartition(".")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"The network's class {path!r} cannot be imported: {error}.") from error
    return found
