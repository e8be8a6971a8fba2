"""Checkpoint callback: best weights and last state, written atomically."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from zmodel.callbacks.monitor import Monitor, logged
from zmodel.callbacks.processes import in_any_process
from zmodel.core.atomic_file import replacing
from zmodel.core.interrupt import stop
from zmodel.core.objective import USUAL_LOSS
from zmodel.core.provenance import versions
from zmodel.core.running_trial import pauses_after


def write_atomically(content: dict[str, Any], path: Path) -> None:
    """Save with torch: a reader never sees half a file."""
    # torch says that a disk is full only when it is given an open file
    with replacing(path, durable=True) as temporary, temporary.open("wb") as file:
        torch.save(content, file)


class BestAndLast(Monitor):
    """Keeps the best weights in memory; writes ``best.ckpt`` and ``last.ckpt`` atomically.

    Lightning's own checkpoint writes in place (Lightning issue 19970) and on every improvement.
    Here the best weights travel inside ``last.ckpt`` as callback state, together with the state
    of torch's random generator, so that a resumed run continues as if never interrupted.

    Args:
        dirpath: folder of the two files.
        monitor: logged metric that decides what is best.
        mode: "min" or "max".
        every: least seconds between two writes of ``last.ckpt``.
        loss: logged loss that decides between epochs of the same metric: the lower one. Null, or
            where neither is lower: the earlier epoch. Few validation samples have many such epochs
            (docs/log.md has what was measured).
    """

    KEY = "callbacks.checkpoint.monitor"

    def __init__(
        self,
        dirpath: str,
        monitor: str,
        mode: str,
        every: float = 30.0,
        loss: str | None = USUAL_LOSS,
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got '{mode}'.")
        super().__init__(monitor)
        self.best_path = Path(dirpath, "best.ckpt")
        self.last_path = Path(dirpath, "last.ckpt")
        self.mode = mode
        self.every = every
        self.loss = loss
        self.best_score: float | None = None
        self.best_epoch: int | None = None
        self.best_weights: dict[str, Tensor] | None = None
        self.best_metrics: dict[str, float] = {}
        """All metrics as they were at the best epoch."""
        self.details: dict[str, Any] = {}
        """What the module tells of that epoch's validation, beside metrics."""
        self.metrics: dict[str, float] = {}
        """All metrics as they were when ``last.ckpt`` was written."""
        self._seen: dict[str, float] = {}
        self._written = time.monotonic()

    # --- the best ---

    def observe(self, trainer: Trainer, pl_module: LightningModule, value: float) -> None:
        gain = self._gain(value)
        better = gain > 0 or (gain == 0 and self._has_lower_loss(trainer))
        # where a module logs without `sync_dist`, processes see different values
        if not in_any_process(trainer, better):
            return
        self.best_score, self.best_epoch = value, trainer.current_epoch
        weights = pl_module.state_dict().items()
        self.best_weights = {name: value.detach().cpu().clone() for name, value in weights}
        self.best_metrics = logged(trainer)
        told = getattr(pl_module, "details", None)
        self.details = told("val") if callable(told) else {}

    def _gain(self, value: float) -> float:
        if self.best_score is None or math.isnan(self.best_score) > math.isnan(value):
            return math.inf
        return value - self.best_score if self.mode == "max" else self.best_score - value

    def _has_lower_loss(self, trainer: Trainer) -> bool:
        if self.loss is None:
            return False
        loss = logged(trainer).get(self.loss, math.nan)
        least = self.best_metrics.get(self.loss, math.nan)
        return loss < least or math.isnan(least) > math.isnan(loss)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_end(trainer, pl_module)
        if self.best_epoch == trainer.current_epoch:
            self._seen = logged(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        if self.best_epoch == trainer.current_epoch:
            # what training logged since: the best validation may have been earlier in the epoch
            now = logged(trainer).items()
            self.best_metrics |= {k: v for k, v in now if self._seen.get(k) != v}
        pauses = in_any_process(trainer, pauses_after(trainer.current_epoch + 1))
        if pauses or stop.signum is not None or time.monotonic() - self._written >= self.every:
            self.write_last(trainer)

    # --- the files ---

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.write_last(trainer)
        self.write_best(trainer)

    def write_last(self, trainer: Trainer) -> None:
        self.metrics = logged(trainer) or self.metrics
        # only the first process writes, but all of them take part
        whole = replacing(self.last_path, durable=True)
        with whole if trainer.is_global_zero else nullcontext(self.last_path) as path:
            trainer.save_checkpoint(path, weights_only=False)
        self._written = time.monotonic()

    def write_best(self, trainer: Trainer) -> None:
        if self.best_weights is not None and trainer.is_global_zero:
            content = {
                "state_dict": self.best_weights,
                "epoch": self.best_epoch,
                "global_step": trainer.global_step,
                "pytorch-lightning_version": versions()["pytorch-lightning"],
            }
            write_atomically(content, self.best_path)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep plain hyperparameters alone.

        A checkpoint is read without running code, and a module may have put networks and
        optimizers among them."""
        key = pl_module.CHECKPOINT_HYPER_PARAMS_KEY
        given = checkpoint.get(key)
        if isinstance(given, Mapping):
            checkpoint[key] = {name: v for name, v in given.items() if is_plain(v)}

    # --- what a resumed run goes on with ---

    def state_dict(self) -> dict[str, Any]:
        return {
            "monitor": self.monitor,
            "mode": self.mode,
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "best_metrics": self.best_metrics,
            "details": self.details,
            "metrics": self.metrics,
            "torch_rng": torch.get_rng_state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        torch.set_rng_state(state_dict["torch_rng"])
        self.metrics = state_dict.get("metrics", {})
        judged_by = (state_dict.get("monitor", self.monitor), state_dict.get("mode", self.mode))
        if judged_by != (self.monitor, self.mode):
            return  # the best by another measure is none by this one
        self.best_score = state_dict["best_score"]
        self.best_epoch = state_dict["best_epoch"]
        self.best_weights = state_dict["best_weights"]
        self.best_metrics = state_dict.get("best_metrics", {})
        self.details = state_dict.get("details", {})


def is_plain(value: Any) -> bool:
    """Whether ``torch.load`` reads it with ``weights_only=True``."""
    if isinstance(value, Mapping):
        return type(value) is dict and all(map(is_plain, (*value, *value.values())))
    if isinstance(value, list | tuple | set):
        return type(value) in (list, tuple, set) and all(map(is_plain, value))
    return value is None or type(value) in (bool, int, float, str, bytes, Tensor)
