"""Trackers: TensorBoard over epochs, MLflow, W&B.

The last two are optional packages, imported when they are used.
"""

from zmodel.trackers.mlflow import mlflow_logger
from zmodel.trackers.require import require
from zmodel.trackers.wandb import wandb_closed, wandb_logger

__all__ = ["mlflow_logger", "require", "wandb_closed", "wandb_logger"]
