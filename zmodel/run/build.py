"""Builds the objects of a run from its configuration."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger

from zmodel.core.allow_list import allowed_targets
from zmodel.core.moved import translated
from zmodel.run.kept_factories import keep_factories


def build(cfg: DictConfig, key: str, **arguments: Any) -> Any:
    """The object that the node at ``key`` describes.

    Resolved first: ``instantiate`` copies all parents of a node with interpolations, which for
    the nine nodes of a run cost more than building its objects.

    Raises:
        ValueError: a value is missing, or cannot work.
    """
    node = OmegaConf.select(cfg, key)
    plain = translated(OmegaConf.to_container(node, resolve=True))
    allowed = allowed_targets()
    try:
        made = instantiate(plain, _convert_="all", _execution_whitelist_=allowed, **arguments)
    except MissingMandatoryValue as error:
        missing = min(OmegaConf.missing_keys(node))
        raise ValueError(f"{missing} must be given, got nothing. Add {missing}=VALUE.") from error
    except (TypeError, MisconfigurationException) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{key} cannot be made of its values: {reason}. Correct {key}.") from error
    keep_factories(made)
    return made


def build_data(cfg: DictConfig, **arguments: Any) -> pl.LightningDataModule:
    """The data; with ``data.reshuffle`` the seed of the run draws the validation split."""
    if cfg.data.get("reshuffle"):
        arguments["split_seed"] = cfg.data.split_seed + cfg.seed
    data: pl.LightningDataModule = build(cfg, "data", **arguments)
    return data


def build_callbacks(cfg: DictConfig) -> dict[str, Callback]:
    """The callbacks by their key; a progress bar only where the trainer has one."""
    made = {
        str(key): build(cfg, f"callbacks.{key}", **_each_validation(cfg, node))
        for key, node in cfg.callbacks.items()
        if node
    }
    if cfg.trainer.enable_progress_bar:
        return made
    return {k: c for k, c in made.items() if not isinstance(c, pl.callbacks.ProgressBar)}


def _each_validation(cfg: DictConfig, node: DictConfig) -> dict[str, bool]:
    """Early stopping looks after every validation also when there is one per batch: Lightning takes
    an interval of 1 batch for 1.0, all of them."""
    interval = cfg.trainer.get("val_check_interval")
    stopping = str(node.get("_target_")).endswith(".EarlyStopping")
    own = "check_on_train_epoch_end" in node
    return (
        {"check_on_train_epoch_end": False}
        if stopping and not own and type(interval) is int
        else {}
    )


def build_trainer(cfg: DictConfig, callbacks: list[Callback]) -> pl.Trainer:
    """The trainer with these callbacks and the configured loggers."""
    loggers: list[Logger] = [
        build(cfg, f"logger.{key}") for key, node in cfg.logger.items() if node
    ]
    trainer: pl.Trainer = build(
        cfg,
        "trainer",
        callbacks=callbacks,
        logger=loggers or False,
        # without such a callback Lightning would add its own
        enable_checkpointing=any(isinstance(c, pl.callbacks.Checkpoint) for c in callbacks),
        enable_progress_bar=any(isinstance(c, pl.callbacks.ProgressBar) for c in callbacks),
    )
    return trainer
