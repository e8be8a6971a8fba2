"""What the race of the final stage chooses, against rivals at the same number of runs.

    python benchmarks/seed_tables.py
    python benchmarks/race.py --tables logs/tables --curves benchmarks/tables

A study is a search of N configurations, one value each. A rule may spend 15 runs with new seeds and
then names a configuration. What that is truly worth is known: by simulation; from tables of
networks that were trained on many splits with many seeds; or from tables of learning curves, whose
test accuracy is taken for the truth. The gain of a rule over top 3 x 5 is in percent of what
top 3 x 5 loses to the best configuration of the study, with a 95 % interval over studies.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from calibration.tabled import SAMPLES, tables_in
from numpy.typing import NDArray

from zmodel.final.race.rule import Race, eligible

RUNS, TRIALS, CANDIDATES, MOST = 15, 40, 10, 15
Floats = NDArray[np.float64]


@dataclass
class Study:
    """N configurations: `search` values, `runs` (N, MOST) with new seeds, what is true. The first
    one is the baseline."""

    truth: Floats
    search: Floats
    runs: Floats
    depth: NDArray[np.int64]

    @property
    def order(self) -> list[int]:
        return [int(i) for i in np.argsort(-self.search, kind="stable")]

    def candidates(self, most: int) -> list[int]:
        """The best, the best of every depth, the baseline, and the next best."""
        order = self.order
        chosen = {next(i for i in order if self.depth[i] == z) for z in np.unique(self.depth)} | {0}
        chosen |= set([i for i in order if i not in chosen][: max(0, most - len(chosen))])
        return sorted(chosen, key=order.index)


def simulated(
    rng: np.random.Generator, trials: int, noise: float, split: float, refined: bool, heavy: bool
) -> Study:
    """True values fall off from that of the depth; their spread is 1.

    `noise` between seeds, half of it common to all configurations; `split`: times the noise, the
    error of the one validation split. `refined`: the second half of the search is nearer to the
    best, as by TPE. `heavy`: one run of ten has three times the noise.
    """
    depth = rng.integers(0, 5, trials)
    effects = rng.normal(0, 0.5, 5)
    truth = -np.abs(rng.normal(0, 1, trials))
    if refined:
        half = trials // 2
        truth[half:] = -np.abs(rng.normal(0, 1, (trials - half, 4))).min(1)
        depth[half:] = np.where(rng.random(trials - half) < 0.7, effects.argmax(), depth[half:])
    truth += effects[depth]
    errors = rng.normal(0, noise, (trials, MOST + 1))
    if heavy:
        errors *= np.where(rng.random(errors.shape) < 0.1, 3, 1)
    seen = truth + rng.normal(0, noise * split, trials)
    values = seen[:, None] + errors + rng.normal(0, noise / 2, MOST + 1)
    return Study(truth, values[:, 0], values[:, 1:], depth)


def of_table(rng: np.random.Generator, path: Path, reshuffled: bool) -> Study:
    """Trained for real. `reshuffled`: every trial and every seed has its own split."""
    with np.load(path) as file:
        values, truth, depth = file["val"].astype(float), file["test"].mean((1, 2)), file["depth"]
    everyone, splits, seeds = values.shape
    own = rng.permutation(everyone)[:TRIALS]
    own[0] = rng.choice(own)
    own = np.unique(own)
    rng.shuffle(own)
    split, seed = rng.permutation(splits), rng.permutation(seeds)
    if reshuffled:
        count = len(own)
        search = values[own, rng.integers(0, splits, count), rng.integers(0, seeds, count)]
        runs = values[own][:, split[np.arange(MOST) % splits], seed[np.arange(MOST) % seeds]]
    else:
        search = values[own, split[0], seed[0]]
        runs = values[own][:, split[0], seed[1 + np.arange(MOST) % (seeds - 1)]]
    ties = rng.normal(0, 1e-7, len(own))  # as the validation loss breaks them
    return Study(truth[own].astype(float), search + ties, runs, depth[own])


def of_curves(rng: np.random.Generator, path: Path, validated: int) -> Study:
    """True values are test accuracies of a table of curves; a split and a seed each add the error
    of so many validation samples, the seed's half as large."""
    with np.load(path) as file:
        config, curves = file["config"], file["curves"].astype(float)
    best = np.nanargmax(curves[:, :, 0], axis=1)
    own = rng.permutation(len(config))[:TRIALS]
    truth = curves[own, best[own], 4]
    error = np.sqrt(np.maximum(truth * (1 - truth), 0.01) / validated)
    split = rng.normal(0, 1, len(own)) * error
    values = (truth + split)[:, None] + rng.normal(0, 0.5, (len(own), MOST + 1)) * error[:, None]
    return Study(truth, values[:, 0], values[:, 1:], config[own, 0].astype(int))


def top(count: int, seeds: int, study: Study) -> int:
    chosen = study.order[:count]
    return chosen[int(np.argmax(study.runs[chosen, :seeds].mean(1)))]


def search_alone(study: Study) -> int:
    return study.order[0]


def halving(counts: tuple[int, ...], study: Study) -> int:
    """Successive halving: so many configurations get one more seed in each round."""
    alive = study.order
    for done, count in enumerate(counts):
        if done:
            alive = sorted(alive, key=lambda i: -study.runs[i, :done].mean())
        alive = alive[:count]
    return max(alive, key=lambda i: study.runs[i, : len(counts)].mean())


