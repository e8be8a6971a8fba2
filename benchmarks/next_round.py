"""Is a next round better than continuing the study? 40 simulated trials, then 20 more.

    python benchmarks/next_round.py --studies 40

TPE with floors, as shipped. *On*: 20 more trials in the same study. *Next*: 20 trials in a study
whose space is what the first one left open; it trains the best five of the first one again. The
table has what the winner (by its measured value, over all trials) truly reaches; how often the
space that was left open has a point as good as the best of the whole space (1,000 random points of
each, within .002); and which part of the space was left open.
"""

from __future__ import annotations

import argparse
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import optuna
from enough import SAMPLERS, SIMULATED, space_of, value_of
from optuna.trial import TrialState, create_trial

from zmodel.analysis.open_space import open_space, part_left
from zmodel.analysis.replay.simulate import DEPTH
from zmodel.study.records import load_study
from zmodel.sweep.sampling.floor_schedule import FloorSchedule, forced_attrs
from zmodel.sweep.sampling.forcing_sampler import ForcingSampler
from zmodel.sweep.sampling.samplers import make_sampler

FIRST, MORE, TOP, FLOOR = 40, 20, 5, 3
POINTS, LOST = 1000, 0.002
Points = list[tuple[float, dict[str, Any]]]
"""Measured values and parameters."""


def search(
    study: optuna.Study, space: Any, value: Any, seed: int, count: int, first: Any
) -> Points:
    """Add `count` trials, the first of them with the given parameters."""
    begun = len(study.trials)
    floors = FloorSchedule({DEPTH: FLOOR}, space, begun + count, constraints=())
    found = []
    for slot in range(begun, begun + count):
        known = study.get_trials(deepcopy=False)
        attrs = {"slot": slot, **forced_attrs(floors.next_forced(known))}
        given = {"fixed_params": first[slot - begun]} if slot - begun < len(first) else {}
        study.add_trial(
            create_trial(state=TrialState.RUNNING, user_attrs=attrs, system_attrs=given)
        )
        sampler = make_sampler(SAMPLERS["tpe"], seed, slot, space)
        study.sampler = ForcingSampler(sampler, space.distributions)
        params = space.suggest(optuna.Trial(study, study.get_trials(deepcopy=False)[-1]._trial_id))
        found.append((value(params), params))
        study.tell(slot, found[-1][0])
    return found


def compared(task: tuple[str, int]) -> tuple[str, float, float, bool, float]:
    setting, seed = task
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    truth, rng = SIMULATED[setting], np.random.default_rng(seed)
    space, value = space_of(setting, None), value_of(setting, None, rng)
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    points = search(study, space, value, seed, FIRST, [])
    record = load_study("s", storage)
    record = replace(record, space=space.distributions)
    left = open_space(record)
    best = [t.params for t in record.best_first[:TOP]]
    narrow = replace(space, distributions={**space.distributions, **left})
    on = search(study, space, value, seed, MORE, [])
    after = optuna.create_study(direction="maximize")
    following = search(after, narrow, value, seed + 1, MORE, best)

    def truly(found: Points) -> float:
        return truth.reach_and_tau(max(found, key=lambda one: one[0])[1])[0]

    def peak(space: Any) -> float:
        draws = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
        return max(truth.reach_and_tau(space.suggest(draws.ask()))[0] for _ in range(POINTS))

    inside = peak(narrow) >= peak(space) - LOST
    part = part_left(space.distributions, left)
    return setting, truly([*points, *on]), truly([*points, *following]), inside, part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--studies", type=int, default=40, help="per setting")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    tasks = list(product(SIMULATED, range(500, 500 + options.studies)))
    with ProcessPoolExecutor(options.processes) as pool:
        results = list(pool.map(compared, tasks))
    for setting in SIMULATED:
        found = [r[1:] for r in results if r[0] == setting]
        on, following, inside, part = (np.array(column) for column in zip(*found, strict=True))
        gain = following - on
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        print(
            f"| {setting} | {on.mean():.4f} | {following.mean():.4f} | {gain.mean():+.4f} ± "
            f"{error:.4f} | {inside.mean():.0%} | {np.median(part):.1%} |"
        )


if __name__ == "__main__":
    main()
