"""Simulated studies whose true best values are known.

The thresholds of the verdicts are calibrated on them.

The simulated network learns as the real one does on MNIST-1D (docs/measured/verdicts.md): every
further z-layer raises what can be reached, and slows the start. Its curve is

    accuracy(epoch) = chance + (reach - chance) * (1 - exp(-(epoch + 1) / tau[z]))
    reach           = ceiling[z] - what a bad learning rate and a small width cost

plus noise per epoch. The best depth is known, so it is known whether a study missed it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.analysis.statistics.quiet import quiet
from zmodel.core.never_learned import never_learned
from zmodel.study.records import StudyRecord, load_study

DEPTH = "model.z_layers"
LR = "model.optimizer.lr"
WIDTH = "model.width"
BATCH = "data.batch_size"
CHANCE = 0.1


@dataclass(frozen=True)
class Truth:
    """What each depth can reach and how fast; the defaults follow the curves of MNIST-1D."""

    low: int = 1
    ceiling: tuple[float, ...] = (0.76, 0.86, 0.92, 0.93, 0.93)
    tau: tuple[float, ...] = (3.0, 5.0, 7.5, 9.5, 11.5)
    noise: float = 0.006
    best_lr: float = 1e-2
    epochs: int = 60
    patience: int = 8
    validated: int = 800
    """Samples, of as many classes as chance says."""

    @property
    def depths(self) -> range:
        return range(self.low, self.low + len(self.ceiling))

    @property
    def space(self) -> dict[str, BaseDistribution]:
        return {
            DEPTH: IntDistribution(self.depths[0], self.depths[-1]),
            WIDTH: IntDistribution(4, 64, log=True),
            LR: FloatDistribution(1e-4, 1e-1, log=True),
            BATCH: CategoricalDistribution([32, 64, 128]),
        }

    def reach_and_tau(self, params: dict) -> tuple[float, float]:
        """The accuracy that a trial tends to, and the epochs in which it comes 63 % of the way."""
        at = params[DEPTH] - self.low
        off = math.log10(params[LR] / self.best_lr)
        # too large a step hurts deep networks most, too small a one mainly slows
        narrow = 0.05 * (1 - math.log(params[WIDTH] / 4) / math.log(16))
        reach = self.ceiling[at] - narrow - 0.06 * off**2 - (0.08 * at * off if off > 0 else 0)
        return max(reach, 0.12), self.tau[at] * (1 + 1.2 * max(0.0, -off))

    def left(self, params: dict) -> float:
        """What a trial had still to gain when its epochs ended."""
        reach, tau = self.reach_and_tau(params)
        return (reach - CHANCE) * math.exp(-self.epochs / tau)

    def curve(self, params: dict, rng: np.random.Generator, epochs: int) -> np.ndarray:
        """Validation accuracy of epochs 0 to `epochs` - 1."""
        reach, tau = self.reach_and_tau(params)
        rise = 1 - np.exp(-(np.arange(epochs) + 1) / tau)
        return np.clip(CHANCE + (reach - CHANCE) * rise + rng.normal(0, self.noise, epochs), 0, 1)


def simulate(
    truth: Truth,
    n_trials: int,
    seed: int,
    sampler: optuna.samplers.BaseSampler | None = None,
    pruner: optuna.pruners.BasePruner | None = None,
    stop_early: bool = True,
    floor: int = 0,
    name: str = "simulated",
    storage: optuna.storages.BaseStorage | None = None,
) -> StudyRecord:
    """A study of `n_trials` run with Optuna's own sampler and pruner on simulated curves.

    `floor` forces depths that are behind until each has that many trials. With `stop_early` a
    trial ends `truth.patience` epochs after its best; else it runs all its epochs.
    """
    storage = storage or optuna.storages.InMemoryStorage()
    with quiet():
        study = optuna.create_study(
            study_name=name,
            direction="maximize",
            storage=storage,
            sampler=sampler or optuna.samplers.RandomSampler(seed=seed),
            pruner=pruner or optuna.pruners.NopPruner(),
        )
        rng = np.random.default_rng(seed)
        counts = dict.fromkeys(truth.depths, 0)
        for number in range(n_trials):
            behind = [z for z, n in counts.items() if n < floor] if number % 2 else []
            if behind:
                study.enqueue_trial(
                    {DEPTH: min(behind, key=lambda z: counts[z])}, user_attrs={"forced": [DEPTH]}
                )
            trial = study.ask(truth.space)
            _run(study, trial, truth, truth.curve(trial.params, rng, truth.epochs), stop_early)
            counts[trial.params[DEPTH]] += 1
    return load_study(name, storage)


def _run(
    study: optuna.Study,
    trial: optuna.Trial,
    truth: Truth,
    curve: np.ndarray,
    stop_early: bool,
) -> None:
    best, best_epoch = -math.inf, 0
    for epoch, value in enumerate(map(float, curve)):
        trial.report(value, epoch)
        if value > best:
            best, best_epoch = value, epoch
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
        if stop_early and epoch - best_epoch >= truth.patience:
            break
    for key, value in {
        "epochs": epoch + 1,
        "best_epoch": best_epoch,
        "max_epochs": truth.epochs,
        "stopped_early": epoch + 1 < truth.epochs,
        "validated": truth.validated,
        "majority": CHANCE,
        "never_learned": never_learned(best, [truth.validated // 10] * round(1 / CHANCE)),
    }.items():
        trial.set_user_attr(key, value)
    study.tell(trial, best)
