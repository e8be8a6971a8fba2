"""Modules that can be called, such as ``zmodel.train``.

``train``, ``sweep`` and ``analyze`` are functions for Python, and each is also a module: importing
a module puts it in the place of a function of the same name. So the module itself answers calls.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any


class CallableModule(ModuleType):
    """A module of zmodel; a call goes to the function of its name in ``zmodel.from_python``."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    @property
    def _function(self) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(
            import_module("zmodel.from_python"), self.__name__.rpartition(".")[2]
        )
        return function

    @property
    def __signature__(self) -> inspect.Signature:  # what notebooks show
        return inspect.signature(self._function)

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return import_module, (self.__name__,)


def make_callable(name: str) -> None:
    """Let the module of this name, which is being imported, be called."""
    sys.modules[name].__class__ = CallableModule
