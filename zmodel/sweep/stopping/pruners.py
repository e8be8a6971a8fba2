"""Creates Optuna's pruners, and keeps them from protected trials.

Those must come to their end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.pruners import BasePruner, NopPruner

from zmodel.sweep.from_config import build, plain

SPARED = {"forced", "control", "baseline", "replicate"}
"""A forced trial is there to be completed, the others to be seen to their end."""


def make_pruner(config: Mapping[str, Any] | None) -> BasePruner:
    """The pruner that a configuration names; None means that nothing is pruned."""
    if not config:
        return NopPruner()
    pruner = build(plain(config))
    if not isinstance(pruner, BasePruner):
        raise ValueError(f"the pruner must be an Optuna pruner; got {pruner!r}.")
    return pruner


def may_prune(trial: optuna.Trial) -> bool:
    """Whether the study's pruner is asked about this trial at all."""
    return (
        len(trial.study.directions) == 1
        and not isinstance(trial.study.pruner, NopPruner)
        and not SPARED & set(trial.user_attrs)
    )
