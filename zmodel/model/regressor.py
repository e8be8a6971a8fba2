"""The LightningModule for regression.

Shapes: B batch, T targets, N samples of a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zmodel.model.supervised import Supervised

MOST_SHOWN = 500
"""Samples of a pass whose predictions are kept, spread evenly over it."""


class Regressor(Supervised):
    """Trains ``network`` with the mean squared error of standardised targets.

    The network has one output per target. Mean and deviation of the targets are those of the
    training samples; they belong to the weights, and predictions are in the targets' own units.

    Args:
        network, optimizer, scheduler, compile, network_args: as of :class:`Supervised`.
        label_smoothing, class_weights: settings of a classifier; must be null.

    ``loss`` is the mean of the squared errors in deviations, which weighs all targets alike;
    ``mse`` and ``mae`` are in units of the targets, ``r2`` is 0 for whoever always predicts the
    mean and 1 without any error. All are means over the targets. ``val/..._best`` is the best
    epoch's.
    """

    METRICS: Collection[str] = (
        "train/loss", "train/mse",
        "val/loss", "val/mse", "val/mae", "val/r2",
        "val/loss_best", "val/mse_best", "val/mae_best", "val/r2_best",
    )  # fmt: skip
    TRAIN_SCORE = "mse"
    BETTER = {
        "loss": torch.minimum, "mse": torch.minimum, "mae": torch.minimum, "r2": torch.maximum,
    }  # fmt: skip
    offers_whole_epochs = True

    target_mean: Tensor
    target_std: Tensor

    def __init__(
        self,
        network: Callable[..., nn.Module],
        optimizer: Callable[..., torch.optim.Optimizer],
        scheduler: Callable[..., Any] | None = None,
        label_smoothing: None = None,
        class_weights: None = None,
        compile: bool = False,
        **network_args: Any,
    ) -> None:
        super().__init__(network, optimizer, scheduler, compile, **network_args)
        for key, value in (("label_smoothing", label_smoothing), ("class_weights", class_weights)):
            if value is not None:
                raise ValueError(
                    f"model.{key} needs classes, got {value} for a regression. Set it to null."
                )
        self._outputs: list[tuple[Tensor, Tensor]] = []
        self._shown: dict[str, tuple[int, Tensor, Tensor]] = {}

    def setup(self, stage: str) -> None:
        if self.net is None:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            names = tuple(getattr(data, "target_names", ()))
            if not names:
                raise ValueError(
                    f"A regression needs measured targets, but {type(data).__name__} has classes. "
                    "Use data=arrays data.label_column=COLUMN, or task=classification."
                )
            self.target_names = names
            _, y, *weights = (tensor.double().cpu() for tensor in data.samples_of("train"))
            mean = _weighed(y, *weights).mean(0)
            variance = _weighed((y - mean).square(), *weights).mean(0)
            self.register_buffer("target_mean", mean.float())
            self.register_buffer("target_std", variance.sqrt().float())
        super().setup(stage)

    def loss(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        z = self.standardised(y)
        if weights is None:
            return F.mse_loss(outputs, z)
        return _weighed(F.mse_loss(outputs, z, reduction="none"), weights).mean()

    def count(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """The sum of the squared errors, each a mean over the targets."""
        errors = (outputs - self.standardised(y)) * self.target_std
        return _weighed(errors.square(), weights).mean(1).sum()

    def evaluate(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """Sums over a batch from which the metrics follow, of standardised targets.

        The squares and the sizes of the errors, the targets and their squares, (T,) each; and the
        number of samples, or the sum of their weights."""
        z = self.standardised(y)
        errors = outputs - z
        self._outputs.append((outputs, y))
        parts = (errors.square(), errors.abs(), z, z.square())
        total = z.new_tensor(float(len(z))) if weights is None else weights.sum()
        return torch.cat([*(_weighed(part, weights).sum(0) for part in parts), total.reshape(1)])

    def scores(self, sums: Tensor, split: str) -> dict[str, Tensor]:
        n, (squares, sizes, total, total_squares) = sums[-1], sums[:-1].chunk(4)
        spread = total_squares - total.square() / n
        self._keep(split)
        return {
            "loss": squares.mean() / n,
            "mse": (squares * self.target_std.square()).mean() / n,
            "mae": (sizes * self.target_std).mean() / n,
            "r2": (1 - squares / spread).mean(),
        }

    def predict_step(self, batch: Tensor, batch_idx: int = 0) -> Tensor:
        """(B, *input_shape) to the targets (B, T) in their own units."""
        return self.in_units(self(batch))

    def standardised(self, y: Tensor) -> Tensor:
        return (y - self.target_mean) / self.target_std

    def in_units(self, outputs: Tensor) -> Tensor:
        return outputs * self.target_std + self.target_mean

    def details(self, split: str) -> dict[str, Any]:
        """Predicted against true values of some samples of the last pass, and how many it had."""
        if split not in self._shown:
            return {}
        samples, predicted, true = self._shown[split]
        found = {
            "split": split,
            "targets": list(self.target_names),
            "samples": samples,
            "true": _rows(true),
            "predicted": _rows(predicted),
        }
        return {"predictions": found}

    def _keep(self, split: str) -> None:
        outputs, true = (torch.cat(part) for part in zip(*self._outputs, strict=True))
        self._outputs.clear()
        chosen = np.linspace(0, len(true) - 1, min(len(true), MOST_SHOWN)).round().astype(int)
        self._shown[split] = len(true), self.in_units(outputs[chosen]), true[chosen]


def _weighed(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """(N, T) values of samples, by their weights (N,)."""
    return values if weights is None else values * weights[:, None]


def _rows(values: Tensor) -> list[list[float]]:
    """With six digits."""
    return [[float(f"{value:.6g}") for value in row] for row in values.detach().cpu().tolist()]
