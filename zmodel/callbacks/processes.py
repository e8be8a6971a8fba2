"""Shares a decision among the processes of a distributed run."""

from __future__ import annotations

from pytorch_lightning import Trainer


def in_any_process(trainer: Trainer, here: bool) -> bool:
    """Whether it holds in any process of the run; all of them must ask."""
    if trainer.world_size == 1:
        return here
    return bool(trainer.strategy.reduce_boolean_decision(here, all=False))
