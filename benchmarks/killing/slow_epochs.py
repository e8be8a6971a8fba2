"""A callback that stretches training, so that faults hit trials inside it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

BEGAN, ENDED = "began", "ended"


class SlowEpochs(Callback):
    """Sleeps in every epoch, and notes in the run's folder which processes trained in it.

    Args:
        seconds: that every epoch takes longer.
        folder: of the run.
    """

    def __init__(self, seconds: float, folder: str) -> None:
        self.seconds = seconds
        self.folder = Path(folder)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        (self.folder / ENDED).unlink(missing_ok=True)
        with (self.folder / BEGAN).open("a") as file:
            file.write(f"{os.getpid()}\n")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not getattr(trainer, "fast_dev_run", False):
            time.sleep(self.seconds)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        (self.folder / ENDED).touch()  # a pause

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        (self.folder / ENDED).touch()


def training(trials: Path) -> dict[int, Path]:
    """Process -> folder of the trial that it trains, of a folder of trials."""
    found = {}
    for began in trials.glob(f"*/{BEGAN}"):
        if not (began.parent / ENDED).exists():
            for pid in began.read_text().split():
                found[int(pid)] = max(began.parent, found.get(int(pid), began.parent), key=_number)
    return found


def _number(folder: Path) -> int:
    return int(folder.name)
