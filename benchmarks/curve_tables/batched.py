"""Trains many ZNets of one depth and batch size at once, as one program on one device.

The networks differ in width (narrower ones are padded with channels that stay 0), learning rate,
weight decay, dropout, shift and seed. What each does is what ``zmodel.model.znet`` does with
``zmodel.callbacks.CoolDownStopping``; only the last, smaller batch of an epoch is left out. On a
GPU a step is one CUDA graph. tests/benchmarks/test_batched.py compares it with the network.

Shapes: M networks, B batch, S positions (none, length, or height and width), C channels, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

MOMENTUM, EPS = 0.1, 1e-5
BETAS, ADAM_EPS = (0.9, 0.999), 1e-8
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


@dataclass(frozen=True)
class Config:
    """One network of a table."""

    z_layers: int
    width: int
    lr: float
    weight_decay: float
    dropout: float
    batch_size: int
    max_shift: int
    seed: int


@dataclass(frozen=True)
class Recipe:
    """What all networks of a table share; a `kernels` entry per z-layer, the last repeated.

    `schedule`: constant, onecycle, or cooldown, which ends each network by its own curve.
    """

    activation: str = "relu"
    batch_norm: bool = False
    decoupled: bool = False
    """Weight decay as in AdamW; else as in Adam."""
    label_smoothing: float = 0.0
    kernels: tuple[int, ...] = (5, 3, 3)
    dense: bool = False
    schedule: str = "cooldown"
    epochs: int = 80
    patience: int = 8
    patience_steps: int = 200
    cooldown: float = 0.25


@dataclass(frozen=True)
class Data:
    """Normalised samples, channels last: x (N, S..., C), y (N,)."""

    x: dict[str, Tensor]
    y: dict[str, Tensor]
    classes: int

    def to(self, device: torch.device) -> Data:
        move = {name: {k: t.to(device) for k, t in getattr(self, name).items()} for name in "xy"}
        return Data(move["x"], move["y"], self.classes)


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
        self.where: list[tuple[int, int, int]] = []
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
                self.where += [(1, widest, 1), (1, widest, 1)]
            channels, widths = widest, outs
            lengths = [(n + 2 * ((kernel - 1) // 2) - kernel) // 2 + 1 for n in lengths]
        positions = math.prod(lengths)
        outs = [self.data.classes] * len(self.configs)
        self._linear(parts, draws, (channels, self.data.classes), widths, outs, positions)
        self.flat = torch.cat(parts, 1).to(self.device)
        ends = np.cumsum([part.shape[1] for part in parts])
        self.parameters: list[Tensor] = []
        for end, part, (rows, columns, _) in zip(ends, parts, self.where, strict=True):
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
        self.where += [(c_in * copies, c_out, copies), (1, c_out, 1)]

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


# --- a whole training ---


class Ends:
    """When each of M networks ends and how its learning rate falls: CoolDownStopping, in arrays."""

    LEAST_FALL = 0.01
    """Share of its first value by which a loss must fall to have fallen."""

    def __init__(self, recipe: Recipe, lr: NDArray[np.float64]) -> None:
        self.recipe, self.lr = recipe, lr
        self.best = np.full(len(lr), -np.inf)
        self.lowest = self.first = np.zeros(len(lr))
        self.waited = np.zeros(len(lr), int)
        self.progressed = np.zeros(len(lr), int)
        self.cooled = np.full(len(lr), -1)
        self.end = np.full(len(lr), recipe.epochs)
        self.decided = np.zeros(len(lr), bool)

    def rates(self, epoch: int) -> NDArray[np.float64]:
        """Learning rates of epoch number `epoch`, counted from 0."""
        fall = np.ones(len(self.lr))
        falls = (self.cooled >= 0) & (epoch >= self.cooled) & (epoch < self.end)
        passed = epoch - self.cooled[falls] + 0.5
        fall[falls] = 1 - passed / (self.end[falls] - self.cooled[falls])
        return self.lr * fall

    def observe(
        self, done: int, step: int, acc: NDArray[np.float64], loss: NDArray[np.float64]
    ) -> None:
        """After `done` epochs and `step` steps."""
        if done == 1:
            self.first = loss
        lower = (done == 1) | (loss < self.lowest - self.LEAST_FALL * np.abs(self.first))
        better = lower | (acc > self.best)
        self.best = np.maximum(self.best, acc)
        self.lowest = np.where(lower, loss, self.lowest)
        self.waited = np.where(better, 0, self.waited + 1)
        self.progressed = np.where(better, step, self.progressed)
        recipe = self.recipe
        length = math.ceil(recipe.cooldown * done)
        flat = (self.waited >= recipe.patience) & (step - self.progressed >= recipe.patience_steps)
        due = ~self.decided & (flat | (done + length >= recipe.epochs))
        self.end[due] = max(done, min(done + length, recipe.epochs))
        self.cooled[due & (self.end > done)] = done
        self.decided |= due


def one_cycle(step: int, total: int) -> tuple[float, float]:
    """Factor of the peak and first beta of torch's OneCycleLR at its defaults."""
    turn, end = 0.3 * total - 1, total - 1
    if step <= turn:
        low, high, where = 1 / 25, 1.0, step / turn
        b_low, b_high = 0.95, 0.85
    else:
        low, high, where = 1.0, 1 / 25 / 1e4, (step - turn) / (end - turn)
        b_low, b_high = 0.85, 0.95
    share = (1 + math.cos(math.pi * where)) / 2
    return high + (low - high) * share, b_high + (b_low - b_high) * share


