"""MLflow and Weights & Biases, safe for several workers; both are optional packages."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytorch_lightning.loggers import MLFlowLogger, WandbLogger

INSTALL = "pip install 'zmodel[trackers]', or in a checkout '.[trackers]'"


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


def wandb_logger(offline: bool = False, **options: Any) -> WandbLogger:
    """Lightning's logger, checked before the first step.

    Raises:
        ValueError: W&B is not installed, or it would ask for a key.
    """
    require("wandb")
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    mode = "offline" if offline else wandb.setup().settings.mode
    if mode == "online" and not wandb.login(prompt=False):
        raise ValueError(
            "logger=wandb needs to be logged in, found no key. Run `wandb login`, put "
            "WANDB_API_KEY=... into .env, or stay offline: logger.wandb.offline=true."
        )
    return WandbLogger(offline=offline, mode=mode, **options)


def require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ValueError(
            f"logger={package} needs the package {package}, which is not installed: {INSTALL}; "
            "or use logger=default."
        )


@contextmanager
def wandb_closed() -> Iterator[None]:
    """End W&B's run with the block: the next trial of this process is another one."""
    code = 1
    try:
        yield
        code = 0
    finally:
        wandb = sys.modules.get("wandb")
        if wandb is not None and wandb.run is not None:
            wandb.finish(exit_code=code)
