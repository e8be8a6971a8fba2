"""Weights & Biases: checked before the first step, one run per trial."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zmodel.core.arguments import names
from zmodel.trackers.require import require

if TYPE_CHECKING:
    from pytorch_lightning.loggers import WandbLogger


def wandb_logger(offline: bool = False, tags: Any = None, **options: Any) -> WandbLogger:
    """Lightning's logger, checked before the first step.

    Raises:
        ValueError: W&B is not installed, or it would ask for a key.
    """
    tags = names("tags", tags)
    require("wandb")
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    mode = "offline" if offline else wandb.setup().settings.mode
    if mode == "online" and not wandb.login(prompt=False):
        raise ValueError(
            "logger=wandb needs to be logged in, found no key. Run `wandb login`, put "
            "WANDB_API_KEY=... into .env, or stay offline: logger.wandb.offline=true."
        )
    return WandbLogger(offline=offline, mode=mode, tags=tags, **options)


@contextmanager
def wandb_closed() -> Iterator[None]:
    """End W&B's run with the block: the next trial of this process is another one."""
    code = 1
    try:
        yield
        code = 0
    finally:
        wandb = sys.modules.get("wandb")
        if wandb is not None and wandb.run is not None:
            wandb.finish(exit_code=code)
