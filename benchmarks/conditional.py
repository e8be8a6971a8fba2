"""Does it help to propose the other parameters given the forced one?

    python benchmarks/conditional.py                        TPE, some minutes
    python benchmarks/conditional.py --sampler GPSampler --trials 40 --studies 12

It compares the best trial of each depth, in a synthetic space of five depths with floors of 6. Each
depth has its own ceiling and its own best learning rate. "Replaced" takes a free proposal and
overwrites the depth; "given" is what the forcing sampler does. The figures are
at the top of `zmodel/sweep/sampling/given_forced.py`.
"""

from __future__ import annotations

import argparse
import math
import warnings
from contextlib import nullcontext
from unittest import mock

import numpy as np
import optuna
from optuna.trial import TrialState, create_trial

from zmodel.sweep.sampling import forcing_sampler
from zmodel.sweep.sampling.floor_schedule import FloorSchedule, forced_attrs
from zmodel.sweep.sampling.samplers import make_sampler
from zmodel.sweep.space.parse import parse_space

SPACE = parse_space(
    {
        "z": "range(1, 6)",
        "lr": "tag(log, interval(1e-5, 1e-1))",
        "wd": "tag(log, interval(1e-5, 1e-1))",
        "w": "int(interval(4, 64))",
        "d": "interval(0, 0.5)",
    },
    [],
)
CEILING = {1: 0.70, 2: 0.80, 3: 0.88, 4: 0.93, 5: 0.95}


def score(params: dict, slope: float, rng: np.random.Generator) -> float:
    """The best learning rate falls by 10 ** slope from one depth to the next."""
    z = params["z"]
    miss = (math.log10(params["lr"]) + 1.5 + slope * (z - 1)) ** 2
    miss += 0.5 * ((math.log10(params["wd"]) + 3) / 1.5) ** 2
    miss += 0.7 * ((params["w"] - 44) / 40) ** 2
    miss += 0.4 * ((params["d"] - 0.1 * (z > 2) - 0.1) / 0.3) ** 2
    fit = math.exp(-0.35 * miss)
    return CEILING[z] * fit + 0.1 * (1 - fit) + rng.normal(0, 0.01)


def shortfall(sampler: str, n_trials: int, seed: int, slope: float) -> float:
    """Mean over depths of ceiling minus best result."""
    rng = np.random.default_rng(seed)
    floors = FloorSchedule({"z": 6}, SPACE, n_trials, constraints=())
    study = optuna.create_study(direction="maximize")
    config = {"_target_": f"optuna.samplers.{sampler}"}
    for slot in range(n_trials):
        base = make_sampler(config, seed, slot)
        study.sampler = forcing_sampler.ForcingSampler(base, SPACE.distributions)
        decided = floors.next_forced(study.get_trials(deepcopy=False))
        marks = {"slot": slot, **forced_attrs(decided)}
        study.add_trial(create_trial(state=TrialState.WAITING, user_attrs=marks))
        trial = study.ask()
        study.tell(trial, score(SPACE.suggest(trial), slope, rng))
    best = {z: max(t.value for t in study.trials if t.params["z"] == z) for z in CEILING}
    return float(np.mean([CEILING[z] - best[z] for z in CEILING]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sampler", default="TPESampler")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--studies", type=int, default=60)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    for slope in (0.2, 0.8):
        for mode in ("replaced", "given"):
            patched = mock.patch.object(forcing_sampler, "given", lambda *_: None)
            with patched if mode == "replaced" else nullcontext():
                gaps = [
                    shortfall(arguments.sampler, arguments.trials, seed, slope)
                    for seed in range(arguments.studies)
                ]
            error = np.std(gaps) / math.sqrt(len(gaps))
            factor = 10**slope
            print(f"rate x{factor:.1f} per layer  {mode:9s} {np.mean(gaps):.3f} ± {error:.3f}")


if __name__ == "__main__":
    main()
