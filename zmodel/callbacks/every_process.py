"""What callbacks ask of a trainer: a logged metric, and whether something holds in any process."""

from __future__ import annotations

from pytorch_lightning import Trainer


def metric(trainer: Trainer, name: str, asked_by: str) -> float:
    """The last logged value of ``name``; ``ValueError`` that names the logged ones otherwise."""
    metrics = trainer.callback_metrics  # Lightning computes it anew on every access
    if name not in metrics:
        logged = ", ".join(sorted(metrics)) or "none"
        raise ValueError(
            f"{asked_by} must name a logged metric, got '{name}'. Logged metrics: {logged}."
        )
    return float(metrics[name])


def anywhere(trainer: Trainer, here: bool) -> bool:
    """Whether it holds in any process of the run; all of them must ask."""
    if trainer.world_size == 1:
        return here
    return bool(trainer.strategy.reduce_boolean_decision(here, all=False))
