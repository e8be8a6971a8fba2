"""Training and evaluation that all tasks share.

A LightningModule around a network from outside. A batch is x, y, and weights of its samples where
the data have them; those of a training epoch have a mean of 1.

Shapes: B batch, K sums of an evaluation; x (B, ...), y (B,) or (B, T), weights (B,).
"""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from zmodel.core.running_trial import within_trial
from zmodel.model.batch_norm import check_batch_norm
from zmodel.model.memory import check_memory
from zmodel.model.optimization import make_optimizer, make_schedule, step_plateaus
from zmodel.model.resumed_training import check_weights, settings_win
from zmodel.model.whole_epochs import Batch, steps_of_fit, train_epoch, whole_epochs_possible

log = logging.getLogger(__name__)


class Supervised(pl.LightningModule, ABC):
    """Trains ``network``; logs loss and scores once per epoch. A task adds what they are.

    The network is built in :meth:`setup`, when the data module has told its shape. Where nothing
    needs to see single batches, a training step is a whole epoch (``zmodel.model.whole_epochs``).

    Args:
        network: called with :meth:`shape_of` the data and ``network_args``.
        optimizer: called with the parameters.
        scheduler: called with the optimizer; one with a ``total_steps`` argument that is not
            bound yet is given the number of steps of the whole fit and steps per batch, any
            other steps per epoch (``ReduceLROnPlateau`` on ``val/loss``, per validation).
        compile: ``torch.compile`` the network.
        network_args: everything else goes to the network.

    Raises:
        ValueError: when the training loss stops being finite.
    """

    TRAIN_SCORE: ClassVar[str]
    """Name of what :meth:`count` adds up; logged as its mean over the samples."""
    BETTER: ClassVar[dict[str, Callable[[Tensor, Tensor], Tensor]]] = {"loss": torch.minimum}
    """Score -> the better of two values of it; ``val/<score>_best`` is the best epoch's."""

    def __init__(
        self,
        network: Callable[..., nn.Module],
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[..., Any] | None = None,
        compile: bool = False,
        **network_args: Any,
    ) -> None:
        super().__init__()
        self.make_network = partial(network, **network_args)
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.compile_network = compile
        self.net: nn.Module | None = None
        self.whole_epochs = False
        """Whether a training step of this fit is an epoch; the data module asks."""
        for score, better in self.BETTER.items():
            worst = math.inf if better is torch.minimum else -math.inf
            self.register_buffer(f"best_{score}", torch.tensor(worst))
        self._resumed: dict[str, Any] | None = None
        self._losses: list[Tensor] = []
        self._counts: list[Tensor] = []
        self._sizes: list[int] = []
        self._evaluated: list[Tensor] = []

    # --- what a task says ---

    def shape_of(self, data: Any) -> dict[str, Any]:
        """Arguments of the network that the data module decides."""
        return {"input_shape": tuple(data.input_shape), "num_classes": data.num_classes}

    @abstractmethod
    def loss(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """The training loss of a batch; with weights the sum of weighted losses, by B."""

    @abstractmethod
    def count(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """The sum of ``TRAIN_SCORE`` over a batch."""

    @abstractmethod
    def evaluate(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """(K,) sums over a batch, which are added up over batches and processes."""

    @abstractmethod
    def scores(self, sums: Tensor, split: str) -> dict[str, Tensor]:
        """``loss`` and the other scores of a pass, of the (K,) sums over all its batches."""

    def details(self, split: str) -> dict[str, Any]:
        """Entries of result.json about the last pass over a split, beside the scores."""
        return {}

    # --- set-up ---

    def setup(self, stage: str) -> None:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if stage == "fit":
            self.whole_epochs = whole_epochs_possible(self, self.trainer)
            self.automatic_optimization = not self.whole_epochs
        if self.net is None:
            self.net = self.make_network(**self.shape_of(data))
            check_memory(self.net, data, self.trainer.strategy.root_device)
            check_batch_norm(self.net, data)
            self._warn(stage)
            if self.compile_network:
                self.net.compile()

    def _warn(self, stage: str) -> None:
        """Of the network, before a single run: a study rehearses, and warns before its trials."""
        trainer: Any = self.trainer
        warning = getattr(self.net, "warning", None)
        first = getattr(trainer.datamodule, "fold", 0) == 0
        if warning and stage == "fit" and first and not (within_trial() or trainer.fast_dev_run):
            log.warning(warning)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_weights(checkpoint, self.state_dict())
        self._resumed = checkpoint if self.trainer.state.fn == "fit" else None

    def configure_optimizers(self) -> Any:
        precision = self.trainer.precision
        made: dict[str, Any] = {
            "optimizer": make_optimizer(self.make_optimizer, self.parameters(), precision)
        }
        if self.make_scheduler is not None:
            total = partial(steps_of_fit, self, self.whole_epochs)
            schedule = make_schedule(self.make_scheduler, made["optimizer"], total)
            if self.automatic_optimization:
                schedule["monitor"] = "val/loss"  # Lightning wants it of a plateau
            made["lr_scheduler"] = schedule
        if self._resumed is not None:  # Lightning restores the rest of it from now on
            settings_win(
                self._resumed, made["optimizer"], made.get("lr_scheduler", {}).get("scheduler")
            )
            self._resumed = None
        return made

    def forward(self, x: Tensor) -> Tensor:
        """(B, *input_shape) to the outputs of the network."""
        assert self.net is not None, "setup() builds the network"
        return self.net(x).float()  # under autocast they are half precise; the loss shall not be

    # --- training: sums stay on the device, one read per epoch ---

    def training_step(self, batch: Batch | Iterator[Batch], batch_idx: int) -> Tensor | None:
        """Of one batch the loss; of an epoch's batches nothing, their steps are made here."""
        if isinstance(batch, tuple | list):
            return self._loss(*batch)
        train_epoch(self, batch, self._loss)
        return None

    def _loss(self, x: Tensor, *targets: Tensor) -> Tensor:
        outputs = self(x)
        loss = self.loss(outputs, *targets)
        self._losses.append(loss.detach())
        self._counts.append(self.count(outputs.detach(), *targets))
        self._sizes.append(len(x))
        return loss

    def on_train_epoch_end(self) -> None:
        sizes = torch.tensor(self._sizes, device=self.device)
        loss = (torch.stack(self._losses) * sizes).sum() / sizes.sum()
        score = torch.stack(self._counts).sum() / sizes.sum()
        self._losses.clear()
        self._counts.clear()
        self._sizes.clear()
        lr = self.optimizers().param_groups[0]["lr"]  # type: ignore[union-attr]
        name = f"train/{self.TRAIN_SCORE}"
        self._log_epoch({"train/loss": loss, name: score, "lr": loss.new_tensor(lr)})
        if not math.isfinite(loss):
            raise ValueError(
                f"The training loss must stay finite; it became {float(loss)} in epoch "
                f"{self.current_epoch}. Lower model.optimizer.lr or set trainer.gradient_clip_val."
            )

    # --- evaluation: sums of a pass ---

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        x, *targets = batch
        self._evaluated.append(self.evaluate(self(x), *targets))

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        scores = self._evaluation_end("val")
        if self.trainer.sanity_checking:
            return
        for score, better in self.BETTER.items():
            setattr(self, f"best_{score}", better(getattr(self, f"best_{score}"), scores[score]))
        self._log_epoch(
            {f"val/{score}_best": getattr(self, f"best_{score}") for score in self.BETTER}
        )
        if self.trainer.state.fn == "fit":
            step_plateaus(self.trainer.lr_scheduler_configs, scores["loss"])

    def on_test_epoch_end(self) -> None:
        self._evaluation_end("test")

    def _evaluation_end(self, split: str) -> dict[str, Tensor]:
        sums = torch.stack(self._evaluated).sum(0)
        self._evaluated.clear()
        if self.trainer.world_size > 1:
            sums = self.all_gather(sums).sum(0)  # type: ignore[union-attr]
        scores = self.scores(sums, split)
        self._log_epoch({f"{split}/{name}": score for name, score in scores.items()})
        return scores

    def _log_epoch(self, values: dict[str, Tensor]) -> None:
        self.log_dict(values, sync_dist=self.trainer.world_size > 1)
