"""The rules that a replay compares: what studies usually do, and the rule of the sweeper."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from curve_tables.simulation import Rule, Step, Study, Trial
from zmodel.sweep.stopping.depth_halving import DepthHalving
from zmodel.sweep.stopping.standings import Standing, Standings


class NoStopping:
    """Every trial runs to its own end."""

    def next(self, study: Study) -> Step | None:
        return Step(study.table.epochs)

    def reached(self, study: Study, trial: Trial) -> int | None:
        return None


class Percentile(NoStopping):
    """Optuna's PercentilePruner: stop below a percentile of the completed trials at that epoch."""

    def __init__(self, kept: float = 50, startup: int = 5, own_depth: bool = False) -> None:
        self.kept, self.startup, self.own_depth = kept, startup, own_depth
        self.complete: dict[int, int] = {}
        """Depths by row."""
        self.doomed: set[int] = set()
        self.limits: dict[tuple[int, int], NDArray[np.float64]] = {}
        """Of every epoch, by group and number of completed trials."""

    def next(self, study: Study) -> Step | None:
        return Step(1)

    def reached(self, study: Study, trial: Trial) -> int | None:
        if trial.state == "complete":
            if trial.row not in self.complete:
                self.complete[trial.row] = trial.depth
            return None
        if trial.epochs and trial.number in self.doomed:
            trial.state = "stopped"
            return None
        stop = self._stop(study, trial)
        if stop is None:
            return study.table.epochs
        if stop == trial.epochs:
            trial.state = "stopped"
            return None
        self.doomed.add(trial.number)
        return stop

    def _stop(self, study: Study, trial: Trial) -> int | None:
        """The epoch, from now on, at which it is stopped by what is complete by now."""
        peers = [r for r, d in self.complete.items() if not self.own_depth or d == trial.depth]
        if len(peers) < self.startup:
            return None
        group, now = trial.depth if self.own_depth else 0, trial.epochs - 1
        if (group, len(peers)) not in self.limits:
            longest = study.table.length[peers].max()
            values = study.table.curves[peers, :longest, 0]
            self.limits[group, len(peers)] = np.nanpercentile(values, 100 - self.kept, axis=0)
        limits = self.limits[group, len(peers)][now:]
        below = study.table.best[trial.row, now : now + len(limits)] < limits
        return trial.epochs + int(below.argmax()) if below.any() else None


