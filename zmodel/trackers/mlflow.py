"""MLflow, safe when several workers start at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zmodel.trackers.require import require

if TYPE_CHECKING:
    from pytorch_lightning.loggers import MLFlowLogger


def mlflow_logger(
    experiment_name: str, tracking_uri: str, artifact_location: str, lock: str, **options: Any
) -> MLFlowLogger:
    """Lightning's logger for an experiment that exists, whoever else starts at the same moment.

    MLflow makes its tables and its experiments without regard to other processes.

    Args:
        lock: a file that is locked meanwhile.

    Raises:
        ValueError: MLflow is not installed.
    """
    require("mlflow")
    from filelock import FileLock
    from mlflow import MlflowClient
    from pytorch_lightning.loggers import MLFlowLogger

    Path(lock).parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        client = MlflowClient(tracking_uri)
        if client.get_experiment_by_name(experiment_name) is None:
            client.create_experiment(experiment_name, artifact_location)
    return MLFlowLogger(experiment_name, tracking_uri=tracking_uri, **options)
