"""Train networks by z-layers, and run hyperparameter studies you can believe.

Other programs use the sweeper, ``hydra/sweeper=zmodel``, and tell it what a trial is worth while it
runs: ``zmodel.report(step, value)``. Importing zmodel imports neither torch nor Optuna.
"""

from zmodel.core import moved
from zmodel.core.running_trial import report

__all__ = ["report"]

__version__ = "0.1.0"
moved.install()
