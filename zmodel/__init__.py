"""Train networks by z-layers, and run hyperparameter studies you can believe.

    from zmodel import train, sweep, analyze

    result = train(["data=digits", "model.z_layers=2"])
    study = sweep("zlayers", ["data=digits"])
    judged = analyze("zlayers")

These three are modules that can be called; what they do is in ``zmodel.from_python``. Other
programs use the sweeper, ``hydra/sweeper=zmodel``, and tell it what a trial is worth while it runs:
``zmodel.report(step, value)``. Importing zmodel imports neither torch nor Optuna.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from zmodel.core import moved
from zmodel.core.running_trial import report

if TYPE_CHECKING:
    from zmodel.from_python import analyze, sweep, train

__all__ = ["analyze", "report", "sweep", "train"]

__version__ = "0.1.0"
moved.install()


def __getattr__(name: str) -> object:
    """``zmodel.train`` and the others, imported when they are asked for."""
    if name in __all__:
        return import_module(f"zmodel.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
