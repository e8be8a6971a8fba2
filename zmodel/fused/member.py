"""An epoch of one trial, as it is brought to a meeting and computed with those of others."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zmodel.data.batches import Batches
from zmodel.fused.network import Ensemble
from zmodel.fused.product import Geometry
from zmodel.fused.vector import ParameterVector
from zmodel.znet import ZNet

log = logging.getLogger(__name__)


class Member:
    """What the training of one network is made of; fulfils :class:`zmodel.trial.Partner`.

    ``batches`` is read anew in every epoch. After :meth:`advance` either ``epoch`` holds loss,
    correct answers and size of each batch, or the epoch is still to be trained: nobody fitted.
    """

    def __init__(
        self,
        net: ZNet,
        optimizer: torch.optim.Optimizer,
        scheduler: Any | None,
        batches: Batches,
        label_smoothing: float,
        class_weights: Tensor | None,
    ) -> None:
        self.net, self.optimizer, self.scheduler = net, optimizer, scheduler
        self.batches, self.label_smoothing = batches, label_smoothing
        ones = torch.ones_like(net.head.bias, requires_grad=False)
        self.class_weights = ones if class_weights is None else class_weights
        self.device = ones.device
        self.generator = torch.Generator(self.device)
        self.geometries = tuple(Geometry.of(layer.z) for layer in net.layers)  # type: ignore[arg-type]
        self.apart = False
        """To be trained on its own, for a computation with others failed."""
        self.partners: list[int] = []
        """How many trials shared the computation of each epoch."""
        self.epoch: tuple[list[Tensor], list[Tensor], list[int]] | None = None

    def fits(self, other: Member) -> bool:
        """Whether both can be computed at once; `other` is at least as deep."""
        depth = len(self.geometries)
        return (
            not (self.apart or other.apart)
            and traits(self) == traits(other)
            and self.geometries == other.geometries[:depth]
            and (depth == 0 or layer_traits(self.net) == layer_traits(other.net))
        )

    def advance(self, partners: Sequence[Member]) -> None:
        """Train an epoch of those that fit together; the others are left to train theirs."""
        for group in groups(partners):
            for member in group:
                member.epoch = None
                member.partners.append(len(group))
            if len(group) > 1:
                before = [member.snapshot() for member in group]
                try:
                    train(group)
                except Exception as error:
                    # not enough memory for all, or one of them fails: then it fails on its own
                    log.warning("trained one by one from here on, for together: %s", error)
                    for member, state in zip(group, before, strict=True):
                        member.restore(state)
                        member.apart, member.partners[-1], member.epoch = True, 1, None

    def snapshot(self) -> Any:
        net = {name: value.clone() for name, value in self.net.state_dict().items()}
        parts = (self.optimizer, *([self.scheduler] if self.scheduler is not None else []))
        states = [copy.deepcopy(part.state_dict()) for part in parts]
        return (net, *states), self.generator.get_state()

    def restore(self, snapshot: Any) -> None:
        (net, optimizer, *scheduler), rng = snapshot
        self.net.load_state_dict(net)
        self.optimizer.load_state_dict(optimizer)
        if self.scheduler is not None:
            self.scheduler.load_state_dict(*scheduler)
        self.generator.set_state(rng)


def traits(member: Member) -> tuple[Any, ...]:
    """What must be equal in trainings that are computed at once."""
    net, batches = member.net, member.batches
    shape = (tuple(batches.x.shape), batches.batch_size, net.head.out_features)
    return (*shape, net.flat_input, member.device)


def layer_traits(net: ZNet) -> tuple[Any, ...]:
    """What must be equal in their layers, beside the geometry."""
    layer = net.layers[0]
    return type(layer.norm), type(layer.activation), layer.residual


def groups(members: Iterable[Member]) -> list[list[Member]]:
    """Members that fit together, the deeper ones first."""
    found: list[list[Member]] = []
    for member in sorted(members, key=lambda m: -len(m.geometries)):
        group = next((g for g in found if member.fits(g[0])), None)
        if group is None:
            found.append([member])
        else:
            group.append(member)
    return found


def train(group: Sequence[Member]) -> None:
    """One epoch of all members of a group, the deeper ones first."""
    ensemble = Ensemble([m.net for m in group], [m.generator for m in group])
    vectors = [ParameterVector(m.optimizer) for m in group]
    parameters = [p for vector in vectors for p in vector.params]
    device = group[0].device
    smoothing = torch.tensor([[m.label_smoothing] for m in group], device=device)
    weights = torch.stack([m.class_weights for m in group])
    losses, correct, sizes = [], [], []
    for batches in zip(*(m.batches for m in group), strict=True):
        logits = torch.stack(ensemble([x.to(device) for x, _ in batches]))
        target = torch.stack([y.to(device) for _, y in batches])
        loss = cross_entropy(logits, target, weights, smoothing)
        gradients = torch.autograd.grad(loss.sum(), parameters)
        gradient = torch.cat([g.reshape(-1) for g in gradients])
        lengths = [vector.vector.numel() for vector in vectors]
        for member, vector, part in zip(group, vectors, gradient.split(lengths), strict=True):
            vector.step(part)
            if member.scheduler is not None:
                member.scheduler.step()
        losses.append(loss.detach())
        correct.append((logits.detach().argmax(-1) == target).sum(1))
        sizes.append(target.shape[1])
    ensemble.finish()
    for i, (member, vector) in enumerate(zip(group, vectors, strict=True)):
        vector.finish()
        counts = [count[i] for count in correct]
        member.epoch = [loss[i] for loss in losses], counts, list(sizes)


def cross_entropy(logits: Tensor, target: Tensor, weights: Tensor, smoothing: Tensor) -> Tensor:
    """The loss (M,) of each of M members, as torch's for one of them.

    From logits (M, B, K), classes (M, B), weights of classes (M, K) and label smoothing (M, 1).
    """
    surprise = -F.log_softmax(logits, -1) * weights.unsqueeze(1)
    right = surprise.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    total = ((1 - smoothing) * right + smoothing * surprise.mean(-1)).sum(1)
    return total / weights.gather(1, target).sum(1)
