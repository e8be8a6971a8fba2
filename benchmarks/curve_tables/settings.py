"""What the tables are of: data, network, training, and the space that configurations come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from curve_tables.recipe import Config, Recipe

DEPTHS = (1, 2, 3, 4, 5)
WIDTH = (16, 96)
DROPOUT = (0.0, 0.3)
BATCH_SIZES = (50, 100, 200)


@dataclass(frozen=True)
class Setting:
    """The data, the recipe, and the ranges that depend on them."""

    data: str
    recipe: Recipe
    lr: tuple[float, float] = (1e-3, 3e-2)
    weight_decay: tuple[float, float] = (1e-6, 1e-2)
    max_shift: int = 4

    def configs(self, n: int, seed: int = 0) -> list[Config]:
        """`n` random ones: each depth with each batch size equally often."""
        rng = np.random.default_rng(seed)
        cells = [(depth, size) for depth in DEPTHS for size in BATCH_SIZES]
        return [self._config(rng, *cells[i % len(cells)]) for i in range(n)]

    def _config(self, rng: np.random.Generator, depth: int, batch_size: int) -> Config:
        return Config(
            z_layers=depth,
            width=int(np.exp(rng.uniform(np.log(WIDTH[0]), np.log(WIDTH[1] + 1)))),
            lr=_log_uniform(rng, *self.lr),
            weight_decay=_log_uniform(rng, *self.weight_decay),
            dropout=float(rng.uniform(*DROPOUT)),
            batch_size=batch_size,
            max_shift=int(rng.integers(0, self.max_shift + 1)),
            seed=int(rng.integers(2**31)),
        )


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


SHIPPED = Recipe(batch_norm=True, decoupled=True, label_smoothing=0.1)
PLAIN = Recipe()
LONG = {"patience": 15, "cooldown": 0.5, "epochs": 120}
STRONG = {"weight_decay": (1e-3, 0.3)}
SMALL_IMAGES = {"kernels": (3,)}

SETTINGS = {
    "mnist1d": Setting("mnist1d", SHIPPED, **STRONG),
    "mnist1d_onecycle": Setting(
        "mnist1d", replace(SHIPPED, schedule="onecycle", epochs=40), **STRONG
    ),
    "mnist1d_sigmoid": Setting("mnist1d", replace(PLAIN, activation="sigmoid", **LONG)),
    "mnist1d_tanh": Setting("mnist1d", replace(PLAIN, activation="tanh"), lr=(1e-4, 1e-1)),
    "mnist1d_relu": Setting("mnist1d", PLAIN),
    "digits_relu": Setting("digits", replace(PLAIN, **SMALL_IMAGES), max_shift=2),
    "digits_sigmoid": Setting(
        "digits", replace(PLAIN, activation="sigmoid", **SMALL_IMAGES, **LONG), max_shift=2
    ),
    "signals": Setting("signals", SHIPPED, **STRONG),
    "pendigits": Setting("pendigits", replace(SHIPPED, **SMALL_IMAGES), **STRONG, max_shift=0),
    "letter_dense": Setting("letter", replace(PLAIN, dense=True), max_shift=0),
}
"""No rule was replayed on the last three until ours was chosen."""

LOW = {"lr": (1e-5, 1e-2)}
FOR_VERDICTS = {
    "pendigits_low": Setting(
        "pendigits", replace(SHIPPED, **SMALL_IMAGES), **STRONG, **LOW, max_shift=0
    ),
    "mnist1d_low": Setting("mnist1d", SHIPPED, **STRONG, **LOW),
    "mnist1d_tanhnorm": Setting(
        "mnist1d", replace(SHIPPED, activation="tanh"), lr=(1e-5, 1e-1), **STRONG
    ),
    "signals_tanh": Setting("signals", replace(PLAIN, activation="tanh"), lr=(1e-4, 1e-1)),
    "digits_low": Setting("digits", replace(SHIPPED, **SMALL_IMAGES), **STRONG, **LOW, max_shift=2),
}
"""Where the learning rate matters more; no stopping rule is replayed on them."""