def train(networks: Networks, seed: int) -> dict[str, NDArray[np.float32]]:
    """Train all to their ends: curves (M, epochs, 5), NaN after the end; ends; cooled (M,).

    The five: validation accuracy and loss, training loss and accuracy, test accuracy.
    """
    recipe, data = networks.recipe, networks.data
    samples, count = len(data.y["train"]), len(networks.configs)
    per_epoch = samples // networks.batch
    lr = networks.lr.double().cpu().numpy().ravel()
    ends = Ends(recipe, lr)
    if recipe.schedule != "cooldown":
        ends.decided[:] = True
    curves = np.full((count, recipe.epochs, 5), np.nan, np.float32)
    torch.manual_seed(seed)
    for epoch in range(recipe.epochs):
        alive = epoch < ends.end
        if not alive.any():
            break
        if recipe.schedule == "cooldown":
            rates = torch.tensor(ends.rates(epoch), dtype=torch.float32).view(-1, 1)
            networks.lr.copy_(rates)
        order = torch.rand(count, samples, device=networks.device).argsort(1)
        networks.trained.zero_()
        for i in range(per_epoch):
            if recipe.schedule == "onecycle":
                factor, beta = one_cycle(epoch * per_epoch + i, recipe.epochs * per_epoch)
                networks.lr.copy_(torch.tensor(lr * factor, dtype=torch.float32).view(-1, 1))
                networks.beta.fill_(beta)
            networks.step(order[:, i * networks.batch : (i + 1) * networks.batch])
        val_acc, val_loss = networks.evaluate("val")
        test_acc, _ = networks.evaluate("test")
        measured = torch.stack([val_acc, val_loss, *(networks.trained / per_epoch), test_acc], 1)
        values = measured.double().cpu().numpy()
        curves[alive, epoch] = values[alive]
        if recipe.schedule == "cooldown":
            ends.observe(epoch + 1, (epoch + 1) * per_epoch, values[:, 0], values[:, 1])
    return {"curves": curves, "ends": ends.end, "cooled": ends.cooled}


def train_all(
    configs: Sequence[Config], recipe: Recipe, data: Data, seed: int
) -> dict[str, NDArray[np.float32]]:
    """As :func:`train`, of any configurations, in their order."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, config in enumerate(configs):
        groups.setdefault((config.z_layers, config.batch_size), []).append(i)
    out: dict[str, NDArray[np.float32]] = {}
    for number, members in enumerate(groups.values()):
        networks = Networks([configs[i] for i in members], recipe, data)
        made = train(networks, seed + number)
        for key, values in made.items():
            shape = (len(configs), *values.shape[1:])
            out.setdefault(key, np.zeros(shape, values.dtype))[members] = values
    return out
