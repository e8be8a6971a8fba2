"""What coverage floors cost: CPU time per trial of ask, suggest and tell, wrapped against bare.

    python benchmarks/coverage.py

Both run the same sampler on the same space in memory, in turn, `ROUNDS` times; the figures are
medians. Every trial is decided, and the wrapper forces what the sampler neglects, at a floor of 12
for each of 5 depths and of 4 ranges of the learning rate in 200 trials. The bar is 1 ms per trial.

Measured on two shared cores, CPU ms per trial:

    sampler          bare ms  wrapped  ratio   extra  forced
    RandomSampler       0.32     0.38   1.18    0.06       1
    TPESampler          4.24     4.60   1.09    0.36      36
    CmaEsSampler        1.70     1.81   1.06    0.11      29
    NSGAIISampler       1.28     1.37   1.08    0.10       1
    QMCSampler          0.82     0.82   0.99   -0.01       0

A forced trial of the Gaussian process costs less than a free one: no gradients are followed.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
import warnings

import optuna
from optuna.trial import TrialState, create_trial

from zmodel.sweep.sampling.floor_schedule import FloorSchedule, forced_attrs
from zmodel.sweep.sampling.forcing_sampler import ForcingSampler
from zmodel.sweep.sampling.samplers import make_sampler
from zmodel.sweep.space.parse import parse_space

SPACE = parse_space(
    {
        "model.z_layers": "range(1, 6)",
        "model.width": "int(interval(4, 64))",
        "model.dropout": "interval(0, 0.5)",
        "model.optimizer.lr": "tag(log, interval(1e-4, 1e-1))",
        "model.optimizer.weight_decay": "tag(log, interval(1e-5, 1e-1))",
        "data.batch_size": "choice(32, 64, 128, 256)",
    },
    [],
)
FLOORS = {"model.z_layers": 12, "model.optimizer.lr": {"bins": 4, "min": 12}}
SAMPLERS = {"RandomSampler": {}, "TPESampler": {}, "CmaEsSampler": {}, "NSGAIISampler": {},
            "QMCSampler": {"scramble": True}, "GPSampler": {}}  # fmt: skip
ROUNDS = 5


def objective(params: dict) -> float:
    """Shallow networks score best early: the sampler neglects depth, and floors have work to do."""
    distance = abs(math.log10(params["model.optimizer.lr"]) + 2.5)
    return 1 - 0.1 * params["model.z_layers"] - 0.2 * distance - params["model.dropout"] ** 2


def study(sampler: str, options: dict, n_trials: int, seed: int, floors: bool) -> tuple[float, int]:
    """CPU milliseconds per trial, and how many trials were forced."""
    study = optuna.create_study(direction="maximize")
    schedule = FloorSchedule(FLOORS, SPACE, n_trials, constraints=())
    config = {"_target_": f"optuna.samplers.{sampler}", **options}
    spent = 0.0
    for slot in range(n_trials):
        bare = make_sampler(config, seed, slot, SPACE)
        started = time.process_time()
        study.sampler = ForcingSampler(bare, SPACE.distributions) if floors else bare
        decided = schedule.next_forced(study.get_trials(deepcopy=False)) if floors else {}
        marks = {"slot": slot, **forced_attrs(decided)}
        study.add_trial(create_trial(state=TrialState.WAITING, user_attrs=marks))
        trial = study.ask()
        params = SPACE.suggest(trial)
        study.tell(trial, objective(params))
        spent += time.process_time() - started
    forced = sum("forced" in trial.user_attrs for trial in study.trials)
    return 1000 * spent / n_trials, forced


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--samplers", nargs="*", default=list(SAMPLERS))
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    print(f"{'sampler':15s}{'bare ms':>9s}{'wrapped':>9s}{'ratio':>7s}{'extra':>8s}{'forced':>8s}")
    for sampler in arguments.samplers:
        rounds = 1 if sampler == "GPSampler" else ROUNDS
        bare, wrapped, forced = [], [], 0
        for seed in range(rounds):
            options = SAMPLERS[sampler]
            bare.append(study(sampler, options, arguments.trials, seed, floors=False)[0])
            cost, forced = study(sampler, options, arguments.trials, seed, floors=True)
            wrapped.append(cost)
        a, b = statistics.median(bare), statistics.median(wrapped)
        print(f"{sampler:15s}{a:9.2f}{b:9.2f}{b / a:7.2f}{b - a:8.2f}{forced:8d}", flush=True)


if __name__ == "__main__":
    main()
