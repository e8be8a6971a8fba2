"""Checks ``ckpt_path`` before anything is built."""

from __future__ import annotations

import errno
from pickle import UnpicklingError
from typing import Any

import torch
from omegaconf import DictConfig

STATE = {"loops", "optimizer_states", "lr_schedulers"}
"""What a fit goes on from, beside the weights."""


def read_checkpoint(path: str) -> dict[str, Any]:
    """Its content; tensors stay on the disk until they are used.

    Raises:
        ValueError: it holds more than tensors and plain values, or is damaged.
    """
    try:
        content = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # not a file cut short
            raise
        raise ValueError(
            f"ckpt_path must be a checkpoint of tensors and plain values, got {path}, which holds "
            "more or is damaged. Objects are never unpickled: they could run any code. Name a "
            "checkpoint that this program wrote."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"ckpt_path must be a checkpoint, got {path}, which holds other data.")
    return content


def check_checkpoint(cfg: DictConfig) -> None:
    """ValueError unless ``ckpt_path`` can do what it is there for: to go on from, or be tested."""
    if cfg.ckpt_path is None:
        return
    content = read_checkpoint(cfg.ckpt_path)
    if "state_dict" not in content:
        raise ValueError(f"ckpt_path must hold weights, got {cfg.ckpt_path}, which has none.")
    if not cfg.train:
        return
    if not content.keys() >= STATE:
        raise ValueError(
            f"ckpt_path={cfg.ckpt_path} holds only weights and can be tested (train=false), but a "
            "run cannot continue from it. Name the last.ckpt beside it."
        )
    done, most = content.get("epoch", 0), cfg.trainer.get("max_epochs")
    if most not in (None, -1) and done > most:
        raise ValueError(
            f"trainer.max_epochs must be at least {done}, the epochs that {cfg.ckpt_path} has "
            f"trained, got {most}. Raise it, or start from scratch with ckpt_path=null."
        )
