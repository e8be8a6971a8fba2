"""The allow-list of classes that configurations and models may create.

``_target_`` names them.

There is one. The user extends it: ``ZMODEL_ALLOW="mine.*,theirs.Thing"``.
"""

from __future__ import annotations

import os

from zmodel.core.moved import current

ALLOWED_TARGETS = (
    "zmodel.callbacks.*",
    "zmodel.data.*",
    "zmodel.model.*",
    "zmodel.trackers.*",
    "zmodel.sweep.sweeper.StudySweeper",
    "zmodel.sweep.stopping.depth_halving.DepthHalving",
    "zmodel.final.sweeper.FinalSweeper",
    "zmodel.final.race.listed_runs.ListedRuns",
    "pytorch_lightning.Trainer",
    "pytorch_lightning.callbacks.*",
    "pytorch_lightning.loggers.*",
    "torch.nn.*",
    "torch.optim.*",
    "optuna.samplers.*",
    "optuna.pruners.*",
    "optuna_integration.*",
    "hydra.*",
    "hydra_plugins.*",
)
"""Full paths, and prefixes that end in ``.*``."""


def allowed_targets() -> list[str]:
    """The list above and the user's own, each in the path of today."""
    extra = os.environ.get("ZMODEL_ALLOW", "").split(",")
    return [*ALLOWED_TARGETS, *(current(path.strip()) for path in extra if path.strip())]


def check_allowed(path: str) -> None:
    """ValueError when the list, which knows paths of today, does not have this one."""
    for allowed in allowed_targets():
        if path == allowed or (allowed.endswith(".*") and path.startswith(allowed[:-1])):
            return
    raise ValueError(
        f"What is called must be on the allow-list of zmodel/core/allow_list.py, got {path!r}. "
        f"If you trust it: ZMODEL_ALLOW={path}"
    )
