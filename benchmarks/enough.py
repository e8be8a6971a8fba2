"""Do 90 % intervals of what 20 more trials would gain hold? Simulated and tabled studies.

    python benchmarks/enough.py draw --tables FOLDER     studies of 80 trials, some minutes
    python benchmarks/enough.py check                    how often: docs/measured/verdicts.md

A study is looked at after 25, 40 and 60 of its trials; what the next 20 then gain is known. Tables
are of complete learning curves, .npz files with the arrays `config` (depth, width, learning rate,
weight decay, dropout, batch size, shift) and `curves`: a trial takes the row of its depth that is
nearest to its parameters and was not taken yet. The weights of the tails were chosen on the first
eight studies of each setting, which are left out of the check.
"""

from __future__ import annotations

import argparse
import pickle
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from calibration.tabled import tables_in
from optuna.trial import TrialState, create_trial

from zmodel.analysis.replay.simulate import BATCH, DEPTH, LR, WIDTH, Truth
from zmodel.analysis.statistics.more_trials import gain_of_more
from zmodel.sweep.sampling.floor_schedule import FloorSchedule, forced_attrs
from zmodel.sweep.sampling.forcing_sampler import ForcingSampler
from zmodel.sweep.sampling.samplers import make_sampler
from zmodel.sweep.space.parse import parse_space

HERE = Path(__file__).parent
TRIALS, AHEAD, LOOKS = 80, 20, (25, 40, 60)
FLOOR, FLOORS_WITHIN = 3, 40
NAMES = (DEPTH, WIDTH, LR, "wd", "dropout", BATCH, "shift")
SAMPLERS = {
    "random": {"_target_": "optuna.samplers.RandomSampler"},
    "tpe": {"_target_": "optuna.samplers.TPESampler"},
}
SIMULATED: dict[str, Truth] = {
    "as MNIST-1D": Truth(),
    "noisy": Truth(validated=200, ceiling=(0.86, 0.9, 0.92, 0.93, 0.93)),
    "little noise": Truth(validated=20_000),
    "depths alike": Truth(ceiling=(0.9,) * 5),
}
SEEN = 8
BOWLS = {"bowl of 3": 3, "bowl of 6": 6}
"""A loss that is quadratic in so many parameters, with a best depth, to be minimised."""
Value = Callable[[dict[str, Any]], float]


def main() -> None:
    options = parse()
    {"draw": draw, "check": check}[options.what](options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("draw", "check"))
    parser.add_argument("--tables", type=Path, default=HERE / "tables")
    parser.add_argument("--studies", type=int, default=100, help="per setting and sampler")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--file", type=Path, default=HERE / "tables" / "enough.pickle")
    return parser.parse_args()


def space_of(setting: str, table: Any) -> Any:
    if setting in BOWLS:
        params = {f"x{i}": "interval(0, 1)" for i in range(BOWLS[setting])}
        return parse_space({DEPTH: "range(1, 6)", **params}, [])
    space = {
        DEPTH: "range(1, 6)", WIDTH: "tag(log, int(interval(4, 64)))",
        LR: "tag(log, interval(1e-4, 1e-1))", BATCH: "choice(32, 64, 128)",
    }  # fmt: skip
    if table is not None:
        rows = table["config"]
        low, high = rows.min(0), rows.max(0)
        space = {
            DEPTH: "range(1, 6)", WIDTH: "tag(log, int(interval(16, 96)))",
            LR: f"tag(log, interval({low[2]}, {high[2]}))",
            "wd": f"tag(log, interval({low[3]}, {high[3]}))", "dropout": "interval(0, 0.3)",
            BATCH: "choice(50, 100, 200)", "shift": f"range(0, {int(high[6]) + 1})",
        }  # fmt: skip
    return parse_space(space, [])


def value_of(setting: str, table: Any, rng: np.random.Generator) -> Value:
    """What a trial with these parameters reaches."""
    if setting in BOWLS:
        best = rng.random(BOWLS[setting])

        def bowl(params: dict[str, Any]) -> float:
            xs = np.array([params[f"x{i}"] for i in range(len(best))])
            loss = 0.2 + 0.05 * abs(params[DEPTH] - 3) + float(((xs - best) ** 2).mean())
            return -loss * (1 + 0.01 * rng.normal())

        return bowl
    if table is not None:
        return nearest(table)
    truth = SIMULATED[setting]

    def simulated(params: dict[str, Any]) -> float:
        return rng.binomial(truth.validated, truth.reach_and_tau(params)[0]) / truth.validated

    return simulated


def nearest(table: Any) -> Value:
    rows, values = table["config"], np.nanmax(table["curves"][:, :, 0], axis=1)
    unit = _unit(rows, rows)
    left = set(range(len(rows)))

    def value(params: dict[str, Any]) -> float:
        point = np.array([[params[name] for name in NAMES]], dtype=float)
        fit = [i for i in left if rows[i, 0] == params[DEPTH]] or list(left)
        far = ((unit[fit] - _unit(point, rows)) ** 2).sum(1)
        found = fit[int(far.argmin())]
        left.discard(found)
        return float(values[found])

    return value


def _unit(rows: np.ndarray, all_rows: np.ndarray) -> np.ndarray:
    scaled = np.array(rows, dtype=float)
    low, high = np.array(all_rows.min(0), dtype=float), np.array(all_rows.max(0), dtype=float)
    for column in (1, 2, 3):
        scaled[:, column] = np.log(scaled[:, column])
        low[column], high[column] = np.log(low[column]), np.log(high[column])
    return (scaled - low) / np.where(high > low, high - low, 1)


