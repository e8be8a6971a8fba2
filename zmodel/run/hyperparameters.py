"""Hyperparameters and final metrics for loggers.

TensorBoard's HParams tab and the like.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf

GROUPS = ("model", "data", "trainer", "seed", "tags", "task_name")


def log_hyperparameters(cfg: DictConfig, trainer: pl.Trainer, result: dict[str, Any]) -> None:
    """Give them to every logger of the first process, and end its part of the run."""
    if not trainer.is_global_zero:
        return
    # node by node: cfg may hold Hydra's own part, which resolves in a job of Hydra alone
    nodes = {key: cfg[key] for key in GROUPS if key in cfg}
    params = {key: without_plumbing(plain(node)) for key, node in nodes.items()}
    params["parameters"] = result["parameters"]
    for logger in trainer.loggers:
        if isinstance(logger, pl.loggers.TensorBoardLogger):
            # under names of their own: the curves get no stray last point
            final = {f"final/{name}": value for name, value in result["metrics"].items()}
            logger.log_hyperparams(params, final, step=trainer.global_step)
        else:
            logger.log_hyperparams(params)
        logger.finalize("success")


def plain(node: Any) -> Any:
    """A node of the configuration as plain data."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def without_plumbing(node: Any) -> Any:
    """A configuration without class paths and folders: what is left are hyperparameters."""
    if not isinstance(node, dict):
        return node
    own = {k: v for k, v in node.items() if not k.startswith("_") and not k.endswith("_dir")}
    return {key: without_plumbing(value) for key, value in own.items()}
