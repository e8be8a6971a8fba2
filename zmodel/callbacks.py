"""Callbacks that Lightning lacks: safe checkpoints, reports to the study, gradient norm, a bar."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, Checkpoint, ProgressBar
from torch import Tensor
from tqdm import tqdm

from zmodel.interrupt import stop
from zmodel.trial import RunningTrial, running_trial


def metric(trainer: Trainer, name: str, asked_by: str) -> float:
    """The last logged value of ``name``; ``ValueError`` that names the logged ones otherwise."""
    metrics = trainer.callback_metrics  # Lightning computes it anew on every access
    if name not in metrics:
        logged = ", ".join(sorted(metrics)) or "none"
        raise ValueError(
            f"{asked_by} must name a logged metric, got '{name}'. Logged metrics: {logged}."
        )
    return float(metrics[name])


def write_atomically(content: dict[str, Any], path: Path) -> None:
    """Save with torch under a temporary name, then rename: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    torch.save(content, partial)
    os.replace(partial, path)


def anywhere(trainer: Trainer, here: bool) -> bool:
    """Whether it holds in any process of the run; all of them must ask."""
    if trainer.world_size == 1:
        return here
    return bool(trainer.strategy.reduce_boolean_decision(here, all=False))


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


class StudyReport(Callback):
    """Tells the running trial its metric per epoch, and ends it when the study's pruner says so.

    Reported also when no pruner is set: the audits replay these curves. Outside a study: silent.
    """

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        trial = running_trial()  # of the first process only
        if trial is not None:
            self._report(trainer, trial)
        if anywhere(trainer, trial is not None and trial.pruned):
            trainer.should_stop = True

    def _report(self, trainer: Trainer, trial: RunningTrial) -> None:
        value = metric(trainer, self.monitor, "callbacks.study_report.monitor")
        trial.report(trainer.current_epoch, value)
        trial.pruned = trial.should_prune()


class GradientNorm(Callback):
    """Logs ``grad/norm``: the L2 norm over all parameters, averaged over the epoch's steps."""

    def __init__(self) -> None:
        self._norms: list[Tensor] = []

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        grads = [p.grad for p in pl_module.parameters() if p.grad is not None]
        self._norms.append(torch.nn.utils.get_total_norm(grads))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pl_module.log("grad/norm", torch.stack(self._norms).mean())
        self._norms.clear()


class EpochBar(ProgressBar):
    """One bar over the epochs of the fit, with the metrics; none per batch."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: tqdm | None = None

    def disable(self) -> None:
        """Lightning asks this of every rank but the first."""
        self._enabled = False

    _enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._enabled:
            done, total = trainer.current_epoch, trainer.max_epochs
            self._bar = tqdm(
                total=total, initial=done, desc="fit", unit="epoch", dynamic_ncols=True
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._show(trainer)  # the epoch before: its training metrics are known by now

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._show(trainer)
        if self._bar is not None:
            self._bar.close()

    def _show(self, trainer: Trainer) -> None:
        done = trainer.current_epoch
        if self._bar is not None and done > self._bar.n:
            logged = trainer.callback_metrics.items()
            now = {k: v for k, v in logged if "/" in k and not k.endswith("_best")}
            shown = {k: f"{float(v):.3f}" for k, v in now.items()}
            self._bar.set_postfix(shown, refresh=False)
            self._bar.update(done - self._bar.n)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self.on_train_end(trainer, pl_module)
