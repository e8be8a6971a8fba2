"""Scores, intervals and worst samples of a tested regression.

Shapes: S seeds, N test samples, T targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
WORST = 10


@dataclass(frozen=True)
class Estimates:
    """What :class:`zmodel.callbacks.save_predictions.SavePredictions` wrote for one seed."""

    predicted: NDArray[np.float32]
    true: NDArray[np.float32]
    targets: tuple[str, ...]
    weights: NDArray[np.float32] | None = None
    """(N,) by which samples count; None: all alike."""

    @classmethod
    def read(cls, path: Path) -> Estimates:
        with np.load(path, allow_pickle=False) as file:
            targets = tuple(map(str, file["targets"]))
            return cls(file["predicted"], file["true"], targets, file.get("weights"))

    @property
    def outputs(self) -> NDArray[np.float32]:
        """What a deployed model gives."""
        return self.predicted


def scores_of(estimates: Sequence[Estimates]) -> dict[str, dict[str, Any]]:
    """``mse``, ``mae`` and ``r2``, means over targets and seeds, with 95 % intervals.

    An interval holds the middle 95 % of the scores of DRAWS draws, with replacement, of both the
    seeds and the test samples: what other seeds and other samples would have given. It is on the
    wide side: where the seeds err apart from each other, that part counts more than once.
    """
    true = estimates[0].true.astype(np.float64)
    errors = np.stack([e.predicted for e in estimates]).astype(np.float64) - true  # (S, N, T)
    squares, sizes = errors**2, np.abs(errors)
    seeds, samples, rng = len(errors), len(true), np.random.default_rng(0)

    def scores(s: NDArray[np.float64], n: NDArray[np.float64]) -> list[float]:
        """Under a weight per seed and per sample, each of sum 1."""
        mse, mae = (n @ np.tensordot(s, part, 1) for part in (squares, sizes))
        spread = n @ (true - n @ true) ** 2
        r2 = 1 - mse / np.maximum(spread, np.finfo(float).tiny)
        return [float(mse.mean()), float(mae.mean()), float(r2.mean())]

    def drawn(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        count = len(weights)
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        return times * weights / (times @ weights)

    alike, given = np.ones(seeds), estimates[0].weights
    counting = np.ones(samples) if given is None else given.astype(np.float64)
    found = scores(alike / seeds, counting / counting.sum())
    draws = np.array([scores(drawn(alike), drawn(counting)) for _ in range(DRAWS)])
    ends = np.quantile(draws, (0.025, 0.975), axis=0)
    return {
        name: {"mean": found[i], "ci": [float(ends[0, i]), float(ends[1, i])]}
        for i, name in enumerate(("mse", "mae", "r2"))
    }


def worst(estimates: Sequence[Estimates], most: int = WORST) -> list[dict[str, Any]]:
    """The samples whose predictions are furthest off.

    Predictions are means over seeds, errors are in deviations of the target. `spread` is the
    standard deviation of the prediction over seeds."""
    true, targets = estimates[0].true.astype(np.float64), estimates[0].targets
    every = np.stack([e.predicted for e in estimates]).astype(np.float64)
    mean, spread = every.mean(0), every.std(0)
    size = np.abs(mean - true) / np.maximum(true.std(0), np.finfo(float).tiny)
    order = np.argsort(-size, axis=None, kind="stable")[:most]
    return [
        {
            "sample": int(k) // len(targets),
            "target": targets[int(k) % len(targets)],
            "true": float(true.flat[k]),
            "predicted": float(mean.flat[k]),
            "error": float(mean.flat[k] - true.flat[k]),
            "spread": float(spread.flat[k]),
        }
        for k in order
    ]
