"""A whole training of many networks, each to its own end.

When a network cools down and ends is decided as ``zmodel.callbacks.CoolDownStopping`` does it. Only
the last, smaller batch of an epoch is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from curve_tables.networks import Networks
from curve_tables.recipe import Config, Data, Recipe


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
