"""Saves test predictions for scores, calibration and mistakes.

Shapes: N samples, C classes, T targets, M kept mistakes or outputs.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import Tensor

from zmodel.core.atomic_file import replacing

MOST_PER_PAIR = 6
MOST_MISTAKES = 500
MOST_OUTPUTS = 64
"""Enough to compare a deployed model with."""


class SavePredictions(Callback):
    """Writes one .npz per test pass, whole or not at all.

    Predictions are what the module's ``predict_step`` gives for the samples of a batch, without
    their targets: as it will be called when it is deployed.

    Of classes it holds: ``probabilities`` (N, C) and ``labels`` (N,) in the order of the test set,
    ``classes`` (C,) names, and of some mistakes (at most six per pair of true and predicted
    class) their ``mistakes`` (M,) indices and ``inputs`` (M, ...) as the network saw them.
    Of measured values: ``predicted`` and ``true`` (N, T), ``targets`` (T,) names.
    Of both: ``weights`` (N,), where samples have them.
    Of anything else: ``reason``, why it is not judged, and ``outputs`` (M, ...) of the first
    samples, where there are some. The test goes on.

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
        self._outputs: list[Tensor] = []
        self._true: list[Tensor] = []
        self._weights: list[Tensor] = []
        self._mistakes: list[int] = []
        self._inputs: list[Tensor] = []
        self._pairs: Counter[tuple[int, int]] = Counter()
        self._reason: str | None = None
        self._first: Tensor | None = None

    def on_test_batch_end(  # type: ignore[override]
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self._reason is not None:
            return
        try:
            x, y, *weights = parts(batch)
            outputs = predicted_by(pl_module, x, batch_idx)
            if batch_idx == 0:
                self._first = first_of(outputs, len(x))
            predicted, y = fitting(outputs, y)
        except ValueError as error:
            self._reason = str(error)
            return
        if not y.is_floating_point():
            if not is_overridden("predict_step", pl_module, LightningModule):
                predicted = predicted.softmax(-1)  # Lightning's own calls forward: logits
            self._keep_mistakes(x, predicted, y)
        self._outputs.append(predicted)
        self._true.append(y)
        self._weights += [w.cpu() for w in weights]

    def _keep_mistakes(self, x: Tensor, probabilities: Tensor, true: Tensor) -> None:
        seen, predicted = sum(map(len, self._true)), probabilities.argmax(-1)
        for i in (predicted != true).nonzero().flatten().tolist():
            classes = (int(true[i]), int(predicted[i]))
            self._pairs[classes] += 1
            if self._pairs[classes] <= MOST_PER_PAIR and len(self._mistakes) < MOST_MISTAKES:
                self._mistakes.append(seen + i)
                self._inputs.append(x[i].cpu())

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        with replacing(self.path) as temporary:
            np.savez_compressed(temporary, **self._arrays(trainer.datamodule))  # type: ignore[attr-defined]

    def _arrays(self, data: Any) -> dict[str, Any]:
        if self._reason is not None or not self._true:
            first = {} if self._first is None else {"outputs": self._first.numpy()}
            reason = np.array(self._reason or "the test had no samples", dtype=np.str_)
            return {"reason": reason, **first}
        outputs, true = torch.cat(self._outputs).numpy(), torch.cat(self._true).numpy()
        found = {"weights": torch.cat(self._weights).numpy()} if self._weights else {}
        if true.dtype.kind == "f":
            names = [str(name) for name in getattr(data, "target_names", ())]
            if len(names) != true.shape[1]:
                names = [f"target {i}" for i in range(true.shape[1])]
            named = np.array(names, dtype=np.str_)
            return {"predicted": outputs, "true": true, "targets": named, **found}
        classes = [str(c) for c in getattr(data, "class_names", ())]
        inputs = torch.stack(self._inputs).numpy() if self._inputs else np.zeros((0,), np.float32)
        return {
            "probabilities": outputs,
            "labels": true,
            "classes": np.array(classes, dtype=np.str_),
            "mistakes": np.array(self._mistakes, dtype=np.int64),
            "inputs": inputs,
            **found,
        }


def parts(batch: Any) -> tuple[Any, ...]:
    """Samples, targets (None where there are none), and weights if there are. ValueError when the
    batch has another form."""
    if isinstance(batch, Tensor):
        return batch, None
    if isinstance(batch, tuple | list) and len(batch) in (1, 2, 3):
        x, y, *weights = (*batch, None) if len(batch) == 1 else batch
        if isinstance(x, Tensor) and all(isinstance(w, Tensor) and w.ndim == 1 for w in weights):
            return x, y, *weights
    raise ValueError(f"a batch must be samples, or samples and targets, got {type(batch).__name__}")


def predicted_by(module: LightningModule, x: Tensor, batch_idx: int) -> Any:
    """What ``predict_step`` gives for samples alone. ValueError, with the way, when it fails."""
    try:
        with torch.no_grad():
            return module.predict_step(x, batch_idx)
    except Exception as error:  # of a module of one's own, with any type
        reason = ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
        raise ValueError(
            "predict_step must take the samples of a batch without their targets, here "
            f"{tuple(x.shape)}, and ended with {reason.rstrip('.')}. Write such a predict_step "
            "(Lightning's own calls forward)"
        ) from error


def first_of(outputs: Any, samples: int) -> Tensor | None:
    """The first outputs (M, ...), with a column for single numbers; None without one per sample."""
    if not isinstance(outputs, Tensor) or outputs.ndim < 1 or len(outputs) != samples:
        return None
    first = outputs[:MOST_OUTPUTS].cpu()
    return first.unsqueeze(1) if first.ndim == 1 else first


def fitting(outputs: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Predictions and targets on the CPU.

    A number per class (B, C) and whole numbers (B,), or values (B, T) twice. ValueError when they
    are neither."""
    if isinstance(outputs, Tensor) and isinstance(y, Tensor) and outputs.shape[:1] == y.shape[:1]:
        if y.ndim == 1 and not y.is_floating_point() and outputs.ndim == 2:
            return outputs.float().cpu(), y.cpu()
        values = y.reshape(len(y), -1)
        if y.is_floating_point() and y.ndim <= 2 and outputs.numel() == y.numel():
            return outputs.reshape(values.shape).float().cpu(), values.float().cpu()
    given, true = (
        tuple(part.shape) if isinstance(part, Tensor) else f"a {type(part).__name__}"
        for part in (outputs, y)
    )
    targets = "no targets" if y is None else f"targets {true}"
    raise ValueError(
        f"predict_step gives {given} for {targets}, neither a probability per class nor a value "
        "per target"
    )
