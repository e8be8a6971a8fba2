"""The learning curve of any configuration, estimated from a table.

A sampler that closes in on good values soon asks for a configuration that is no row of the table.
So Gaussian processes are fitted to the rows (surrogate benchmarks: Eggensperger et al., AAAI 2015),
one for the best validation accuracy after each of some epochs, on the logit scale. What they leave
unexplained is the noise of a run, which lifts or lowers the whole curve.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from curve_tables.settings import DEPTHS, DROPOUT, WIDTH, Setting
from curve_tables.table import Table

KNOTS = (1, 2, 3, 4, 5, 8, 10, 16, 20, 32, 40, 64, 80, 120)
BATCH_SIZE = 100
LOGARITHMIC = (1, 2, 3, 5)
"""Columns of a table's configurations: width, learning rate, weight decay, batch size."""


class Surrogate:
    """`space`: what may be searched, the batch size aside. `epochs`: of every run."""

    def __init__(self, table: Table, setting: Setting) -> None:
        self.epochs = table.epochs
        places = _scaled(table.config[:, :7])
        self._low, self._span = places.min(0), np.ptp(places, axis=0)
        self._rows = self._placed(places)
        knots = sorted({knot for knot in KNOTS if knot < table.epochs} | {table.epochs})
        self._knots = np.log(knots)
        self._fits = [_Fit(self._rows, _logit(table.best[:, knot - 1])) for knot in knots]
        self.space: Mapping[str, BaseDistribution] = {
            "z_layers": IntDistribution(DEPTHS[0], DEPTHS[-1]),
            "width": IntDistribution(*WIDTH, log=True),
            "lr": FloatDistribution(*setting.lr, log=True),
            "weight_decay": FloatDistribution(*setting.weight_decay, log=True),
            "dropout": FloatDistribution(*DROPOUT),
            "max_shift": IntDistribution(0, setting.max_shift),
        }

    def run(self, params: Mapping[str, float], rng: np.random.Generator) -> NDArray[np.float64]:
        """Best validation accuracy so far after each epoch of one run."""
        noise, place = rng.normal(), self._place(params)
        at_knots = [fit.mean(place) + noise * fit.noise for fit in self._fits]
        curve = np.interp(np.log(np.arange(1, self.epochs + 1)), self._knots, at_knots)
        return np.maximum.accumulate(1 / (1 + np.exp(-curve)))

    def worth(self, params: Mapping[str, float]) -> float:
        """Accuracy at the end, without the noise of a run."""
        return 1 / (1 + math.exp(-self._fits[-1].mean(self._place(params))))

    def _place(self, params: Mapping[str, float]) -> NDArray[np.float64]:
        names = ("z_layers", "width", "lr", "weight_decay", "dropout")
        row = [*(params[name] for name in names), BATCH_SIZE, params["max_shift"]]
        return self._placed(_scaled(np.array([row], float)))

    def _placed(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        return (scaled - self._low) / np.where(self._span > 0, self._span, 1)


class _Fit:
    """A Gaussian process; `noise`: standard deviation of what it does not explain."""

    def __init__(self, rows: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        self._mean, self._scale = values.mean(), values.std()
        kernel = ConstantKernel() * Matern(np.full(rows.shape[1], 0.7), (0.1, 100), nu=2.5)
        process = GaussianProcessRegressor(kernel + WhiteKernel(0.1, (1e-4, 2)))
        with warnings.catch_warnings():
            # a parameter without any effect has the longest length scale allowed
            warnings.simplefilter("ignore", ConvergenceWarning)
            process.fit(rows, (values - self._mean) / self._scale)
        self._rows, self._weights = rows, process.alpha_
        self._kernel = process.kernel_.k1
        self.noise = math.sqrt(process.kernel_.k2.noise_level) * self._scale

    def mean(self, place: NDArray[np.float64]) -> float:
        near = self._kernel(place, self._rows)
        return float((near @ self._weights)[0] * self._scale + self._mean)


def _scaled(config: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = config.astype(float).copy()
    scaled[:, LOGARITHMIC] = np.log(scaled[:, LOGARITHMIC])
    return scaled


def _logit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    share = np.clip(share, 0.02, 0.998)
    return np.log(share / (1 - share))
