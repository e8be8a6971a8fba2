"""Many ZNets of one depth and batch size, trained at once as one program on one device.

The networks differ in width (narrower ones are padded with channels that stay 0), learning rate,
weight decay, dropout, shift and seed. What each does is what ``zmodel.model.znet`` does; on a GPU
a step is one CUDA graph. tests/benchmarks/test_curve_tables.py compares them with the network.

Shapes: M networks, B batch, S positions (none, length, or height and width), C channels, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from curve_tables.recipe import Config, Data, Recipe

MOMENTUM, EPS = 0.1, 1e-5
BETAS, ADAM_EPS = (0.9, 0.999), 1e-8
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


class Networks:
    """The weights of M networks in one (M, P) tensor, and the step that trains them."""

    def __init__(self, configs: Sequence[Config], recipe: Recipe, data: Data) -> None:
        self.configs, self.recipe, self.data = configs, recipe, data
        self.device = data.x["train"].device
        self.depth, self.batch = configs[0].z_layers, configs[0].batch_size
        assert all((c.z_layers, c.batch_size) == (self.depth, self.batch) for c in configs)
        self.lr = self._column([c.lr for c in configs])
        self.decay = self._column([c.weight_decay for c in configs])
        keep = [1 - c.dropout for c in configs]
        self.keep = torch.tensor(keep, device=self.device).view(-1, 1, 1)
        self.shift = torch.tensor([float(c.max_shift) for c in configs], device=self.device)
        widest = max(c.width for c in configs)
        mask = torch.zeros(len(configs), 1, widest)
        for i, config in enumerate(configs):
            mask[i, :, : config.width] = 1
        self.mask = mask.transpose(1, 2).to(self.device)
        self.chance = self.mask * self.keep
        """(M, C, 1): how likely an activation is kept; that of a padded channel never is."""
        self._make_weights(widest)
        self.first = torch.zeros_like(self.flat)
        self.second = torch.zeros_like(self.flat)
        self.steps = torch.zeros((), device=self.device)
        self.beta = torch.full((), BETAS[0], device=self.device)
        self.trained = torch.zeros(2, len(configs), device=self.device)
        """Sums of loss and hits over the epoch."""
        self.rows = torch.zeros(len(configs), self.batch, dtype=torch.long, device=self.device)
        self._graph: torch.cuda.CUDAGraph | None = None

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, device=self.device).view(-1, 1)

    # --- weights, begun as torch begins them ---

    def _make_weights(self, widest: int) -> None:
        shape = tuple(self.data.x["train"].shape[1:])
        if self.recipe.dense:
            shape = (math.prod(shape),)
        axes = len(shape) - 1
        self.plan: list[int] = []
        """Kernel of each layer."""
        parts: list[Tensor] = []
        self.sizes: list[tuple[int, int]] = []
        """Rows and columns of each weight."""
        draws = [torch.Generator().manual_seed(c.seed) for c in self.configs]
        channels, widths = shape[-1], [shape[-1]] * len(self.configs)
        lengths = list(shape[:-1])
        for layer in range(self.depth):
            kernel = self.recipe.kernels[min(layer, len(self.recipe.kernels) - 1)] if axes else 1
            self.plan.append(kernel)
            outs = [c.width for c in self.configs]
            self._linear(parts, draws, (channels, widest), widths, outs, kernel**axes)
            if self.recipe.batch_norm:
                ones = self.mask.cpu().flatten(1)
                parts += [ones, torch.zeros_like(ones)]
                self.sizes += [(1, widest), (1, widest)]
            channels, widths = widest, outs
            lengths = [(n + 2 * ((kernel - 1) // 2) - kernel) // 2 + 1 for n in lengths]
        positions = math.prod(lengths)
        outs = [self.data.classes] * len(self.configs)
        self._linear(parts, draws, (channels, self.data.classes), widths, outs, positions)
        self.flat = torch.cat(parts, 1).to(self.device)
        ends = np.cumsum([part.shape[1] for part in parts])
        self.parameters: list[Tensor] = []
        for end, part, (rows, columns) in zip(ends, parts, self.sizes, strict=True):
            piece = self.flat[:, int(end) - part.shape[1] : int(end)]
            self.parameters.append(piece.view(len(self.configs), rows, columns).requires_grad_())
        size = len(self.configs) * widest
        self.running = [
            (torch.zeros(size, device=self.device), torch.ones(size, device=self.device))
            for _ in range(self.depth)
        ]
        """Mean and variance of the channels of each layer."""

    def _linear(
        self,
        parts: list[Tensor],
        draws: list[torch.Generator],
        size: tuple[int, int],
        ins: list[int],
        outs: list[int],
        copies: int,
    ) -> None:
        """Weights (C_in * copies, C_out) and bias; a copy per position of the kernel."""
        c_in, c_out = size
        weights = torch.zeros(len(draws), c_in, copies, c_out)
        biases = torch.zeros(len(draws), 1, c_out)
        for i, draw in enumerate(draws):
            bound = 1 / math.sqrt(ins[i] * copies)
            drawn = torch.rand(ins[i], copies, outs[i], generator=draw)
            weights[i, : ins[i], :, : outs[i]] = (2 * drawn - 1) * bound
            biases[i, 0, : outs[i]] = (2 * torch.rand(outs[i], generator=draw) - 1) * bound
        parts += [weights.flatten(1), biases.flatten(1)]
        self.sizes += [(c_in * copies, c_out), (1, c_out)]

    # --- forward, channels first: batch norm is one kernel over (M * C) of them ---

    def outputs(self, x: Tensor, train: bool) -> Tensor:
        """(M, B, S..., C) to (M, B, K)."""
        left = iter(self.parameters)
        a = (x.flatten(2) if self.recipe.dense else x).movedim(-1, 1)
        for layer, kernel in enumerate(self.plan):
            patches, positions = _patches(a, kernel)
            z = _linear_map(left, patches, layer > 0 and train, self.keep)
            if self.recipe.batch_norm:
                z = self._normalised(z, next(left), next(left), layer, train)
            a = ACTIVATIONS[self.recipe.activation](z)
            kept = torch.empty_like(a, dtype=torch.bool).bernoulli_(self.chance) if train else None
            a = a * (self.mask if kept is None else kept)
            a = a.view(*a.shape[:2], *positions)
        features = a.flatten(3).transpose(2, 3).flatten(1, 2) if a.dim() > 3 else a
        return _linear_map(left, features, train, self.keep).transpose(1, 2)

    def _normalised(
        self, z: Tensor, scale: Tensor, offset: Tensor, layer: int, train: bool
    ) -> Tensor:
        mean, var = self.running[layer]
        flat = z.view(1, -1, z.shape[2])
        out = F.batch_norm(
            flat, mean, var, scale.reshape(-1), offset.reshape(-1), train, MOMENTUM, EPS
        )
        return out.view(z.shape)

    def losses(self, outputs: Tensor, y: Tensor, smoothing: float) -> Tensor:
        """(M,) means over samples."""
        logs = torch.log_softmax(outputs, 2)
        right = logs.gather(2, y.unsqueeze(2)).squeeze(2)
        return -((1 - smoothing) * right + smoothing * logs.mean(2)).mean(1)

    # --- one step ---

    def _step(self) -> None:
        x, y = self.data.x["train"][self.rows], self.data.y["train"][self.rows]
        out = self.outputs(self._shifted(x), train=True)
        losses = self.losses(out, y, self.recipe.label_smoothing)
        grads = torch.autograd.grad(losses.sum(), self.parameters)
        with torch.no_grad():
            self.trained[0] += losses
            self.trained[1] += (out.argmax(2) == y).float().mean(1)
            self._adam(torch.cat([g.flatten(1) for g in grads], 1))

    def _shifted(self, x: Tensor) -> Tensor:
        """Each sample by its own number of positions along each axis, in a circle."""
        for axis in range(2, x.dim() - 1):
            length = x.shape[axis]
            span = (2 * self.shift + 1).view(-1, 1)
            drawn = torch.rand(x.shape[:2], device=x.device)
            steps = (drawn * span).floor() - self.shift.view(-1, 1)
            shape = [*x.shape[:2], *(1 for _ in x.shape[2:])]
            places = torch.arange(length, device=x.device).view(
                *(length if d == axis else 1 for d in range(x.dim()))
            )
            index = (places + steps.long().view(shape)) % length
            x = x.gather(axis, index.expand(x.shape))
        return x

    def _adam(self, grad: Tensor) -> None:
        self.steps += 1
        if self.recipe.decoupled:
            self.flat.mul_(1 - self.lr * self.decay)
        else:
            grad = grad + self.decay * self.flat
        self.first.lerp_(grad, 1 - self.beta)
        self.second.mul_(BETAS[1]).addcmul_(grad, grad, value=1 - BETAS[1])
        corrected = (self.second / (1 - BETAS[1] ** self.steps)).sqrt_().add_(ADAM_EPS)
        self.flat.sub_(self.lr / (1 - self.beta**self.steps) * (self.first / corrected))

    def step(self, rows: Tensor) -> None:
        """Train with one batch: rows (M, B) of the training samples."""
        self.rows.copy_(rows)
        if self.device.type != "cuda":
            self._step()
            return
        if self._graph is None:
            self._capture()
        assert self._graph is not None
        self._graph.replay()

    def _capture(self) -> None:
        """Record the step; what the rehearsals before it did to the weights is undone."""
        state = [self.flat, self.first, self.second, self.steps, self.trained]
        state += [t for running in self.running for t in running]
        kept = [t.detach().clone() for t in state]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(2):
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._step()
        with torch.no_grad():
            for tensor, value in zip(state, kept, strict=True):
                tensor.copy_(value)

    @torch.no_grad()
    def evaluate(self, part: str, chunk: int = 2000) -> tuple[Tensor, Tensor]:
        """Accuracy and loss (M,), (M,)."""
        x, y = self.data.x[part], self.data.y[part]
        hits = torch.zeros(len(self.configs), device=self.device)
        loss = torch.zeros_like(hits)
        for start in range(0, len(y), chunk):
            xs, ys = x[start : start + chunk], y[start : start + chunk]
            shape = (len(self.configs), *(-1 for _ in range(xs.dim())))
            ys = ys.expand(len(self.configs), -1)
            out = self.outputs(xs.unsqueeze(0).expand(shape), train=False)
            hits += (out.argmax(2) == ys).sum(1)
            loss += self.losses(out, ys, 0.0) * ys.shape[1]
        return hits / len(y), loss / len(y)


def _linear_map(left: Iterator[Tensor], a: Tensor, dropped: bool, keep: Tensor) -> Tensor:
    """(M, C_in, N) to (M, C_out, N); after dropout by weights that make up for it."""
    weight, bias = next(left), next(left)
    weight = weight / keep if dropped else weight
    return torch.baddbmm(bias.transpose(1, 2), weight.transpose(1, 2), a)


def _patches(a: Tensor, kernel: int) -> tuple[Tensor, list[int]]:
    """(M, C, B, S...) to (M, C * kernel**axes, B * positions), and what B * positions are."""
    axes = a.dim() - 3
    if not axes:
        return a, [a.shape[2]]
    edge = (kernel - 1) // 2
    a = F.pad(a, tuple(edge for _ in range(2 * axes)))
    for axis in range(axes):
        a = a.unfold(3 + axis, kernel, 2)
    positions = list(a.shape[2 : 3 + axes])
    kernels = range(3 + axes, 3 + 2 * axes)
    a = a.permute(0, 1, *kernels, *range(2, 3 + axes))
    return a.reshape(a.shape[0], -1, math.prod(positions)), positions
