"""The LightningModule for classification.

Shapes: B batch, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.functional.classification import multiclass_confusion_matrix

from zmodel.model.class_weights import weights_of_classes
from zmodel.model.supervised import Supervised


class Classifier(Supervised):
    """Trains ``network`` with cross-entropy; logs loss, accuracy and f1 once per epoch.

    Args:
        network, optimizer, scheduler, compile, network_args: as of :class:`Supervised`.
        label_smoothing: of the training loss; the reported losses are plain cross-entropy in
            validation and test.
        class_weights: of the training loss: "balanced" weighs class c by n / (C n_c), so that
            rare classes count as much as frequent ones; or C positive numbers; or "none".

    ``f1`` is the macro average, see :func:`macro_f1`. ``val/..._best`` is the best epoch's.
    """

    METRICS: Collection[str] = (
        "train/loss", "train/acc",
        "val/loss", "val/acc", "val/f1", "val/loss_best", "val/acc_best", "val/f1_best",
    )  # fmt: skip
    """What a fit logs; a configuration that asks for another one is refused at once."""
    TRAIN_SCORE = "acc"
    BETTER = {"loss": torch.minimum, "acc": torch.maximum, "f1": torch.maximum}
    offers_whole_epochs = True

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
        super().__init__(network, optimizer, scheduler, compile, **network_args)
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(f"label_smoothing must be in [0, 1), got {label_smoothing}.")
        self.label_smoothing = label_smoothing
        self.make_weights = partial(weights_of_classes, class_weights)
        self.register_buffer("class_weights", None, persistent=False)
        self.confusion: dict[str, Tensor] = {}
        """(C, C) counts of the last pass by split ("val", "test"), or sums of the samples' weights;
        rows true, columns predicted."""

    def setup(self, stage: str) -> None:
        if self.net is None:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            if getattr(data, "target_names", ()):
                raise ValueError(
                    f"A classifier needs classes, but the targets {', '.join(data.target_names)} "
                    "are measured values. Set task=regression."
                )
            self.class_weights = self.make_weights(data)
        super().setup(stage)

    def loss(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy of logits (B, C)."""
        of_batch = partial(
            F.cross_entropy, weight=self.class_weights, label_smoothing=self.label_smoothing
        )
        if weights is None:
            return of_batch(outputs, y)
        classes = self.class_weights
        total = len(y) if classes is None else classes[y].sum()
        return (of_batch(outputs, y, reduction="none") * weights).sum() / total

    def count(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """How many are right."""
        right = outputs.argmax(-1) == y
        return right.sum() if weights is None else (right * weights).sum()

    def evaluate(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """The flat (C, C) confusion matrix, then the sum of the losses."""
        if weights is not None:
            return self._weighed(outputs, y, weights)
        counts = multiclass_confusion_matrix(
            outputs, y, num_classes=outputs.shape[-1], validate_args=False
        )
        loss = F.cross_entropy(outputs, y, reduction="sum")
        return torch.cat((counts.flatten().float(), loss.float().reshape(1)))

    def _weighed(self, outputs: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        classes = outputs.shape[-1]
        place = y * classes + outputs.argmax(-1)
        counts = weights.new_zeros(classes**2).index_add_(0, place, weights)
        loss = (F.cross_entropy(outputs, y, reduction="none") * weights).sum()
        return torch.cat((counts, loss.float().reshape(1)))

    def scores(self, sums: Tensor, split: str) -> dict[str, Tensor]:
        classes = math.isqrt(len(sums) - 1)
        counts = sums[:-1].reshape(classes, classes)
        self.confusion[split] = (counts if counts.frac().any() else counts.long()).cpu()
        return {
            "loss": sums[-1] / counts.sum(),
            "acc": counts.trace() / counts.sum(),
            "f1": macro_f1(counts),
        }

    def predict_step(self, batch: Tensor, batch_idx: int = 0) -> Tensor:
        """(B, *input_shape) to the probabilities (B, C) of the classes."""
        return self(batch).softmax(-1)

    def details(self, split: str) -> dict[str, Any]:
        counts = self.confusion.get(split)
        if counts is None:
            return {}
        names = getattr(self.trainer.datamodule, "class_names", range(len(counts)))  # type: ignore[attr-defined]
        rows = [[round(count, 3) for count in row] for row in counts.tolist()]
        found = {"split": split, "classes": list(map(str, names)), "counts": rows}
        return {"confusion_matrix": found}


def macro_f1(counts: Tensor) -> Tensor:
    """Mean over classes of 2 TP / (2 TP + FP + FN), from a (C, C) confusion matrix.

    A class that neither occurs nor is predicted is left out, as in torchmetrics.
    """
    return (2 * counts.diagonal() / (counts.sum(0) + counts.sum(1))).nanmean()
