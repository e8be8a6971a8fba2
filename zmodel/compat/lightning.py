"""Private parts of PyTorch Lightning that zmodel uses."""

from __future__ import annotations

from pytorch_lightning import Trainer


def count_steps(trainer: Trainer, steps: int) -> None:
    """Count optimizer steps that one training step of manual optimization has made by itself.

    The counters behind ``trainer.global_step``, which schedules and ``max_steps`` go by, and behind
    the step axis of the loggers. Lightning counts both where its own wrapper of the optimizer is
    called, which costs a small network as much as the step; there is no public way to set them.
    """
    loop = trainer.fit_loop.epoch_loop
    loop.manual_optimization.optim_step_progress.total.completed += steps
    loop._batches_that_stepped += steps - 1  # the loop adds one for the training step


def set_max_steps(trainer: Trainer, steps: int) -> int:
    """Set the limit of optimizer steps; the one before.

    A fit with a limit of steps takes every checkpoint for one from the middle of an epoch: restored
    from the end of one, it runs an empty epoch first. ``Trainer.max_steps`` cannot be set.
    """
    loop = trainer.fit_loop.epoch_loop
    before, loop.max_steps = loop.max_steps, steps
    return int(before)