def race(study: Study, **rules: float) -> int:
    chosen = study.candidates(CANDIDATES)
    found = Race(tuple(study.search[chosen]), chosen.index(0), RUNS, **rules)  # type: ignore[arg-type]
    done: dict[tuple[int, int], float | None] = {}
    while missing := [run for run in found.schedule(done) if run not in done]:
        done |= {(i, s): float(study.runs[chosen[i], s]) for i, s in missing}
    USED.append(len(done))
    standings = found.standings(found.scores(list(done), done))
    least = eligible([s.runs for s in standings.values()])
    return chosen[
        max((i for i, s in standings.items() if s.runs >= least), key=lambda i: standings[i].score)
    ]


USED: list[int] = []
RULES: dict[str, Callable[[Study], int]] = {
    "the search's best": search_alone,
    "top 3 x 5": partial(top, 3, 5),
    "top 5 x 3": partial(top, 5, 3),
    "top 15 x 1": partial(top, 15, 1),
    "halving 8, 4, 2, 1": partial(halving, (8, 4, 2, 1)),
    "race": race,
}
DESIGN = {
    f"{'refined' if refined else 'random'}, noise {noise}, split {split}": partial(
        simulated, trials=TRIALS, noise=noise, split=split, refined=refined, heavy=False
    )
    for refined in (False, True)
    for noise in (0.05, 0.2, 0.6)
    for split in (0.0, 0.7)
}
HELD_BACK = {
    f"{trials} trials, {'refined' if refined else 'random'}, noise {noise}, heavy": partial(
        simulated, trials=trials, noise=noise, split=0.4, refined=refined, heavy=True
    )
    for trials, refined in ((20, False), (100, True))
    for noise in (0.1, 0.4)
}


def settings_of(options: argparse.Namespace) -> dict[str, Callable[..., Study]]:
    found: dict[str, Callable[..., Study]] = {**DESIGN, **HELD_BACK}
    for path in sorted(options.tables.glob("*.npz")) if options.tables else ():
        for reshuffled in (False, True):
            name = f"{path.stem}, {'reshuffled' if reshuffled else 'one split'}"
            found[name] = partial(of_table, path=path, reshuffled=reshuffled)
    for path in tables_in(options.curves) if options.curves else ():
        validated = SAMPLES[path.stem.split("_")[0]]
        found[f"curves {path.stem}"] = partial(of_curves, path=path, validated=validated)
    return found


def reshuffled(path: Path, searches: int) -> str:
    """What a search alone selects when every trial has its own split, less that on one split."""
    with np.load(path) as file:
        values, truth, validated = (
            file["val"].astype(float),
            file["test"].mean((1, 2)),
            file["samples"],
        )
    everyone, splits, seeds = values.shape
    lost, by_split = np.zeros((2, searches)), np.arange(searches) % splits
    for i in range(searches):
        rng = np.random.default_rng(i)
        own = rng.permutation(everyone)[:TRIALS]
        ties, seed = rng.normal(0, 1e-7, TRIALS), rng.integers(0, seeds, (2, TRIALS))
        for k, split in enumerate((by_split[i], rng.integers(0, splits, TRIALS))):
            best = own[int(np.argmax(values[own, split, seed[k]] + ties))]
            lost[k, i] = 100 * (truth[own].max() - truth[best])
    gains = np.array([np.diff(-lost[:, by_split == s], axis=0).mean() for s in range(splits)])
    half = 2.36 * gains.std(ddof=1) / splits**0.5  # Student's t, eight splits
    return (
        f"| {path.stem} | {validated} | {gains.mean():+.2f} ± {half:.2f} | {lost[0].mean():.2f} | "
        f"{lost[1].mean():.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--curves", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--reshuffle", action="store_true", help="a search alone, on --tables")
    options = parser.parse_args()
    if options.reshuffle:
        print(
            "\n".join(
                reshuffled(p, 4 * options.studies) for p in sorted(options.tables.glob("*.npz"))
            )
        )
        return
    others = [name for name in RULES if name != "top 3 x 5"]
    print("| setting | " + " | ".join(others) + " |\n|---|" + "---|" * len(others))
    gains: dict[str, list[Floats]] = {name: [] for name in others}
    for number, (setting, make) in enumerate(settings_of(options).items()):
        if options.only not in setting:
            continue
        lost = {name: np.zeros(options.studies) for name in RULES}
        for i in range(options.studies):
            study = make(np.random.default_rng((number, i)))
            for name, rule in RULES.items():
                lost[name][i] = study.truth.max() - study.truth[rule(study)]
        unit = max(lost["top 3 x 5"].mean(), 1e-9) / 100
        for name in others:
            gains[name].append((lost["top 3 x 5"] - lost[name]) / unit)
        print(f"| {setting} | " + " | ".join(said(gains[n][-1]) for n in others) + " |", flush=True)
    print("| **mean** | " + " | ".join(said(np.concatenate(gains[n])) for n in others) + " |")
    print(f"runs of a race: {np.mean(USED):.1f} on average, {max(USED)} at most")


def said(gains: Floats) -> str:
    return f"{gains.mean():+.1f} ± {1.96 * gains.std() / len(gains) ** 0.5:.1f}"


if __name__ == "__main__":
    main()