class SuccessiveHalving(NoStopping):
    """Optuna's SuccessiveHalvingPruner, ASHA: at each rung a trial goes on that is among the best
    1/`factor` of those that have come so far; the others stop for good."""

    def __init__(self, first: int = 1, factor: int = 4) -> None:
        self.first, self.factor = first, factor
        self.rungs: dict[int, list[float]] = defaultdict(list)

    def next(self, study: Study) -> Step | None:
        return Step(self.first)

    def reached(self, study: Study, trial: Trial) -> int | None:
        if trial.state == "complete":
            return None
        values = self.rungs[trial.epochs]
        values.append(study.best(trial))
        top = sorted(values, reverse=True)[: max(1, len(values) // self.factor)]
        if study.best(trial) < top[-1]:
            trial.state = "stopped"
            return None
        return trial.epochs * self.factor


class Hyperband(NoStopping):
    """Optuna's HyperbandPruner: brackets of successive halving, each with another first rung."""

    def __init__(self, factor: int = 3) -> None:
        self.factor = factor
        self.brackets: list[SuccessiveHalving] = []
        self.of: dict[int, SuccessiveHalving] = {}

    def next(self, study: Study) -> Step | None:
        if not self.brackets:
            count = int(math.log(study.table.epochs, self.factor)) + 1
            self.brackets = [SuccessiveHalving(self.factor**s, self.factor) for s in range(count)]
        count = len(self.brackets)
        shares = np.array([math.ceil(count * self.factor ** (count - s - 1) / (count - s))
                           for s in range(count)], float)  # fmt: skip
        bracket = self.brackets[int(study.rng.choice(count, p=shares / shares.sum()))]
        self.of[len(study.trials)] = bracket
        return bracket.next(study)

    def reached(self, study: Study, trial: Trial) -> int | None:
        return self.of[trial.number].reached(study, trial)


class OneEpoch:
    """i-Epoch (arXiv 2404.04111): all trials run for `epochs`, then the best one to its end, then
    the next best while the budget lasts; as many trials as half of the budget pays for."""

    def __init__(self, epochs: int = 1) -> None:
        self.epochs = epochs

    def next(self, study: Study) -> Step | None:
        first = study.table.epochs
        many = max(1, (study.budget - first) // self.epochs)
        many = min(many, len(study.table.depth))
        if len(study.trials) < many:
            return Step(self.epochs)
        paused = [t for t in study.trials if t.state == "paused"]
        if not paused:
            return None
        return Step(study.table.epochs, max(paused, key=lambda t: (study.best(t), -t.number)))

    def reached(self, study: Study, trial: Trial) -> int | None:
        trial.state = "paused" if trial.state == "running" else trial.state
        return None


class FreezeThaw:
    """Pauses everywhere; the trial with the best forecast goes on, every third step is a new one.

    Forecast: the best so far and half of what the second half of the curve has gained, as an
    exponential curve would have it (after Swersky et al. 2014, without their Gaussian process).
    """

    def __init__(self, share: float = 0.04) -> None:
        self.share = share
        self.steps = 0

    def next(self, study: Study) -> Step | None:
        length = max(1, round(self.share * study.table.epochs))
        self.steps += 1
        paused = [t for t in study.trials if t.state == "paused"]
        if not paused or self.steps % 3 == 0:
            return Step(length)
        best = max(paused, key=lambda t: (self._forecast(study, t), -t.number))
        return Step(best.epochs + length, best)

    def _forecast(self, study: Study, trial: Trial) -> float:
        before = study.best(trial, max(1, trial.epochs // 2))
        return study.best(trial) + 0.5 * (study.best(trial) - before)

    def reached(self, study: Study, trial: Trial) -> int | None:
        trial.state = "paused" if trial.state == "running" else trial.state
        return None


class Halving:
    """The rule of the sweeper, as the sweeper asks it."""

    def __init__(self, within: bool = True, **constants: float) -> None:
        self.rule = DepthHalving(**constants)  # type: ignore[arg-type]
        self.within = within
        self.now: Standings | None = None

    def next(self, study: Study) -> Step | None:
        if self.now is None:
            rungs = self.rule.rungs(study.table.epochs)
            self.now = Standings(rungs, sorted(study.pool) if self.within else [0], maximize=True)
        step = self.rule.next_step(self.now, study.budget, int(study.rng.integers(2**31)))
        if step is None:
            return None
        number = len(study.trials) if step.trial is None else step.trial
        old = None if step.trial is None else study.trials[step.trial]
        best = () if old is None else self._best(study, old)
        epochs = 0 if old is None else old.epochs
        group = step.group
        control = step.control or (old is not None and old.control)
        self.now.put(Standing(number, group, "running", epochs, best, step.until, control))
        depth = step.group if self.within else None
        return Step(step.until, old, depth, step.control)  # type: ignore[arg-type]

    def reached(self, study: Study, trial: Trial) -> int | None:
        assert self.now is not None
        trial.state = "paused" if trial.state == "running" else trial.state
        state = "complete" if trial.state == "complete" else "paused"
        group = trial.depth if self.within else 0
        self.now.put(
            Standing(trial.number, group, state, trial.epochs,  # type: ignore[arg-type]
                     self._best(study, trial), 0, trial.control)
        )  # fmt: skip
        return None

    def _best(self, study: Study, trial: Trial) -> tuple[float, ...]:
        assert self.now is not None
        return tuple(study.best(trial, r) for r in self.now.rungs if r <= trial.epochs)


class Oracle(NoStopping):
    """Knows after one epoch how a trial ends; runs the best one of as many as half the budget
    pays for, then the next best: what no rule can do."""

    def next(self, study: Study) -> Step | None:
        many = max(1, (study.budget - study.table.epochs))
        if len(study.trials) < min(many, len(study.table.depth)):
            return Step(1)
        paused = [t for t in study.trials if t.state == "paused"]
        if not paused:
            return None
        best = max(paused, key=lambda t: (study.table.best[t.row, -1], -t.number))
        return Step(study.table.epochs, best)

    def reached(self, study: Study, trial: Trial) -> int | None:
        trial.state = "paused" if trial.state == "running" else trial.state
        return None


USUAL: dict[str, Callable[[], Rule]] = {
    "none": NoStopping,
    "median": Percentile,
    "percentile 25": lambda: Percentile(25),
    "ASHA, stops": SuccessiveHalving,
    "ASHA, stops, by 2": lambda: SuccessiveHalving(factor=2),
    "ASHA, pauses": lambda: Halving(
        within=False, first_rung=1e-9, factor=4, survivors=0.25, guarantee=0, control_every=0
    ),
    "Hyperband": Hyperband,
    "1-Epoch": OneEpoch,
    "freeze-thaw": FreezeThaw,
}
OURS: dict[str, Callable[[], Rule]] = {
    "median of the depth": lambda: Percentile(own_depth=True),
    "halving, all depths": lambda: Halving(within=False, guarantee=0, control_every=0),
    "depth_halving": Halving,
}
