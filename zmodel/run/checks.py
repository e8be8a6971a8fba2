"""Refuses options of a run that cannot work together.

Asked before anything is loaded or written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from pytorch_lightning import LightningDataModule, LightningModule

from zmodel.core.objective import counterpart_in_test, metric_names

LARGEST_SEED = 2**32 - 1
"""NumPy takes no larger one."""


def check_options(cfg: DictConfig) -> None:
    """ValueError for a value, or a pair of values, under which a run would do nothing sensible."""
    if not _whole(cfg.seed, 0) or cfg.seed > LARGEST_SEED:
        raise ValueError(f"seed must be a whole number from 0 to {LARGEST_SEED}, got {cfg.seed}.")
    if cfg.extras.enforce_tags and not cfg.tags:
        raise ValueError("extras.enforce_tags asks for tags, got none. Add tags=[baseline].")
    if not cfg.train and not cfg.test:
        raise ValueError("train=false test=false leaves nothing to do. Set one of them to true.")
    if not cfg.train and cfg.ckpt_path is None:
        raise ValueError("train=false test=true needs ckpt_path=PATH to a checkpoint, got null.")
    if cfg.ckpt_path is not None and not Path(cfg.ckpt_path).is_file():
        raise ValueError(f"ckpt_path must be a checkpoint file, got {cfg.ckpt_path}: no such file.")
    stopping = cfg.callbacks.get("early_stopping") or {}
    patience = stopping.get("patience", 0)
    if not _whole(patience, 0):
        raise ValueError(
            "callbacks.early_stopping.patience must be a whole number of at least 0, got "
            f"{patience}."
        )
    _check_epochs(cfg.trainer)
    _check_end(cfg)


def _check_epochs(trainer: DictConfig) -> None:
    least, most = trainer.get("min_epochs"), trainer.get("max_epochs")
    if most is None or most == -1:  # -1: without a limit
        return
    if not _whole(most, 1):
        raise ValueError(
            "trainer.max_epochs must be a whole number of at least 1, or -1 for no limit, got "
            f"{most}."
        )
    if least is not None and least > most:
        raise ValueError(
            f"trainer.min_epochs must not exceed trainer.max_epochs, got {least} and {most}."
        )


def _check_end(cfg: DictConfig) -> None:
    """A run without a limit needs something that ends it."""
    trainer = cfg.trainer
    limits = ("max_epochs", "max_steps", "max_time", "fast_dev_run")
    limited = any(trainer.get(key) not in (None, -1, False) for key in limits)
    stops = any("Stopping" in str(c.get("_target_")) for c in cfg.callbacks.values() if c)
    # without max_epochs and max_steps Lightning makes 1,000 epochs
    if cfg.train and trainer.get("max_epochs") == -1 and not limited and not stops:
        raise ValueError(
            "trainer.max_epochs=-1 is without a limit and needs something that ends the run, got "
            "neither callbacks.early_stopping nor trainer.max_steps or max_time. Add one of them."
        )


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


# --- whether the module can be trained and tested ---


def check_module(made: Any) -> None:
    """ValueError for what is no LightningModule, or one of the package ``lightning``."""
    if isinstance(made, LightningModule):
        return
    kind = type(made)
    fix = (
        "a network in plain PyTorch is the model.network of zmodel.model.classifier.Classifier or "
        "zmodel.model.regressor.Regressor (docs/how-to/own_network.md)."
    )
    if any(base.__name__ == "LightningModule" for base in kind.__mro__):
        fix = "the package lightning has another class of that name: import pytorch_lightning."
    raise ValueError(
        f"model must be a pytorch_lightning.LightningModule, received one of "
        f"{kind.__module__}.{kind.__qualname__}; {fix}"
    )


def check_test_step(made: Any, metrics: Iterable[str], asked: str) -> None:
    """ValueError for a LightningModule, or a class of them, without a test.

    Args:
        asked: what wants the test, for the message.
    """
    kind = made if isinstance(made, type) else type(made)
    if getattr(kind, "test_step", None) in (None, LightningModule.test_step):
        wanted = ", ".join(map(counterpart_in_test, metrics)) or "a metric"
        raise ValueError(
            f"{asked} needs a test_step, and {kind.__module__}.{kind.__qualname__} has none. Write "
            f"one that logs {wanted}."
        )


def check_test_data(made: Any, asked: str) -> None:
    """ValueError for a LightningDataModule, or a class of them, without test samples."""
    kind = made if isinstance(made, type) else type(made)
    if getattr(kind, "test_dataloader", None) in (None, LightningDataModule.test_dataloader):
        raise ValueError(
            f"{asked} needs test samples, and {kind.__module__}.{kind.__qualname__} has no "
            "test_dataloader. Write one."
        )


# --- whether a validation comes ---


def check_validation(cfg: DictConfig, batches: int | None) -> None:
    """ValueError when a validation metric is needed and the fit would end without a validation.

    Args:
        batches: of a training epoch, where they are known.
    """
    needed = [("optimized_metric", name) for name in metric_names(cfg.optimized_metric)]
    needed += [
        (f"callbacks.{key}.monitor", callback.monitor)
        for key, callback in cfg.callbacks.items()
        if callback and callback.get("monitor")
    ]
    needed = [(key, name) for key, name in needed if name.startswith("val")]
    reason = _no_validation(cfg.trainer, batches) if needed and cfg.train else None
    if reason is not None:
        (key, name), (setting, advice) = needed[0], reason
        raise ValueError(
            f"{key}={name} needs a validation, and none comes before the run ends: "
            f"trainer.{setting}={cfg.trainer.get(setting)}. {advice}"
        )


def check_shares(trainer: DictConfig, batches: Mapping[str, int]) -> None:
    """ValueError for a share of the batches that is less than one of them.

    Args:
        batches: of each part that will be evaluated, ``val`` or ``test``, where they are known.
    """
    for part, count in batches.items():
        key = f"limit_{part}_batches"
        limit = trainer.get(key)
        if isinstance(limit, float) and limit > 0 and count * limit < 1:
            raise ValueError(
                f"trainer.{key}={limit} must be one batch at least, and {part} has {count}. Make "
                "batches smaller, as with data.eval_batch_size=16, or give a number of batches: "
                f"trainer.{key}=1."
            )


def _no_validation(trainer: DictConfig, batches: int | None) -> tuple[str, str] | None:
    """The key that keeps every validation away, and what to do."""
    if trainer.get("limit_val_batches") == 0 and not trainer.get("overfit_batches"):
        return "limit_val_batches", "Set it to null, or optimise and monitor a training metric."
    every, epochs = trainer.get("check_val_every_n_epoch", 1), trainer.get("max_epochs")
    if every is not None and epochs not in (None, -1) and every > epochs:
        return "check_val_every_n_epoch", f"Set it to at most trainer.max_epochs={epochs}."
    steps, interval = trainer.get("max_steps", -1), trainer.get("val_check_interval")
    timed = not isinstance(interval, int | float | None)
    if batches is None or steps == -1 or timed or trainer.get("overfit_batches"):
        return None
    first = _steps_to_validation(trainer, _limited(batches, trainer.get("limit_train_batches")))
    if first > steps:
        return "max_steps", f"The first validation is after {first} steps: set at least as many."
    return None


def _steps_to_validation(trainer: DictConfig, batches: int) -> int:
    """Optimizer steps of one process up to the end of the first validation."""
    every, interval = trainer.get("check_val_every_n_epoch", 1), trainer.get("val_check_interval")
    accumulated = trainer.get("accumulate_grad_batches") or 1
    before = _limited(batches, interval) if every is not None else int(interval or batches)
    whole_epochs = (every or 1) - 1
    return whole_epochs * -(-batches // accumulated) + (before - 1) // accumulated + 1


def _limited(batches: int, limit: float | None) -> int:
    """A limit of Lightning's in batches: a whole number of them, or a share."""
    if limit is None:
        return batches
    return min(batches, limit) if isinstance(limit, int) else max(1, int(batches * limit))
