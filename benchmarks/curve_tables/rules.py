"""The rules that a replay compares: what studies usually do, and the rule of the sweeper."""

from __future__ import annotations

import heapq
import math
from bisect import insort
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from curve_tables.simulation import Rule, Step, Study, Trial
from zmodel.sweep.stopping.depth_halving import DepthHalving
from zmodel.sweep.stopping.standings import Standing, Standings
from zmodel.sweep.stopping.standings import State as Known


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
            self.limits[group, len(peers)] = _percentile(values, 100 - self.kept)
        limits = self.limits[group, len(peers)][now:]
        below = study.table.best[trial.row, now : now + len(limits)] < limits
        return trial.epochs + int(below.argmax()) if below.any() else None


def _percentile(values: NDArray[np.float64], q: float) -> NDArray[np.float64]:
    """Of each column without its NaNs; as `numpy.nanpercentile`, which is slow for many columns."""
    ranked, columns = np.sort(values, axis=0), np.arange(values.shape[1])
    place = q / 100 * ((~np.isnan(values)).sum(0) - 1)
    below = np.floor(place).astype(int)
    low, high = ranked[below, columns], ranked[np.ceil(place).astype(int), columns]
    return low + (high - low) * (place - below)


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
        insort(values, study.best(trial))
        if study.best(trial) < values[-max(1, len(values) // self.factor)]:
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


class Pausing:
    """What a trial waits for is decided when a worker is free."""

    def reached(self, study: Study, trial: Trial) -> int | None:
        trial.state = "paused" if trial.state == "running" else trial.state
        return None


class OneEpoch(Pausing):
    """i-Epoch (arXiv 2404.04111): all trials run for one epoch, then the best one to its end, then
    the next best while the budget lasts; as many trials as leave the epochs of one whole run."""

    def next(self, study: Study) -> Step | None:
        many = min(max(1, study.budget - study.table.epochs), len(study.table.depth))
        if len(study.trials) < many:
            return Step(1)
        paused = [t for t in study.trials if t.state == "paused"]
        if not paused:
            return None
        best = max(paused, key=lambda t: (self.promise(study, t), -t.number))
        return Step(study.table.epochs, best)

    def promise(self, study: Study, trial: Trial) -> float:
        return study.best(trial)


class Oracle(OneEpoch):
    """Knows after one epoch how a trial ends on validation: what no rule can do."""

    def promise(self, study: Study, trial: Trial) -> float:
        return float(study.table.best[trial.row, -1])


class FreezeThaw(Pausing):
    """Pauses everywhere; the trial with the best forecast goes on, every third step is a new one.

    Forecast: the best so far and half of what the second half of the curve has gained, as an
    exponential curve would have it (after Swersky et al. 2014, without their Gaussian process).
    """

    def __init__(self, share: float = 0.04) -> None:
        self.share = share
        self.steps = 0
        self.paused: list[tuple[float, int]] = []
        """A heap: the best forecast first."""

    def next(self, study: Study) -> Step | None:
        length = max(1, round(self.share * study.table.epochs))
        self.steps += 1
        if not self.paused or self.steps % 3 == 0:
            return Step(length)
        trial = study.trials[heapq.heappop(self.paused)[1]]
        return Step(trial.epochs + length, trial)

    def reached(self, study: Study, trial: Trial) -> int | None:
        super().reached(study, trial)
        if trial.state == "paused":
            before = study.best(trial, max(1, trial.epochs // 2))
            forecast = study.best(trial) + 0.5 * (study.best(trial) - before)
            heapq.heappush(self.paused, (-forecast, trial.number))
        return None


class Halving(Pausing):
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
        if step.trial is None:
            number, spared = len(study.trials), step.control
            self.now.put(Standing(number, step.group, "running", until=step.until, spared=spared))
            return Step(step.until, None, step.group if self.within else None)  # type: ignore[arg-type]
        trial = study.trials[step.trial]
        self._put(self.now, study, trial, "running", step.until)
        return Step(step.until, trial)

    def reached(self, study: Study, trial: Trial) -> int | None:
        super().reached(study, trial)
        assert self.now is not None
        self._put(self.now, study, trial, "complete" if trial.state == "complete" else "paused")
        return None

    def _put(
        self, now: Standings, study: Study, trial: Trial, state: Known, until: int = 0
    ) -> None:
        best = tuple(study.best(trial, rung) for rung in now.rungs if rung <= trial.epochs)
        group = trial.depth if self.within else 0
        spared = now.groups[group].trials[trial.number].spared
        now.put(Standing(trial.number, group, state, trial.epochs, best, until, spared))


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
