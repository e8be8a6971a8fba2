"""Hyperparameters and final metrics for loggers.

TensorBoard's HParams tab and the like.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from zmodel.core.objective import counterpart_in_test, metric_names
from zmodel.core.running_trial import running_trial

PLUMBING = ("paths", "extras", "logger", "hydra", "debug")
"""Groups of which no value changes what a run finds."""
GROUPS = ("model", "data", "trainer", "seed", "tags", "task_name")


def log_hyperparameters(cfg: DictConfig, trainer: pl.Trainer, result: dict[str, Any]) -> None:
    """Give them to every logger of the first process, and end its part of the run."""
    if not trainer.is_global_zero:
        return
    params = {k: without_plumbing(resolved(cfg[k])) for k in GROUPS if k in cfg}
    params["parameters"] = result["parameters"]
    for logger in trainer.loggers:
        if hasattr(logger, "log_outcome"):  # a table that shows what it is given
            logger.log_outcome(run_label(cfg), searched(cfg), judged_by(cfg, result["metrics"]))
        else:
            logger.log_hyperparams(params)
        logger.finalize("success")


def resolved(node: Any) -> Any:
    """Plain values; of a part alone, since Hydra's own part need not be complete."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def searched(cfg: DictConfig) -> dict[str, Any]:
    """The parameters of the running trial; in a run of its own what the command has changed."""
    trial = running_trial()
    if trial is not None:
        return dict(trial.params)
    given = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    names = [word.partition("=")[0].lstrip("+") for word in given]
    own = [n for n in names if "." in n and n.partition(".")[0] not in PLUMBING]
    nodes = {name: OmegaConf.select(cfg, name) for name in own}
    plain = {name: node for name, node in nodes.items() if not OmegaConf.is_config(node)}
    return plain or {"seed": cfg.seed}


def judged_by(cfg: DictConfig, metrics: dict[str, float]) -> dict[str, float]:
    """Of the logged metrics those that the run is judged by, and those of the test."""
    names = metric_names(cfg.optimized_metric)
    judged = {*names, *map(counterpart_in_test, names)}
    return {k: v for k, v in metrics.items() if k in judged or k.startswith("test/")}


def run_label(cfg: DictConfig) -> str:
    """`trial-12 of zlayers`: first what tells runs of one study apart."""
    folder, logs = Path(cfg.paths.output_dir), Path(cfg.paths.log_dir)
    inside = folder.relative_to(logs).parts if logs in folder.parents else folder.parts[-3:]
    owner = "/".join(inside[:-2]).removeprefix("studies/")
    name = cfg.get("run_name") or folder.name
    return f"{name} of {owner}" if owner else str(name)


def without_plumbing(node: Any) -> Any:
    """A configuration without class paths and folders: what is left are hyperparameters."""
    if not isinstance(node, dict):
        return node
    own = {k: v for k, v in node.items() if not k.startswith("_") and not k.endswith("_dir")}
    return {key: without_plumbing(value) for key, value in own.items()}
