"""Where modules lie that users' files name by an older path: configurations, models, own code.

Written before November 2026, such files say ``zmodel.znet.ZNet`` or ``zmodel.classifier``. They go
on working: :func:`current` translates a path, and importing an old module gives the new one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MODULES = {
    "zmodel.classifier": "zmodel.model.classifier",
    "zmodel.znet": "zmodel.model.znet",
    "zmodel.zplan": "zmodel.model.layer_plan",
    "zmodel.dropout": "zmodel.model.dropout",
    "zmodel.predictions": "zmodel.callbacks.predictions",
    "zmodel.final.last_weights": "zmodel.callbacks.last_weights",
    "zmodel.interrupt": "zmodel.core.interrupt",
    "zmodel.trial": "zmodel.core.running_trial",
}
CLASSES = {"zmodel.event_files.EventFiles": "pytorch_lightning.loggers.TensorBoardLogger"}


def current(path: str) -> str:
    """The dotted path of today for `path`, which is returned as it is when nothing moved."""
    if path in CLASSES:
        return CLASSES[path]
    module = next((old for old in MODULES if f"{path}.".startswith(f"{old}.")), None)
    return path if module is None else MODULES[module] + path[len(module) :]


class _Finder(MetaPathFinder, Loader):
    """Imports a module of an old path: it is the very module of the new one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MODULES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return importlib.import_module(MODULES[spec.name])

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it was executed under its new name."""


def install() -> None:
    """Let the import system know the old paths; again does nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
