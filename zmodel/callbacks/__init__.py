"""Lightning callbacks, one per file.

They do what a run does beside training. No Hydra, no Optuna.

Read first: ``monitor`` (following a metric), then ``checkpoint`` (best and last weights) and
``study_report``, which do; ``stop_on_request`` ends a fit on a signal.
"""

from zmodel.callbacks.checkpoint import BestAndLast
from zmodel.callbacks.cool_down import CoolDownStopping
from zmodel.callbacks.gradient_norm import GradientNorm
from zmodel.callbacks.progress_bar import EpochBar
from zmodel.callbacks.study_report import StudyReport

__all__ = ["BestAndLast", "CoolDownStopping", "EpochBar", "GradientNorm", "StudyReport"]
