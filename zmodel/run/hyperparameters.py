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
    resolved = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(resolved, dict)
    params = {k: without_plumbing(resolved[k]) for k in GROUPS}
    params["parameters"] = result["parameters"]
    for logger in trainer.loggers:
        if isinstance(logger, pl.loggers.TensorBoardLogger):
            # under names of their own: the curves get no stray last point
            final = {f"final/{name}": value for name, value in result["metrics"].items()}
            logger.log_hyperparams(params, final, step=trainer.global_step)
        else:
            logger.log_hyperparams(params)
        logger.finalize("success")


def without_plumbing(node: Any) -> Any:
    """A configuration without class paths and folders: what is left are hyperparameters."""
    if not isinstance(node, dict):
        return node
    own = {k: v for k, v in node.items() if not k.startswith("_") and not k.endswith("_dir")}
    return {key: without_plumbing(value) for key, value in own.items()}
