"""A table of learning curves: its file, and what a replay reads from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curve_tables.recipe import Config


def save(path: Path, configs: Sequence[Config], made: dict[str, NDArray[Any]]) -> None:
    """`made`: curves (n, epochs, 5) that are NaN after the end of a run; ends, cooled (n,)."""
    rows = np.array([list(asdict(config).values()) for config in configs])
    np.savez_compressed(path, config=rows, **made)


class Table:
    """`length` (n,): epochs of each run. `best`, `test` (n, epochs): best validation accuracy so
    far, and the test accuracy of the epoch kept; after its end a run stays as it ended."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as file:
            config, curves = file["config"], file["curves"].astype(float)
            ends = file["ends"] if "ends" in file else np.full(len(config), curves.shape[1])
            self.unit = file.get("unit")
            """Configurations in a unit cube, of a table from a study."""
            self.cooled = file["cooled"] if "cooled" in file else np.full(len(config), -1)
        self.config = config
        self.depth = config[:, 0].astype(int)
        self.length = ends.astype(int)
        self.epochs = curves.shape[1]
        self.curves = curves
        self.val = np.where(np.isnan(curves[:, :, 0]), -1.0, curves[:, :, 0])
        self.best = np.maximum.accumulate(self.val, 1)
        kept = kept_epochs(self.val, curves[:, :, 1])
        self.test = np.take_along_axis(curves[:, :, 4], kept, 1)


def kept_epochs(accuracy: NDArray[np.float64], loss: NDArray[np.float64]) -> NDArray[np.int64]:
    """Up to each epoch the one whose weights are kept, both (n, epochs): the best accuracy, of
    equal ones the lowest loss (`callbacks.checkpoint.loss`)."""
    count = accuracy.shape[1]
    kept = np.zeros(accuracy.shape, int)
    rows = np.arange(len(accuracy))
    for epoch in range(1, count):
        last = kept[:, epoch - 1]
        gain = accuracy[:, epoch] - accuracy[rows, last]
        lower = loss[:, epoch] < loss[rows, last]
        kept[:, epoch] = np.where((gain > 0) | ((gain == 0) & lower), epoch, last)
    return kept
