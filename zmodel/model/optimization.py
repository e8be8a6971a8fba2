"""Builds the optimizer and the learning-rate schedule."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau


def make_optimizer(
    make: Callable[..., Optimizer], parameters: Iterable[nn.Parameter], precision: str
) -> Optimizer:
    """``make(parameters)``, fused where the optimizer can be and nothing else is asked for.

    Fused is one kernel per parameter instead of a dozen; with the scaled gradients of 16-mixed
    Lightning refuses it.

    Raises:
        ValueError: an argument cannot work.
    """
    free = all(takes(make, name) for name in ("fused", "foreach"))
    fused = {"fused": True} if free and precision != "16-mixed" else {}
    try:
        return make(parameters, **fused)
    except (TypeError, ValueError) as error:
        raise _refusal("model.optimizer", error) from error


def make_schedule(
    make: Callable[..., Any], optimizer: Optimizer, total_steps: Callable[[], int]
) -> dict[str, Any]:
    """The scheduler and when it steps, as Lightning takes it.

    One that has an unbound argument ``total_steps`` is told that number and steps per batch. A
    plateau is stepped by :func:`step_plateaus`, not by Lightning. Others step per epoch.
    """
    per_step = takes(make, "total_steps")
    length = {"total_steps": total_steps()} if per_step else {}
    try:
        scheduler = make(optimizer, **length)
    except (TypeError, ValueError) as error:
        raise _refusal("model.scheduler", error) from error
    if per_step:
        return {"scheduler": scheduler, "interval": "step"}
    never = {"frequency": sys.maxsize} if isinstance(scheduler, ReduceLROnPlateau) else {}
    return {"scheduler": scheduler, "interval": "epoch", **never}


def _refusal(key: str, error: Exception) -> ValueError:
    reason = str(error).splitlines()[0]
    return ValueError(f"{key} cannot be made of its values: {reason}. Correct {key}.")


def step_plateaus(schedules: Iterable[Any], loss: Tensor) -> None:
    """Tell every plateau the loss of the validation that just ended.

    Lightning would ask for it at the end of every epoch, also of one without validation, and after
    the checkpoint of the epoch is written.
    """
    for config in schedules:
        if isinstance(config.scheduler, ReduceLROnPlateau):
            config.scheduler.step(float(loss))


def takes(make: Callable[..., Any], name: str) -> bool:
    """Whether `make` has an argument of this name that is not bound to a value yet."""
    bound = getattr(make, "keywords", {})
    arguments = inspect.signature(getattr(make, "func", make)).parameters
    return name in arguments and bound.get(name) is None
