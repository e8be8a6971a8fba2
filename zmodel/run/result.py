"""Builds and writes ``result.json``.

Its keys are part of the contract: docs/reference/files.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason
from pytorch_lightning.utilities import rank_zero_only

from zmodel.callbacks import BestAndLast, CoolDownStopping
from zmodel.core.atomic_file import write
from zmodel.core.never_learned import never_explained, never_learned
from zmodel.core.provenance import git_state, versions
from zmodel.core.running_trial import running_trial


def describe(
    cfg: DictConfig,
    trainer: pl.Trainer,
    model: pl.LightningModule,
    keeper: BestAndLast | None,
    metrics: dict[str, float],
) -> dict[str, Any]:
    """The result of a run; how long it took is known when all is done."""
    network = getattr(model, "net", None) or model
    loop: Any = trainer.fit_loop
    trial = running_trial()
    result = {
        "metrics": metrics,
        "best_metrics": at_best(keeper),
        "best_epoch": keeper.best_epoch if keeper else None,
        "epochs": loop.epoch_progress.current.processed,
        **allowance(trainer),
        "stopped_early": stopped_early(trainer),
        "pruned": bool(trial and trial.pruned),
        "seconds": None,
        "parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "warning": getattr(network, "warning", None),
        "checkpoint": str(keeper.best_path) if keeper and cfg.train else cfg.ckpt_path,
        "git": git_state(),
        "seed": cfg.seed,
        "versions": versions(),
    }
    data = trainer.datamodule  # type: ignore[attr-defined]
    if hasattr(data, "content_hash"):
        result["data_hash"] = data.content_hash()
    result.update(keeper.details if keeper else {})
    return result | validation(result)


def validation(result: dict[str, Any]) -> dict[str, Any]:
    """What the values of a run are worth.

    ``validated`` samples (where they have weights, how many of equal weight would be worth as
    much), the share of their ``majority`` class, and whether the run ``never_learned`` more than
    that, or than the mean of the target; None where it is not known."""
    confusion, predictions = result.get("confusion_matrix"), result.get("predictions")
    sizes = [sum(row) for row in confusion["counts"]] if confusion else [0]
    total = sum(sizes) or (predictions["samples"] if predictions else 0)
    return {
        "validated": round(total) or None,
        "majority": max(sizes) / total if confusion else None,
        "never_learned": judged_by_constant(result),
    }


def judged_by_constant(result: dict[str, Any]) -> bool | None:
    """Whether validation was never better than a constant answer.

    The answer is the most frequent class or the mean of the target. None where neither accuracy
    nor r2 is logged."""
    metrics = result["metrics"]
    accuracy, confusion = metrics.get("val/acc_best"), result.get("confusion_matrix")
    if accuracy is not None and confusion is not None:
        return never_learned(accuracy, [sum(row) for row in confusion["counts"]])
    r2, predictions = metrics.get("val/r2_best"), result.get("predictions")
    if r2 is not None and predictions is not None:
        return never_explained(r2, predictions["samples"])
    return None


def at_best(keeper: BestAndLast | None) -> dict[str, float]:
    """The metrics of the epoch that is kept."""
    metrics = keeper.best_metrics.items() if keeper else ()
    return {name: value for name, value in metrics if not name.endswith("_best")}


def allowance(trainer: pl.Trainer) -> dict[str, int | None]:
    """``max_epochs`` that the run could take, and ``cooled_from`` with a cool-down.

    The latter is the epochs done when its learning rate began to fall."""
    cooling = _cooling(trainer)
    if cooling is not None:
        return {"max_epochs": cooling.allowed, "cooled_from": cooling.cooled_from}
    return {"max_epochs": None if trainer.max_epochs == -1 else trainer.max_epochs}


def _cooling(trainer: pl.Trainer) -> CoolDownStopping | None:
    made = (c for c in trainer.checkpoint_callbacks if isinstance(c, CoolDownStopping))
    return next(made, None)


def stopped_early(trainer: pl.Trainer) -> bool:
    """Whether early stopping ended the fit, before its epochs or steps were used up."""
    cooling = _cooling(trainer)
    if cooling is not None and cooling.stopped_early:
        return True
    stopped = any(
        callback.stopping_reason is not EarlyStoppingReason.NOT_STOPPED
        for callback in trainer.early_stopping_callbacks
    )
    epochs, steps = trainer.max_epochs, trainer.max_steps
    used_up = epochs is not None and epochs != -1 and trainer.current_epoch >= epochs
    return stopped and not used_up and not (steps != -1 and trainer.global_step >= steps)


@rank_zero_only
def write_result(result: dict[str, Any], path: Path) -> None:
    """One line per key."""
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in result.items())
    write(path, "{\n" + ",\n".join(lines) + "\n}\n", durable=True)
