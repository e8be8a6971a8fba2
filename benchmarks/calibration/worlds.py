"""Where the trials of a study come from: a simulation, or a table of real learning curves.

Both know what each network truly reaches: the simulation by its formula, a table by the accuracy
on test data, which no verdict reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.analysis.replay.simulate import BATCH, CHANCE, DEPTH, LR, WIDTH, Truth

Floats = NDArray[np.float64]
Space = dict[str, BaseDistribution]
SAMPLES = {"mnist1d": 800, "signals": 800, "digits": 287, "pendigits": 1500, "letter": 3202}
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


# --- simulated ---


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


# --- tables ---


@dataclass(frozen=True, eq=False)
class Tabled:
    """Rows of a table, without repeats; a proposal takes the nearest of its depth."""

    name: str
    config: Floats
    curves: Floats
    ends: NDArray[np.int64]
    cooled: NDArray[np.int64]
    samples: int
    majority: float
    names: tuple[str, ...] = field(default=(DEPTH, WIDTH, LR, "wd", "dropout", BATCH, "shift"))

    @property
    def space(self) -> Space:
        low, high = self.config.min(0), self.config.max(0)
        found: Space = {
            DEPTH: IntDistribution(1, 5),
            WIDTH: IntDistribution(int(low[1]), int(high[1]), log=True),
            LR: FloatDistribution(low[2], high[2], log=True),
            "wd": FloatDistribution(low[3], high[3], log=True),
            "dropout": FloatDistribution(0.0, 0.3),
        }
        return found

    @cached_property
    def pool(self) -> list[Run]:
        return [self.run(row) for row in range(len(self.config))]

    def run(self, row: int, params: dict[str, Any] | None = None) -> Run:
        end = int(self.ends[row])
        val, train, test = (self.curves[row, :end, k] for k in (0, 3, 4))
        own = params or {
            name: int(v) if name in (DEPTH, WIDTH) else float(v)
            for name, v in zip(self.names, self.config[row], strict=False)
            if name in self.space
        }
        cooled = int(self.cooled[row])
        return Run(
            own, val, train, float(test[int(np.argmax(val))]), weights_of(own),
            self.curves.shape[1], cooled if cooled >= 0 else None,
        )  # fmt: skip

    @cached_property
    def places(self) -> Floats:
        return self.unit(self.config[:, :5])

    def unit(self, rows: Floats) -> Floats:
        scaled, ref = np.array(rows), np.array(self.config[:, :5])
        scaled[:, 1:4], ref[:, 1:4] = np.log(scaled[:, 1:4]), np.log(ref[:, 1:4])
        return (scaled - ref.min(0)) / (ref.max(0) - ref.min(0))

    def source(self, rng: np.random.Generator) -> Source:
        return TabledSource(self, set(range(len(self.config))))


@dataclass(frozen=True)
class TabledSource:
    world: Tabled
    left: set[int]

    def at(self, params: dict[str, Any]) -> Run:
        world = self.world
        point = np.array([[params[name] for name in world.names[:5]]], dtype=float)
        rows = np.array([r for r in self.left if world.config[r, 0] == params[DEPTH]])
        far = ((world.places[rows] - world.unit(point)) ** 2).sum(1)
        row = int(rows[int(far.argmin())])
        self.left.discard(row)
        return world.run(row, params)


def table(path: Path) -> Tabled:
    with np.load(path) as file:
        config, curves = file["config"].astype(float), file["curves"].astype(float)
        whole = np.full(len(config), curves.shape[1])
        ends = file.get("ends", whole)
        cooled = file.get("cooled", whole * 0 - 1)
    data = path.stem.split("_")[0]
    many = data == "letter"
    return Tabled(
        path.stem, config[:, :7], curves, ends, cooled, SAMPLES[data], 0.04 if many else 0.12
    )


def tables(folders: list[Path]) -> list[World]:
    """Those of the folders whose networks all learn: with others the table has faults itself."""
    paths = [p for folder in folders for p in sorted(folder.glob("*.npz"))]
    found = [table(p) for p in paths if not p.stem.startswith("data_")]
    return [t for t in found if np.mean([run.curve.max() < 0.15 for run in t.pool]) < 0.01]
