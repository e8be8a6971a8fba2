"""A world of real learning curves: the tables that benchmarks/curves.py makes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution, IntDistribution

from calibration.worlds import Floats, Run, Source, Space, World, weights_of
from zmodel.analysis.replay.simulate import BATCH, DEPTH, LR, WIDTH

SAMPLES = {"mnist1d": 800, "signals": 800, "digits": 287, "pendigits": 1500, "letter": 3202}
"""Validation samples, by the data."""


@dataclass(frozen=True, eq=False)
class Tabled:
    """Rows of a table, without repeats; a proposal takes the nearest of its depth, and the trial
    records the parameters of that network."""

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

    def within(self, name: str, low: float, high: float) -> Tabled:
        """The table of the rows whose parameter lies there."""
        values = self.config[:, self.names.index(name)]
        rows = np.flatnonzero((low <= values) & (values <= high))
        return replace(
            self, config=self.config[rows], curves=self.curves[rows], ends=self.ends[rows],
            cooled=self.cooled[rows],
        )  # fmt: skip

    def run(self, row: int) -> Run:
        end = int(self.ends[row])
        val, train, test = (self.curves[row, :end, k] for k in (0, 3, 4))
        own = {
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
        return world.run(row)


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


def tables_in(folder: Path) -> list[Path]:
    """The tables of a folder; the data that they were made of lie beside them."""
    return [path for path in sorted(folder.glob("*.npz")) if not path.stem.startswith("data_")]


def tables(folders: list[Path]) -> list[World]:
    """Those of the folders whose networks all learn: with others the table has faults itself."""
    found = [table(path) for folder in folders for path in tables_in(folder)]
    return [t for t in found if np.mean([run.curve.max() < 0.15 for run in t.pool]) < 0.01]
