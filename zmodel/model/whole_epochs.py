"""When a whole epoch may be one step of Lightning's loop.

Around every batch Lightning calls some thirty hooks: for small networks they cost as much as half
the step itself. A module that is given the batches of an epoch at once and steps the optimizer
itself (Lightning's manual optimization) pays them once per epoch; the numbers are the same.
Whoever wants to see single batches gets Lightning's own loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytorch_lightning import Callback
from pytorch_lightning.profilers import PassThroughProfiler
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch.optim import Optimizer

PER_BATCH = (
    "on_train_batch_start",
    "on_train_batch_end",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
)
"""Hooks of callbacks that expect one batch, one optimizer step."""


def whole_epochs_possible(trainer: Any) -> bool:
    """Whether nothing in this fit of a Lightning Trainer needs to know where a batch ends.

    The data module must offer it (:attr:`zmodel.data.InMemoryData.offers_whole_epochs`), no
    callback may act on a batch, and the trainer must not count, limit, clip, accumulate or
    profile batches. Mixed precision is left to Lightning, for autocast keeps cast weights until
    its context ends; several processes are, too.
    """
    per_batch = any(
        is_overridden(hook, callback, Callback)
        for callback in trainer.callbacks
        for hook in PER_BATCH
    )
    return (
        getattr(trainer.datamodule, "offers_whole_epochs", False)
        and not per_batch
        and trainer.world_size == 1
        and trainer.precision == "32-true"
        and not trainer.gradient_clip_val
        and trainer.accumulate_grad_batches == 1
        and trainer.max_steps == -1
        and trainer.limit_train_batches == 1.0
        and trainer.val_check_interval == 1.0
        and not trainer.overfit_batches
        and not trainer.fast_dev_run
        and isinstance(trainer.profiler, PassThroughProfiler)
    )


def clearing(optimizer: Optimizer) -> Callable[[], None]:
    """What ``optimizer.zero_grad`` does, without its marks for profilers: they would cost a small
    network 2 to 5 % of a step. An optimizer with a way of its own is asked itself."""
    if type(optimizer).zero_grad is not Optimizer.zero_grad:
        return optimizer.zero_grad
    parameters = [p for group in optimizer.param_groups for p in group["params"]]

    def clear() -> None:
        for parameter in parameters:
            parameter.grad = None

    return clear
