"""How a run takes part: its epochs are computed at meetings with the other trials of its worker."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.seed import isolate_rng
from torch import Tensor

from zmodel.classifier import Classifier
from zmodel.data.batches import WholeEpochs
from zmodel.fused.member import Member
from zmodel.fused.vector import ELEMENTWISE
from zmodel.fused.worth import slower_together
from zmodel.trial import Partner
from zmodel.znet import ZNet

ONE_BY_ONE = "a callback, the trainer or the data module works on single batches"


class Fusion:
    """Stands in for the training loop of a :class:`zmodel.classifier.Classifier`."""

    def __init__(self, model: pl.LightningModule, meet: Callable[[Partner], None]) -> None:
        self._model, self._meet = model, meet
        self._member: Member | None = None
        self.reason: str | None = ONE_BY_ONE
        """Why the run is trained on its own; ``None`` from the first common epoch on."""
        if isinstance(model, Classifier):
            model.together = self
        else:
            self.reason = f"the module is a {type(model).__name__}, not a Classifier"

    def __call__(
        self, optimizer: torch.optim.Optimizer, scheduler: Any | None
    ) -> tuple[list[Tensor], list[Tensor], list[int]] | None:
        """One epoch: loss, correct answers and size of each batch; ``None``: nobody to share with.

        Python's, NumPy's and torch's global random states end as if nobody else were here.
        """
        member = self._member or self._first(optimizer, scheduler)
        if member is None:
            return None
        with isolate_rng():
            member.generator.set_state(rng_state(member.device))
            self._meet(member)
        set_rng_state(member.device, member.generator.get_state())
        return member.epoch

    def _first(self, optimizer: torch.optim.Optimizer, scheduler: Any | None) -> Member | None:
        net, loader = self._model.net, self._model.trainer.train_dataloader
        self.reason = obstacle(net, optimizer, loader)
        self.reason = self.reason or slower_together(net, loader.batches)  # type: ignore
        if self.reason is None:
            loss = (self._model.label_smoothing, self._model.class_weights)
            self._member = Member(net, optimizer, scheduler, loader.batches, *loss)  # type: ignore
        return self._member

    def summary(self) -> dict[str, Any]:
        """For ``result.json``: with how many trials an epoch was shared, itself included, or why
        with none."""
        if self._member is None or self.reason is not None:
            return {"trials": 1, "reason": self.reason}
        return {"trials": round(fmean(self._member.partners or [1]), 2), "reason": None}


def obstacle(net: Any, optimizer: torch.optim.Optimizer, loader: Any) -> str | None:
    """Why the training of this network cannot share a computation, in words."""
    if type(net) is not ZNet:
        return f"the network is a {type(net).__name__}, not a ZNet"
    if net._compiled_call_impl is not None:
        return "the network is compiled"
    if type(optimizer) not in ELEMENTWISE or len(optimizer.param_groups) > 1:
        return f"the optimizer is a {type(optimizer).__name__} that may look at whole tensors"
    if not isinstance(loader, WholeEpochs):
        return "the data module hands out its batches in its own way"
    return None


def rng_state(device: torch.device) -> Tensor:
    """Of the global generator that draws on this device."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def set_rng_state(device: torch.device, state: Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)
