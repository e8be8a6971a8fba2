"""Lightning callbacks, one per file: what a run does beside training. No Hydra, no Optuna.

Read first: ``checkpoint`` (best and last weights, stopping on request), then ``study_report``.
"""

from zmodel.callbacks.checkpoint import BestAndLast
from zmodel.callbacks.gradient_norm import GradientNorm
from zmodel.callbacks.progress_bar import EpochBar
from zmodel.callbacks.study_report import StudyReport

__all__ = ["BestAndLast", "EpochBar", "GradientNorm", "StudyReport"]
