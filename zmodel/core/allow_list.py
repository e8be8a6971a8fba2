"""What a configuration may call: the allow-list of ``_target_`` prefixes."""

from __future__ import annotations

import os

ALLOWED_TARGETS = (
    "zmodel.callbacks.*",
    "zmodel.data.*",
    "zmodel.model.*",
    "zmodel.trackers.*",
    "zmodel.sweep.sweeper.StudySweeper",
    "zmodel.final.sweeper.FinalSweeper",
    "pytorch_lightning.Trainer",
    "pytorch_lightning.callbacks.*",
    "pytorch_lightning.loggers.*",
    "torch.nn.*",
    "torch.optim.*",
    "optuna.samplers.*",
    "optuna.pruners.*",
    "hydra.*",
    "hydra_plugins.*",
)


def allowed_targets() -> list[str]:
    """The list above and the user's own prefixes: ``ZMODEL_ALLOW="mine.*,theirs.Thing"``."""
    extra = os.environ.get("ZMODEL_ALLOW", "").split(",")
    return [*ALLOWED_TARGETS, *(prefix.strip() for prefix in extra if prefix.strip())]