def study_of(task: tuple[str, str, int, str | None]) -> tuple[str, str, list[int], list[float]]:
    """Setting, sampler, depths and scores of a study's trials, in order."""
    setting, sampler, seed, path = task
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = np.load(path) if path else None
    rng = np.random.default_rng([seed, len(setting)])
    space, value = space_of(setting, table), value_of(setting, table, rng)
    floors = None
    if sampler == "tpe":
        floors = FloorSchedule({DEPTH: FLOOR}, space, FLOORS_WITHIN, constraints=())
    study = optuna.create_study(direction="maximize")
    trials = TRIALS if table is None else min(TRIALS, len(table["config"]) // 2)
    depths, scores = [], []
    for slot in range(trials):
        known = study.get_trials(deepcopy=False)
        attrs = {"slot": slot, **forced_attrs(floors.next_forced(known) if floors else {})}
        study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=attrs))
        study.sampler = ForcingSampler(
            make_sampler(SAMPLERS[sampler], seed, slot, space), space.distributions
        )
        params = space.suggest(optuna.Trial(study, study.get_trials(deepcopy=False)[-1]._trial_id))
        scores.append(value(params))
        depths.append(params[DEPTH])
        study.tell(slot, scores[-1])
    return setting, sampler, depths, scores


def draw(options: argparse.Namespace) -> None:
    paths = {p.stem: str(p) for p in tables_in(options.tables)}
    settings = {**dict.fromkeys([*SIMULATED, *BOWLS]), **paths}
    cases = product(settings.items(), SAMPLERS, range(options.studies))
    tasks = [(name, sampler, seed, path) for (name, path), sampler, seed in cases]
    with ProcessPoolExecutor(options.processes) as pool:
        found = list(pool.map(study_of, tasks, chunksize=5))
    options.file.parent.mkdir(exist_ok=True)
    options.file.write_bytes(pickle.dumps(found))


def check(options: argparse.Namespace) -> None:
    """How often intervals hold, by the source of the studies; last, the numbers that halve."""
    found = pickle.loads(options.file.read_bytes())
    print("| from | sampler | studies | intervals | ours | one depth | exponential | bootstrap |")
    print("|---|---|---|---|---|---|---|---|")
    for source, sampler in product(("simulated", "tables", "all"), SAMPLERS):
        own = [
            (depths, scores)
            for name, by, depths, scores in chosen_after(found)
            if by == sampler and source in ("all", origin(name))
        ]
        looks = [hold(np.array(s), n) for _, s in own for n in LOOKS if len(s) >= n + AHEAD]
        by_depth = [one for z, s in own for one in hold_by_depth(np.array(z), np.array(s))]
        ours, exponential, bootstrap = (share([look[i] for look in looks]) for i in range(3))
        cells = [source, sampler, str(len(own)), str(len(looks)), ours, share(by_depth)]
        print(f"| {' | '.join([*cells, exponential, bootstrap])} |")
    print("\ntrials that halve the regret, 300 random studies of 40 points each:")
    for dimensions in (2, 4, 8):
        print(f"{dimensions} parameters: {share(halvings(dimensions, 300))}")


def chosen_after(found: list[Any]) -> list[Any]:
    """Without the first studies of each setting, on which the weights of the tails were chosen."""
    counts: Counter[tuple[str, str]] = Counter()
    kept = []
    for one in found:
        counts[one[:2]] += 1
        kept += [one] if counts[one[:2]] > SEEN else []
    return kept


def origin(setting: str) -> str:
    return "simulated" if setting in {*SIMULATED, *BOWLS} else "tables"


def share(held: Sequence[bool]) -> str:
    """With its standard error."""
    p = float(np.mean(held))
    return f"{p:.1%} ± {np.sqrt(p * (1 - p) / len(held)):.1%}" if len(held) > 1 else "-"


def hold(scores: np.ndarray, n: int) -> tuple[bool, bool, bool]:
    """Of our interval, of an exponential tail fitted to all trials alike, and of a bootstrap, which
    never exceeds the best."""
    known, best = scores[:n], scores[:n].max()
    gain = max(0.0, scores[n : n + AHEAD].max() - best)
    ours = gain_of_more(list(known))
    count = max(6, n // 4)
    top = np.sort(known)[::-1]
    scale = (top[:count] - top[count]).mean()
    # the chance of one trial with which none of the next exceeds the bound with 90 %
    one = -np.expm1(np.log(0.9) / AHEAD)
    bound = max(0.0, scale * np.log(count / n / one) - (best - top[count])) if scale else 0.0
    return ours is None or gain <= ours.high + 1e-12, gain <= bound + 1e-12, gain == 0


def hold_by_depth(depths: np.ndarray, scores: np.ndarray, n: int = 40) -> list[bool]:
    """Of the next eight trials at each depth, against the best of the study."""
    found = []
    for depth in np.unique(depths):
        early, late = (scores[part][depths[part] == depth] for part in (slice(n), slice(n, None)))
        gain = gain_of_more(list(early), scores[:n].max(), ahead=8)
        if gain is not None and len(late) >= 8:
            found.append(max(0.0, late[:8].max() - scores[:n].max()) <= gain.high + 1e-12)
    return found


def halvings(dimensions: int, studies: int) -> list[bool]:
    """Whether the trial that halves the regret comes within its interval; the optimum is 0."""
    rng = np.random.default_rng(0)
    losses = np.sort((rng.random((200_000, dimensions)) ** 2).sum(axis=1))
    found = []
    for _ in range(studies):
        own = rng.choice(losses, 40)
        gain = gain_of_more(list(-own))
        chance = np.searchsorted(losses, own.min() / 2) / len(losses)
        if gain is None or not chance:
            continue
        _, low, high = gain.halve
        found.append(low <= rng.geometric(chance) <= high)
    return found


if __name__ == "__main__":
    main()
