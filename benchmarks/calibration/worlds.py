"""Where the trials of a study come from, and what a simulated world is.

A world knows what each network truly reaches: a simulation by its formula, a table (tabled.py) by
the accuracy on test data, which no verdict reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.analysis.replay.simulate import BATCH, CHANCE, DEPTH, WIDTH, Truth

Floats = NDArray[np.float64]
Space = dict[str, BaseDistribution]
TAUS = (3.0, 5.0, 7.5, 9.5, 11.5)


@dataclass(frozen=True)
class Run:
    """A training: accuracies of the epochs that it ran, `truth`: what its best epoch reaches;
    `state`: complete, pruned or failed, with the `reason`."""

    params: dict[str, Any]
    curve: Floats
    train: Floats
    truth: float
    weights: int
    allowed: int
    cooled_from: int | None = None
    state: str = "complete"
    reason: str = ""


class Source(Protocol):
    """Of the runs of one study."""

    def at(self, params: dict[str, Any]) -> Run: ...


class World(Protocol):
    name: str
    samples: int
    majority: float

    @property
    def space(self) -> Space: ...

    @property
    def pool(self) -> list[Run]:
        """Many random runs, by which truths about the world are known."""
        ...

    def source(self, rng: np.random.Generator) -> Source: ...


def weights_of(params: dict[str, Any]) -> int:
    width, depth = int(params[WIDTH]), int(params[DEPTH])
    return 10 * width + 6 * width * depth + 3 * width * width * max(0, depth - 1)


@dataclass(frozen=True)
class Inside(Truth):
    """The best width lies inside its range, as the best learning rate does."""

    ceiling: tuple[float, ...] = (0.76, 0.86, 0.92, 0.93, 0.92)

    def reach_and_tau(self, params: dict[str, Any]) -> tuple[float, float]:
        reach, tau = super().reach_and_tau({**params, WIDTH: 64})
        off = np.log(params[WIDTH] / 18) / np.log(4)
        return max(reach - 0.03 * float(off) ** 2, 0.12), tau


@dataclass(frozen=True, eq=False)
class Simulated:
    name: str
    truth: Truth
    steady: bool = False
    """Without patience, so that an allowance counts as it is."""
    majority: float = CHANCE

    @property
    def samples(self) -> int:
        return self.truth.validated

    @property
    def space(self) -> Space:
        return {k: d for k, d in self.truth.space.items() if k != BATCH}

    @cached_property
    def pool(self) -> list[Run]:
        rng = np.random.default_rng(7)
        source = self.source(rng)
        return [source.at(random_params(self.space, rng)) for _ in range(1500)]

    def source(self, rng: np.random.Generator) -> Source:
        return SimulatedSource(self, rng)


@dataclass(frozen=True)
class SimulatedSource:
    world: Simulated
    rng: np.random.Generator

    def at(self, params: dict[str, Any]) -> Run:
        truth = self.world.truth
        reach, tau = truth.reach_and_tau(params)
        curve = truth.curve(params, self.rng, truth.epochs)
        end = truth.epochs if self.world.steady else ended(curve, truth.patience)
        real = CHANCE + (reach - CHANCE) * (1 - np.exp(-(np.arange(end) + 1) / tau))
        train = np.clip(real + 0.02, 0, 1)
        best = int(np.argmax(curve[:end]))
        return Run(params, curve[:end], train, float(real[best]), weights_of(params), truth.epochs)


def ended(curve: Floats, patience: int) -> int:
    """The epochs after which patience ends a run."""
    best = 0
    for epoch, value in enumerate(curve):
        if value > curve[best]:
            best = epoch
        elif epoch - best >= patience:
            return epoch + 1
    return len(curve)


def random_params(space: Space, rng: np.random.Generator) -> dict[str, Any]:
    drawn: dict[str, Any] = {}
    for name, dist in space.items():
        if isinstance(dist, CategoricalDistribution):
            drawn[name] = dist.choices[int(rng.integers(len(dist.choices)))]
        elif isinstance(dist, IntDistribution) and not dist.log:
            drawn[name] = int(rng.integers(dist.low, dist.high + 1))
        else:
            assert isinstance(dist, IntDistribution | FloatDistribution)
            log = dist.log
            low, high = (np.log(dist.low), np.log(dist.high)) if log else (dist.low, dist.high)
            value = rng.uniform(low, high)
            value = float(np.exp(value)) if log else float(value)
            drawn[name] = round(value) if isinstance(dist, IntDistribution) else value
    return drawn


SIMULATED = {
    "deep": Inside(),
    "bump": Inside(ceiling=(0.76, 0.86, 0.93, 0.86, 0.76), tau=TAUS),
    "late": Inside(ceiling=(0.80, 0.84, 0.88, 0.92, 0.93), tau=(3.0, 6.0, 9.0, 12.0, 13.0)),
    "equal": Inside(ceiling=(0.9,) * 5, tau=(5.0,) * 5),
}


def simulated(steady: bool = False) -> list[World]:
    more = {"epochs": 150} if steady else {}
    return [Simulated(name, replace(truth, **more), steady) for name, truth in SIMULATED.items()]
