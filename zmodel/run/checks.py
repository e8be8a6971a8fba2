"""Options of a run that cannot work together: refused before anything is loaded or written."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from zmodel.core.arguments import names

LARGEST_SEED = 2**32 - 1
"""NumPy takes no larger one."""


def check_options(cfg: DictConfig) -> None:
    """ValueError for a value, or a pair of values, under which a run would do nothing sensible."""
    seed, trainer = cfg.seed, cfg.trainer
    if not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"seed must be a whole number from 0 to {LARGEST_SEED}, got {seed}.")
    if cfg.extras.enforce_tags and not names("tags", cfg.tags):
        raise ValueError("extras.enforce_tags asks for tags, got none. Add tags=[baseline].")
    if not cfg.train and not cfg.test:
        raise ValueError("train=false test=false leaves nothing to do. Set one of them to true.")
    if not cfg.train and cfg.ckpt_path is None:
        raise ValueError("train=false test=true needs ckpt_path=PATH to a checkpoint, got null.")
    if cfg.ckpt_path is not None and not Path(cfg.ckpt_path).is_file():
        raise ValueError(f"ckpt_path must be a checkpoint file, got {cfg.ckpt_path}: no such file.")
    least, most = trainer.get("min_epochs"), trainer.get("max_epochs")
    if most is not None and (not isinstance(most, int) or most < 1):
        raise ValueError(f"trainer.max_epochs must be a whole number of at least 1, got {most}.")
    if least is not None and most is not None and least > most:
        raise ValueError(
            f"trainer.min_epochs must not exceed trainer.max_epochs, got {least} and {most}."
        )
    stopping = cfg.callbacks.get("early_stopping") or {}
    patience = stopping.get("patience", 0)
    if not isinstance(patience, int) or patience < 0:
        raise ValueError(
            "callbacks.early_stopping.patience must be a whole number of at least 0, got "
            f"{patience}."
        )
