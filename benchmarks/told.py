"""Which sampler does a study with pauses need? Optuna's own, on surrogates of learning curves.

    python benchmarks/told.py --folder logs/tables
    python benchmarks/told.py --folder logs/tables --settings mnist1d_tanh --studies 50

`depth_halving` decides which trial goes on, the samplers are those of the sweeper, and a paused
trial counts as complete with its best score so far, as in ``zmodel.sweep.history.paused_history``.
Curves come from ``curve_tables.surrogate``. In the end the two best complete trials get two further
runs each; printed is what the better one is worth, the mean over studies with half of its 90 %
interval.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import optuna
from curve_tables.settings import SETTINGS
from curve_tables.surrogate import Surrogate
from curve_tables.table import Table
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from zmodel.sweep.history.shown_history import ShownHistory
from zmodel.sweep.sampling.forcing_sampler import ForcingSampler
from zmodel.sweep.stopping.depth_halving import DepthHalving
from zmodel.sweep.stopping.standings import Standing, Standings

Kind = Literal["random", "tpe", "tpe_univariate"]
KINDS: tuple[Kind, ...] = ("random", "tpe", "tpe_univariate")
DEPTH = "z_layers"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="of the tables")
    parser.add_argument("--settings", type=lambda t: t.split(","), default=list(SETTINGS))
    parser.add_argument("--budget", type=int, default=20, help="in trials of full length")
    parser.add_argument("--studies", type=int, default=20)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    head = ("no stopping: random", "tpe", *(f"depth_halving: {kind}" for kind in KINDS))
    print(f"| setting | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|", sep="\n")
    for name in options.settings:
        made = Surrogate(Table(options.folder / f"{name}.npz"), SETTINGS[name])
        cells = []
        for kind, pauses in (*((k, False) for k in KINDS[:2]), *((k, True) for k in KINDS)):
            worth = [study(made, kind, pauses, options.budget, i) for i in range(options.studies)]
            half = 1.645 * np.std(worth, ddof=1) / np.sqrt(len(worth))
            cells.append(f"{np.mean(worth):.4f} ± {half:.4f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


class Shown(ShownHistory):
    """Shows trials as complete, with these values by their numbers."""

    def __init__(self, sampler: BaseSampler, values: Mapping[int, float]) -> None:
        super().__init__(sampler)
        self._values = values

    def see(self, study: Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        seen = []
        for trial in trials:
            if trial.number in self._values:
                trial = copy.copy(trial)
                trial.state, trial.value = TrialState.COMPLETE, self._values[trial.number]
            seen.append(trial)
        return seen


def study(made: Surrogate, kind: Kind, pauses: bool, budget: int, seed: int) -> float:
    """What the choice of one study is worth."""
    rng = np.random.default_rng(seed)
    rule = DepthHalving() if pauses else DepthHalving(first_rung=1.0, control_every=0)
    rungs = rule.rungs(made.epochs)
    now = Standings(rungs, range(1, 6), maximize=True)
    trials, curves, values = optuna.create_study(direction="maximize"), {}, {}
    params = {}
    while step := rule.next_step(now, budget * made.epochs, int(rng.integers(2**31))):
        number = step.trial
        if number is None:
            draw = int(rng.integers(2**31))
            trials.sampler = Shown(_sampler(kind, draw, made), values)
            trials.enqueue_trial({}, user_attrs={"forced_to": {DEPTH: step.group}})
            trial = trials.ask(dict(made.space))
            number = trial.number
            params[number], curves[number] = trial.params, made.run(trial.params, rng)
            assert params[number][DEPTH] == step.group
        best = tuple(curves[number][rung - 1] for rung in rungs if rung <= step.until)
        state = "complete" if step.until == made.epochs else "paused"
        group = params[number][DEPTH]
        now.put(Standing(number, group, state, step.until, best, spared=step.control))
        values[number] = float(best[-1])
    complete = [n for group in now.groups.values() for n, t in group.trials.items()
                if t.state == "complete"]  # fmt: skip
    two = sorted(complete, key=lambda n: -values[n])[:2]
    again = {n: np.mean([made.run(params[n], rng)[-1] for _ in range(2)]) for n in two}
    return made.worth(params[max(two, key=lambda n: again[n])])


def _sampler(kind: Kind, seed: int, made: Surrogate) -> BaseSampler:
    if kind == "random":
        inner: BaseSampler = RandomSampler(seed)
    else:
        inner = TPESampler(seed=seed, multivariate=kind == "tpe")
    return ForcingSampler(inner, made.space)


if __name__ == "__main__":
    sys.exit(main())
