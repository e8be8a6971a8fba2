"""Keeps what a test pass predicted, for calibration, confusion and a look at the mistakes.

Shapes: N samples, C classes, M kept mistakes.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from zmodel.core.atomic_file import replacing

MOST_PER_PAIR = 6
MOST_MISTAKES = 500


class SavePredictions(Callback):
    """Writes one .npz per test pass, whole or not at all.

    Its arrays: ``probabilities`` (N, C) and ``labels`` (N,) in the order of the test set,
    ``classes`` (C,) names, and of some mistakes (at most six per pair of true and predicted
    class) their ``mistakes`` (M,) indices and ``inputs`` (M, ...) as the network saw them.

    Raises:
        ValueError: when the test runs on several devices, each of which sees only a part.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size > 1:
            raise ValueError(
                f"Predictions are kept by one device, got {trainer.world_size}. "
                "Test with trainer=cpu, or drop callbacks.predictions."
            )
        self._probabilities: list[Tensor] = []
        self._labels: list[Tensor] = []
        self._mistakes: list[int] = []
        self._inputs: list[Tensor] = []
        self._pairs: Counter[tuple[int, int]] = Counter()

    def on_test_batch_end(  # type: ignore[override]
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: tuple[Tensor, Tensor],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        x, y = batch
        with torch.no_grad():
            probabilities = pl_module(x).softmax(-1).float().cpu()
        seen = sum(map(len, self._labels))
        predicted, true = probabilities.argmax(-1), y.cpu()
        for i in (predicted != true).nonzero().flatten().tolist():
            pair = (int(true[i]), int(predicted[i]))
            self._pairs[pair] += 1
            if self._pairs[pair] <= MOST_PER_PAIR and len(self._mistakes) < MOST_MISTAKES:
                self._mistakes.append(seen + i)
                self._inputs.append(x[i].cpu())
        self._probabilities.append(probabilities)
        self._labels.append(true)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        classes = [str(c) for c in getattr(trainer.datamodule, "class_names", ())]  # type: ignore[attr-defined]
        inputs = torch.stack(self._inputs).numpy() if self._inputs else np.zeros((0,), np.float32)
        with replacing(self.path) as temporary:
            np.savez_compressed(
                temporary,
                probabilities=torch.cat(self._probabilities).numpy(),
                labels=torch.cat(self._labels).numpy(),
                classes=np.array(classes, dtype=np.str_),
                mistakes=np.array(self._mistakes, dtype=np.int64),
                inputs=inputs,
            )
