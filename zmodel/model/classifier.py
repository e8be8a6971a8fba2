"""The LightningModule: loss and metrics around a network that comes from outside.

Shapes: B batch, C classes.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics.functional.classification import multiclass_confusion_matrix

from zmodel.model.memory import check_memory
from zmodel.model.whole_epochs import clearing, whole_epochs_possible

Batch = tuple[Tensor, Tensor]


class Classifier(pl.LightningModule):
    """Trains ``network`` with cross-entropy; logs loss and accuracy once per epoch.

    The network is built in :meth:`setup`, when the data module has told its shape. Where nothing
    needs to see single batches, a training step is a whole epoch (``zmodel.model.whole_epochs``).

    Args:
        network: called as ``network(input_shape=..., num_classes=..., **network_args)``.
        optimizer: called with the parameters.
        scheduler: called with the optimizer; one with a ``total_steps`` argument that is not
            bound yet is given the number of steps of the whole fit and steps per batch, any
            other steps per epoch (``ReduceLROnPlateau`` on ``val/loss``).
        label_smoothing: of the training loss; the reported losses are plain cross-entropy in
            validation and test.
        class_weights: of the training loss: "balanced" weighs class c by n / (C n_c), so that
            rare classes count as much as frequent ones; or C positive numbers; or "none".
        compile: ``torch.compile`` the network.
        network_args: everything else goes to the network.

    ``f1`` is the macro average, see :func:`macro_f1`. ``val/..._best`` is the best epoch's.

    Raises:
        ValueError: when the training loss stops being finite.
    """

    METRICS: Collection[str] = (
        "train/loss", "train/acc",
        "val/loss", "val/acc", "val/f1", "val/loss_best", "val/acc_best", "val/f1_best",
    )  # fmt: skip
    """What a fit logs; a configuration that asks for another one is refused at once."""

    best_loss: Tensor
    best_acc: Tensor
    best_f1: Tensor
    class_weights: Tensor | None

    def __init__(
        self,
        network: Callable[..., nn.Module],
        optimizer: Callable[..., torch.optim.Optimizer],
        scheduler: Callable[..., Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: str | Sequence[float] | None = "none",
        compile: bool = False,
        **network_args: Any,
    ) -> None:
        super().__init__()
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(f"label_smoothing must be in [0, 1), got {label_smoothing}.")
        self.make_network = partial(network, **network_args)
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.label_smoothing = label_smoothing
        self.make_weights = partial(weights_of_classes, class_weights)
        self.compile_network = compile
        self.net: nn.Module | None = None
        self.register_buffer("best_loss", torch.tensor(math.inf))
        self.register_buffer("best_acc", torch.tensor(-1.0))
        self.register_buffer("best_f1", torch.tensor(-1.0))
        self.register_buffer("class_weights", None, persistent=False)
        self._losses: list[Tensor] = []
        self._correct: list[Tensor] = []
        self._sizes: list[int] = []
        self._eval: list[Tensor] = []
        self.confusion: dict[str, Tensor] = {}
        """(C, C) counts of the last pass by split ("val", "test"); rows true, columns predicted."""

    def setup(self, stage: str) -> None:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if stage == "fit":
            # Lightning steps neither optimizer nor scheduler of whole epochs: a subclass may
            # have its own ways, and a plateau is known after validation only
            scheduler = getattr(self.make_scheduler, "func", self.make_scheduler)
            own_ways = type(self) is not Classifier or scheduler is ReduceLROnPlateau
            whole = not own_ways and whole_epochs_possible(self.trainer)
            self.automatic_optimization = not whole
            data.whole_epochs = whole
        if self.net is not None:
            return
        self.num_classes = data.num_classes
        self.net = self.make_network(
            input_shape=tuple(data.input_shape), num_classes=data.num_classes
        )
        self.class_weights = self.make_weights(data)
        check_memory(self.net, data, self.trainer.strategy.root_device)
        if self.compile_network:
            self.net.compile()

    def forward(self, x: Tensor) -> Tensor:
        """(B, *input_shape) to logits (B, C)."""
        assert self.net is not None, "setup() builds the network"
        return self.net(x).float()  # under autocast they are half precise; the loss shall not be

    # --- training: sums stay on the device, one read per epoch ---

    def training_step(self, batch: Batch | Iterator[Batch], batch_idx: int) -> Tensor | None:
        """Of one batch the loss; of an epoch's batches nothing, their steps are made here."""
        if isinstance(batch, tuple | list):
            return self._loss(*batch)
        self._train_on(batch)
        return None

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        logits = self(x)
        loss = F.cross_entropy(
            logits, y, weight=self.class_weights, label_smoothing=self.label_smoothing
        )
        self._losses.append(loss.detach())
        self._correct.append((logits.detach().argmax(-1) == y).sum())
        self._sizes.append(len(y))
        return loss

    def _train_on(self, batches: Iterator[Batch]) -> None:
        """What Lightning does for each batch, in its order, without its hooks."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        schedulers = {c.interval: c.scheduler for c in self.trainer.lr_scheduler_configs}
        per_step, per_epoch = schedulers.get("step"), schedulers.get("epoch")
        self._make_steps(batches, optimizer, per_step)
        if per_epoch is not None:
            per_epoch.step()
        # the counters behind trainer.global_step and behind the steps of the loggers
        loop, steps = self.trainer.fit_loop.epoch_loop, len(self._sizes)
        loop.manual_optimization.optim_step_progress.total.completed += steps
        loop._batches_that_stepped += steps - 1

    def _make_steps(
        self, batches: Iterator[Batch], optimizer: torch.optim.Optimizer, scheduler: Any | None
    ) -> None:
        clear = clearing(optimizer)
        for x, y in batches:
            loss = self._loss(x.to(self.device), y.to(self.device))
            clear()
            loss.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()

    def on_train_epoch_end(self) -> None:
        sizes = torch.tensor(self._sizes, device=self.device)
        loss = (torch.stack(self._losses) * sizes).sum() / sizes.sum()
        acc = torch.stack(self._correct).sum() / sizes.sum()
        for kept in (self._losses, self._correct, self._sizes):
            kept.clear()  # type: ignore[attr-defined]
        lr = self.optimizers().param_groups[0]["lr"]  # type: ignore[union-attr]
        self._log({"train/loss": loss, "train/acc": acc, "lr": loss.new_tensor(lr)})
        if not math.isfinite(loss):
            raise ValueError(
                f"The training loss must stay finite; it became {float(loss)} in epoch "
                f"{self.current_epoch}. Lower model.optimizer.lr or set trainer.gradient_clip_val."
            )

    # --- evaluation: one confusion matrix per pass ---

    def _evaluation_step(self, batch: Batch) -> None:
        x, y = batch
        logits = self(x)
        counts = multiclass_confusion_matrix(
            logits, y, num_classes=logits.shape[-1], validate_args=False
        )
        loss = F.cross_entropy(logits, y, reduction="sum")
        self._eval.append(torch.cat((counts.flatten().float(), loss.float().reshape(1))))

    def _evaluation_end(self, split: str) -> dict[str, Tensor]:
        total = torch.stack(self._eval).sum(0)
        self._eval.clear()
        if self.trainer.world_size > 1:
            total = self.all_gather(total).sum(0)  # type: ignore[union-attr]
        classes = math.isqrt(len(total) - 1)
        counts = total[:-1].reshape(classes, classes)
        self.confusion[split] = counts.long().cpu()
        scores = {
            "loss": total[-1] / counts.sum(),
            "acc": counts.trace() / counts.sum(),
            "f1": macro_f1(counts),
        }
        self._log({f"{split}/{name}": score for name, score in scores.items()})
        return scores

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluation_step(batch)

    def on_validation_epoch_end(self) -> None:
        scores = self._evaluation_end("val")
        if not self.trainer.sanity_checking:
            self.best_loss = torch.minimum(self.best_loss, scores["loss"])
            self.best_acc = torch.maximum(self.best_acc, scores["acc"])
            self.best_f1 = torch.maximum(self.best_f1, scores["f1"])
            best = {"loss": self.best_loss, "acc": self.best_acc, "f1": self.best_f1}
            self._log({f"val/{name}_best": value for name, value in best.items()})

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluation_step(batch)

    def on_test_epoch_end(self) -> None:
        self._evaluation_end("test")

    def _log(self, values: dict[str, Tensor]) -> None:
        self.log_dict(values, sync_dist=self.trainer.world_size > 1)

    def configure_optimizers(self) -> Any:
        try:
            optimizer = self.make_optimizer(self.parameters(), **self._fused())
        except (TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"model.optimizer cannot be made of its values: {reason}. Mend model.optimizer."
            ) from error
        if self.make_scheduler is None:
            return optimizer
        if _takes(self.make_scheduler, "total_steps"):
            scheduler = self.make_scheduler(optimizer, total_steps=self._total_steps())
            interval = "step"
        else:
            scheduler, interval = self.make_scheduler(optimizer), "epoch"
        how = {"scheduler": scheduler, "interval": interval}
        if self.automatic_optimization:
            how["monitor"] = "val/loss"  # of a plateau; where we step ourselves there is none
        return {"optimizer": optimizer, "lr_scheduler": how}

    def _fused(self) -> dict[str, bool]:
        """One kernel per parameter instead of a dozen, where the optimizer has it and no other
        implementation is asked for; with the scaled gradients of 16-mixed Lightning refuses it."""
        make = self.make_optimizer
        free = all(_takes(make, name) for name in ("fused", "foreach"))
        return {"fused": True} if free and self.trainer.precision != "16-mixed" else {}

    def _total_steps(self) -> int:
        """Optimizer steps of the whole fit."""
        steps = int(self.trainer.estimated_stepping_batches)  # also makes the data loader
        whole = not self.automatic_optimization
        loader = self.trainer.train_dataloader
        return steps * len(loader.batches) if whole else steps  # type: ignore[union-attr]


def _takes(make: Callable[..., Any], name: str) -> bool:
    """Whether `make` has an argument of this name that is not bound to a value yet."""
    bound = getattr(make, "keywords", {})
    takes = inspect.signature(getattr(make, "func", make)).parameters
    return name in takes and bound.get(name) is None


def macro_f1(counts: Tensor) -> Tensor:
    """Mean over classes of 2 TP / (2 TP + FP + FN), from a (C, C) confusion matrix.

    A class that neither occurs nor is predicted is left out, as in torchmetrics.
    """
    return (2 * counts.diagonal() / (counts.sum(0) + counts.sum(1))).nanmean()


def weights_of_classes(given: str | Sequence[float] | None, data: Any) -> Tensor | None:
    """(C,) weights of the training loss, or ``None``; ``data`` tells ``class_counts`` (C,).

    Raises:
        ValueError: neither "balanced", "none" nor C positive numbers.
    """
    if given is None or given == "none":
        return None
    if given == "balanced" and hasattr(data, "class_counts"):
        counts = torch.as_tensor(data.class_counts)
        return (counts.sum() / (len(counts) * counts)).float()
    weights = [] if isinstance(given, str) else list(given)
    numbers = all(isinstance(w, int | float) and 0 < w < math.inf for w in weights)
    if len(weights) != data.num_classes or not numbers:
        raise ValueError(
            f"class_weights must be none, balanced or {data.num_classes} positive numbers, one "
            f"per class ({', '.join(map(str, getattr(data, 'class_names', ())))}), got {given}."
        )
    return torch.tensor(weights, dtype=torch.float32)
