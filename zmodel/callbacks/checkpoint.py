"""The checkpoint callback: the best weights and the last state, written whole or not at all."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from torch import Tensor

from zmodel.callbacks.every_process import anywhere, metric
from zmodel.core.atomic_file import replacing
from zmodel.core.interrupt import stop


def write_atomically(content: dict[str, Any], path: Path) -> None:
    """Save with torch: a reader never sees half a file."""
    with replacing(path, durable=True) as temporary:
        torch.save(content, temporary)


class BestAndLast(Checkpoint):
    """Keeps the best weights in memory; writes ``best.ckpt`` and ``last.ckpt`` atomically.

    Lightning's own checkpoint writes in place (Lightning issue 19970) and on every improvement.
    Here the best weights travel inside ``last.ckpt`` as callback state, together with the state
    of torch's random generator, so that a resumed run continues as if never interrupted.

    Args:
        dirpath: folder of the two files.
        monitor: logged metric that decides what is best; ties keep the earlier epoch.
        mode: "min" or "max".
        every: least seconds between two writes of ``last.ckpt``.
    """

    def __init__(self, dirpath: str, monitor: str, mode: str, every: float = 30.0) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got '{mode}'.")
        self.best_path = Path(dirpath, "best.ckpt")
        self.last_path = Path(dirpath, "last.ckpt")
        self.monitor = monitor
        self.sign = 1.0 if mode == "max" else -1.0
        self.every = every
        self.best_score: float | None = None
        self.best_epoch: int | None = None
        self.best_weights: dict[str, Tensor] | None = None
        self.confusion: list[list[int]] | None = None
        self._written = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        score = metric(trainer, self.monitor, "callbacks.checkpoint.monitor")
        if self.best_score is None or self.sign * (score - self.best_score) > 0:
            self.best_score, self.best_epoch = score, trainer.current_epoch
            weights = pl_module.state_dict().items()
            self.best_weights = {name: value.detach().cpu().clone() for name, value in weights}
            confusion = getattr(pl_module, "confusion", {}).get("val")
            self.confusion = confusion.tolist() if confusion is not None else None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        stop.listen()  # Lightning put its own handlers in place at the start of fit
        if anywhere(trainer, stop.signum is not None):
            stop.request(stop.signum or signal.SIGTERM)
            trainer.should_stop = True
        if stop.signum is not None or time.monotonic() - self._written >= self.every:
            self.write_last(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        stop.listen()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.write_last(trainer)
        self.write_best(trainer)

    def write_last(self, trainer: Trainer) -> None:
        content = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
        if trainer.is_global_zero:
            write_atomically(content, self.last_path)
        self._written = time.monotonic()

    def write_best(self, trainer: Trainer) -> None:
        if self.best_weights is not None and trainer.is_global_zero:
            version = trainer._checkpoint_connector.dump_checkpoint(weights_only=True)
            content = {
                "state_dict": self.best_weights,
                "epoch": self.best_epoch,
                "global_step": trainer.global_step,
                "pytorch-lightning_version": version["pytorch-lightning_version"],
            }
            write_atomically(content, self.best_path)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "confusion": self.confusion,
            "torch_rng": torch.get_rng_state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_score = state_dict["best_score"]
        self.best_epoch = state_dict["best_epoch"]
        self.best_weights = state_dict["best_weights"]
        self.confusion = state_dict["confusion"]
        torch.set_rng_state(state_dict["torch_rng"])
