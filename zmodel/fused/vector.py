"""The parameters of one network, and the state of its optimizer, as one vector each."""

from __future__ import annotations

import copy
from collections import defaultdict

import torch
from torch import Tensor, nn

ELEMENTWISE = (
    torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.NAdam, torch.optim.RAdam,
    torch.optim.Adamax, torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.Adadelta,
)  # fmt: skip
"""Optimizers that treat every number alike, wherever in a tensor it stands."""


class ParameterVector:
    """For a while the optimizer's parameters are views of one vector, which it updates at once.

    Its own per-tensor Python costs as much as a layer of a small network. Hyperparameters are
    read at every step: a scheduler acts on the given optimizer as ever. :meth:`finish` gives the
    state back, per parameter.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.given = optimizer
        self.params: list[Tensor] = optimizer.param_groups[0]["params"]
        self.vector = nn.Parameter(torch.cat([p.detach().reshape(-1) for p in self.params]))
        for param, part in zip(self.params, self._parts(self.vector.detach()), strict=True):
            param.data = part
        self.whole = copy.copy(optimizer)
        self.whole.param_groups = [{**optimizer.param_groups[0], "params": [self.vector]}]
        self.whole.state = defaultdict(dict, {self.vector: self._joined_state()})

    def _parts(self, vector: Tensor) -> list[Tensor]:
        sizes = [p.numel() for p in self.params]
        return [x.view_as(p) for x, p in zip(vector.split(sizes), self.params, strict=True)]

    def _joined_state(self) -> dict[str, Tensor]:
        states = [self.given.state[p] for p in self.params if p in self.given.state]
        if not states:
            return {}
        per_number = {k for k, v in states[0].items() if v.shape == self.params[0].shape}
        return {
            key: torch.cat([s[key].reshape(-1) for s in states]) if key in per_number else value
            for key, value in states[0].items()
        }

    def step(self, gradient: Tensor) -> None:
        """Update by a gradient of the vector's length."""
        own = self.given.param_groups[0]
        self.whole.param_groups[0].update((k, v) for k, v in own.items() if k != "params")
        self.vector.grad = gradient
        self.whole.step()
        self.given._opt_called = True  # type: ignore[attr-defined]  # schedulers ask for it

    def finish(self) -> None:
        state = self.whole.state[self.vector]
        parts = {k: self._parts(v) for k, v in state.items() if v.shape == self.vector.shape}
        for i, param in enumerate(self.params):
            own = {k: parts[k][i] if k in parts else v.clone() for k, v in state.items()}
            self.given.state[param] = own
