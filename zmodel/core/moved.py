"""New paths of classes that were moved.

Configurations, models and user code may name the older paths.

Written before November 2026, such files say ``zmodel.znet.ZNet`` or ``zmodel.classifier``. They go
on working: :func:`current` and :func:`translated` give the paths of today, and importing an old
module gives the new one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULES = {
    "zmodel.classifier": "zmodel.model.classifier",
    "zmodel.znet": "zmodel.model.znet",
    "zmodel.zplan": "zmodel.model.layer_plan",
    "zmodel.dropout": "zmodel.model.dropout",
    "zmodel.predictions": "zmodel.callbacks.save_predictions",
    "zmodel.callbacks.predictions": "zmodel.callbacks.save_predictions",
    "zmodel.data.checks": "zmodel.data.arrays",
    "zmodel.final.last_weights": "zmodel.callbacks.last_weights",
    "zmodel.interrupt": "zmodel.core.interrupt",
    "zmodel.trial": "zmodel.core.running_trial",
}
CLASSES = {"zmodel.event_files.EventFiles": "pytorch_lightning.loggers.TensorBoardLogger"}
GONE = {"zmodel.event_files.EventFiles": {"every"}}
"""Old class -> its options that the new one has no use for."""


def current(path: str) -> str:
    """The dotted path of today for `path`, which is returned as it is when nothing moved."""
    if path in CLASSES:
        return CLASSES[path]
    module = next((old for old in MODULES if f"{path}.".startswith(f"{old}.")), None)
    return path if module is None else MODULES[module] + path[len(module) :]


def translated(node: Any) -> Any:
    """A configuration as plain data, with every ``_target_`` in it that of today."""
    if isinstance(node, list):
        return [translated(item) for item in node]
    if not isinstance(node, dict):
        return node
    target = node.get("_target_")
    if not isinstance(target, str):
        return {key: translated(value) for key, value in node.items()}
    kept = {k: translated(v) for k, v in node.items() if k not in GONE.get(target, ())}
    return {**kept, "_target_": current(target)}


class _Finder(MetaPathFinder, Loader):
    """Imports a module of an old path: it is the very module of the new one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MODULES else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        sys.modules[name] = importlib.import_module(MODULES[name])


def install() -> None:
    """Let the import system know the old paths; again does nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
