"""Runs a whole epoch as one step of Lightning's loop.

When that may be, and how it is done.

Around every batch Lightning calls some thirty hooks: for small networks they cost as much as half
the step itself. A module that is given the batches of an epoch at once and steps the optimizer
itself (Lightning's manual optimization) pays them once per epoch; the numbers are the same.
Whoever wants to see single batches gets Lightning's own loop.

The module decides when it is set up; the data module asks it (``module.whole_epochs``) and hands
over :class:`zmodel.data.batches.WholeEpochs`, an iterator over all batches, instead of batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.profilers import PassThroughProfiler
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from zmodel.compat.lightning import count_steps

Batch = tuple[Tensor, ...]

PER_BATCH = (
    "on_train_batch_start",
    "on_train_batch_end",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
)
"""Hooks of callbacks that expect one batch, one optimizer step."""


def whole_epochs_possible(module: pl.LightningModule, trainer: Any) -> bool:
    """Whether nothing in this fit needs to know where a batch ends.

    Module and data module must offer it, each in its own class, for a subclass may have ways of its
    own (:attr:`zmodel.data.InMemoryData.offers_whole_epochs`). No callback may act on a batch, and
    the trainer must not count, limit, clip, accumulate or profile batches. Left to Lightning are
    several processes and mixed precision: autocast keeps cast weights until its context ends.
    """
    per_batch = any(
        is_overridden(hook, callback, pl.Callback)
        for callback in trainer.callbacks
        for hook in PER_BATCH
    )
    return (
        vars(type(module)).get("offers_whole_epochs", False)
        and getattr(trainer.datamodule, "offers_whole_epochs", False)
        and not per_batch
        and trainer.world_size == 1
        and trainer.precision == "32-true"
        and not trainer.gradient_clip_val
        and trainer.accumulate_grad_batches == 1
        and trainer.max_steps == -1
        and everything(trainer.limit_train_batches)
        and everything(trainer.val_check_interval)
        and not trainer.overfit_batches
        and not trainer.fast_dev_run
        and isinstance(trainer.profiler, PassThroughProfiler)
    )


def everything(limit: float) -> bool:
    """Whether a limit of Lightning's is none: 1.0 are all batches, the whole number 1 is one."""
    return isinstance(limit, float) and limit == 1.0


def train_epoch(
    module: pl.LightningModule, batches: Iterator[Batch], loss: Callable[..., Tensor]
) -> None:
    """What Lightning does for each batch, in its order, without its hooks.

    Args:
        loss: of a batch that lies on the module's device.
    """
    optimizer = module.optimizers(use_pl_optimizer=False)
    assert isinstance(optimizer, Optimizer)
    schedules = {c.interval: c.scheduler for c in module.trainer.lr_scheduler_configs}
    per_step, per_epoch = schedules.get("step"), schedules.get("epoch")
    clear = clearing(optimizer)
    steps = 0
    for batch in batches:
        value = loss(*(tensor.to(module.device) for tensor in batch))
        clear()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if per_step is not None:
            per_step.step()
        steps += 1
    if per_epoch is not None and not isinstance(per_epoch, ReduceLROnPlateau):
        per_epoch.step()
    count_steps(module.trainer, steps)


def clearing(optimizer: Optimizer) -> Callable[[], None]:
    """Clears gradients as ``optimizer.zero_grad`` does, without its marks for profilers.

    The marks cost a small network 2 to 5 % of a step. An optimizer with its own ``zero_grad`` is
    asked itself."""
    if type(optimizer).zero_grad is not Optimizer.zero_grad:
        return optimizer.zero_grad
    parameters = [p for group in optimizer.param_groups for p in group["params"]]

    def clear() -> None:
        for parameter in parameters:
            parameter.grad = None

    return clear


def steps_of_fit(module: pl.LightningModule, whole: bool) -> int:
    """Optimizer steps of the whole fit.

    Raises:
        ValueError: the fit has no end that is known beforehand.
    """
    trainer = module.trainer
    steps = trainer.estimated_stepping_batches  # also makes the data loader
    if not 0 < steps < float("inf"):
        raise ValueError(
            "model.scheduler needs to know how many steps the run makes, got "
            f"trainer.max_epochs={trainer.max_epochs} and trainer.max_steps={trainer.max_steps}. "
            "Set one of them, or give model.scheduler.total_steps."
        )
    loader: Any = trainer.train_dataloader
    return int(steps) * len(loader.batches) if whole else int(steps)
