"""Which training state a resumed run takes from its checkpoint.

The rest comes from the configuration.

Settings are the configuration's: learning rate, weight decay, the patience of a plateau. State is
the checkpoint's: moments, steps made, the rate a schedule has come to. What would need both at once
is refused before the first step.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

LENGTHS = ("total_steps", "total_iters", "T_max")
"""How long a schedule is: what it has done so far belongs to a schedule of that length."""
PEAKS = ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")
"""What a schedule starts from, as it notes in the groups of the optimizer."""


def check_weights(checkpoint: Mapping[str, Any], own: Mapping[str, Tensor]) -> None:
    """ValueError unless the checkpoint's weights are those of this network."""
    found = checkpoint["state_dict"]
    shapes = {name: _shape(own, name) for name in {*found, *own}}
    wrong = sorted(name for name, shape in shapes.items() if shape != _shape(found, name))
    if wrong:
        name = wrong[0]
        raise ValueError(
            f"ckpt_path must be of the same network: {name} is {_shape(found, name)} there, "
            f"{shapes[name]} here ({len(wrong)} such differences). Set model and data as they were."
        )


def _shape(state: Mapping[str, Tensor], name: str) -> str:
    return str(tuple(state[name].shape)) if name in state else "absent"


def settings_win(checkpoint: dict[str, Any], optimizer: Optimizer, scheduler: Any | None) -> None:
    """Put the settings of a new optimizer and scheduler into a checkpoint that is to be restored.

    Raises:
        ValueError: they cannot go on from there.
    """
    schedules = checkpoint.get("lr_schedulers", [])
    if bool(schedules) != (scheduler is not None):
        _refuse("model.scheduler", "there" if schedules else "none", "none" if schedules else "one")
    if scheduler is not None:
        _settle_schedule(schedules[0], scheduler)
    for state in checkpoint.get("optimizer_states", [])[:1]:
        for old, new in zip(state["param_groups"], optimizer.param_groups, strict=True):
            _settle_group(old, new, scheduler is not None)


def _settle_schedule(old: dict[str, Any], scheduler: Any) -> None:
    new = scheduler.state_dict()
    if _differ(old, new):
        _refuse("model.scheduler", "another kind", type(scheduler).__name__)
    for name in LENGTHS:
        if old.get(name) != new.get(name):
            _refuse(f"the {name} of model.scheduler", old[name], new[name])
    for name in _arguments(scheduler):
        if name in new:
            old[name] = new[name]


def _settle_group(old: dict[str, Any], new: dict[str, Any], scheduled: bool) -> None:
    if _differ(old, new):
        _refuse("model.optimizer", "another kind", "this one")
    kept = ["params"]
    if scheduled:
        for name in PEAKS:
            if old.get(name) != new.get(name):
                _refuse("model.optimizer.lr and model.scheduler", old.get(name), new.get(name))
        kept += ["lr", *(("momentum", "betas") if "max_momentum" in new else ())]
    old.update({name: value for name, value in new.items() if name not in kept})


def _differ(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether these are of two kinds; a newer torch may only have added or dropped a key."""
    return not (old.keys() <= new.keys() or new.keys() <= old.keys())


def _arguments(scheduler: Any) -> Iterator[str]:
    names = inspect.signature(type(scheduler).__init__).parameters
    return (name for name in names if name not in ("self", "optimizer", "last_epoch"))


def _refuse(what: str, was: object, now: object) -> None:
    raise ValueError(
        f"A resumed run must keep {what}: {was} in the checkpoint, {now} here. Set it (or "
        "trainer.max_epochs, trainer.max_steps and data.batch_size, from which the length of a "
        "schedule follows) as it was, or start from scratch with ckpt_path=null."
    )
