"""Calibrates the verdicts: false alarms and detections in studies whose truth is known.

    python benchmarks/verdicts.py --studies 100 --processes 2
    python benchmarks/verdicts.py --studies 200 --best-trial
    python benchmarks/verdicts.py --faults said.jsonl --kind tables --tables FOLDER ...

The last one seeds faults (calibration/) in simulated studies or in studies of real curves, the
tables of benchmarks/curves.py, and adds what the verdicts say to a file; `--studies 0` prints it.

A depth *can win* when what it truly reaches within the allowance is within MARGIN of the best
depth's. A study has *collapsed* when a depth that can win completed fewer than 3 trials. Studies
with floors and by random search treat all depths alike: warnings about them are false alarms.
In the truth *stuck* the networks of one depth never leave the level of the majority class.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import best_trial
import numpy as np
import optuna
from calibration.table import KINDS, Task, calibrate, show
from optuna.pruners import MedianPruner
from optuna.samplers import RandomSampler, TPESampler

from zmodel.analysis.findings import Findings
from zmodel.analysis.replay.simulate import DEPTH, Truth, simulate
from zmodel.analysis.rules import (
    boundary,
    early_stopping_bias,
    never_learned,
    pruning_bias,
    underexplored,
)
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord

HERE = Path(__file__).parent
MARGIN = 0.01
LITTLE = 0.004
NAIVE_EPOCHS = 15
SLOWER = (3.0, 5.0, 7.5, 9.5, 11.5)
TRUTHS = {
    "deep": Truth(),
    "bump": Truth(ceiling=(0.76, 0.86, 0.93, 0.86, 0.76), tau=SLOWER),
    "shallow": Truth(ceiling=(0.93, 0.90, 0.86, 0.82, 0.76), tau=SLOWER),
    "late": Truth(ceiling=(0.80, 0.84, 0.88, 0.91, 0.94), tau=(3.0, 6.0, 10.0, 14.0, 18.0)),
    "equal": Truth(ceiling=(0.9,) * 5, tau=(5.0,) * 5),
}
STUCK = Truth(tau=(3.0, 5.0, 7.5, 9.5, 20_000.0))


def tpe(seed: int, old: bool = False) -> TPESampler:
    return TPESampler(seed=seed, multivariate=not old, constant_liar=not old)


METHODS: dict[str, Callable[[Truth, int, int], StudyRecord]] = {
    "random": lambda t, s, n: simulate(t, n, s, sampler=RandomSampler(seed=s)),
    "floors": lambda t, s, n: simulate(t, n, s, sampler=tpe(s), floor=5),
    "tpe alone": lambda t, s, n: simulate(t, n, s, sampler=tpe(s)),
    "naive": lambda t, s, n: simulate(
        replace(t, epochs=NAIVE_EPOCHS), n, s, sampler=tpe(s, old=True), pruner=MedianPruner()
    ),
    "naive, 60 epochs": lambda t, s, n: simulate(
        t, n, s, sampler=tpe(s, old=True), pruner=MedianPruner()
    ),
    "pruned": lambda t, s, n: simulate(t, n, s, sampler=tpe(s), pruner=MedianPruner()),
    "random, pruned": lambda t, s, n: simulate(
        t, n, s, sampler=RandomSampler(seed=s), pruner=MedianPruner(n_warmup_steps=20)
    ),
}


def judge(task: tuple[str, str, int, int]) -> dict[str, Any]:
    """One simulated study: what was true of it, and what the rules said."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    method, name, seed, trials = task
    truth = TRUTHS.get(name, STUCK)
    study = METHODS[method](truth, seed, trials)
    if method == "naive":
        truth = replace(truth, epochs=NAIVE_EPOCHS)
    epochs = truth.epochs
    reach = 0.1 + (np.array(truth.ceiling) - 0.1) * (1 - np.exp(-epochs / np.array(truth.tau)))
    can_win = {str(z) for z, r in zip(truth.depths, reach, strict=True) if r >= max(reach) - MARGIN}
    cells = cells_of(study, DEPTH)
    completed = {
        label: sum(t.state == "complete" for t in group)
        for label, group in zip(cells.labels, cells.split(study.trials), strict=True)
    }
    findings = Findings(study)
    under = underexplored.judge(findings) or []
    stopping = [
        label
        for v in early_stopping_bias.judge(findings) or []
        if v.rank >= 2
        for label in v.evidence.get("values", ())
    ]
    return {
        "task": task,
        "collapsed": {z for z in can_win if completed[z] < 3},
        "can_win": can_win,
        "under": max((v.rank for v in under), default=0),
        "named": {z for v in under if v.rank >= 2 for z in v.evidence["values"]},
        "given_up": {z for v in under if v.rank == 1 for z in v.evidence["values"]},
        "pruning": max((v.rank for v in pruning_bias.judge(findings) or []), default=0),
        "never_learned": max((v.rank for v in never_learned.judge(findings) or []), default=0),
        "stopping": stopping,
        "left": [_left(truth, study, label) for label in stopping],
        "boundary": max(
            (v.rank for v in boundary.judge(findings) or [] if v.param == DEPTH), default=0
        ),
    }


def _left(truth: Truth, study: StudyRecord, label: str) -> float:
    """What the best quarter of a depth's trials, at least 3, had still to gain on average."""
    trials = [t for t in study.trials if str(t.params[DEPTH]) == label and t.state == "complete"]
    trials.sort(key=lambda t: -(t.value or 0.0))
    return float(np.mean([truth.left(t.params) for t in trials[: max(3, len(trials) // 4)]]))


def share(hits: list[bool]) -> str:
    return f"{np.mean(hits):6.1%} of {len(hits):>4}" if hits else "     - of    0"


def table(results: list[dict[str, Any]]) -> None:
    stuck = [r["never_learned"] == 3 for r in results if r["task"][1] == "stuck"]
    results = [r for r in results if r["task"][1] != "stuck"]
    print(
        f"never_learned: alarm where a depth is stuck {share(stuck)}, elsewhere "
        f"{share([r['never_learned'] == 3 for r in results])}\n"
    )
    by_method: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        by_method[result["task"][0]].append(result)
    print(f"{'method':<18} {'underexplored >= warning':<26} {'alarm':<16} collapses detected")
    for method, found in by_method.items():
        fallen = [bool(r["collapsed"] <= r["named"]) for r in found if r["collapsed"]]
        print(
            f"{method:<18} {share([r['under'] >= 2 for r in found]):<26} "
            f"{share([r['under'] == 3 for r in found]):<16} {share(fallen)}"
        )
    print("\nvalues 'left with reason' that could have won")
    for method, found in by_method.items():
        print(f"{method:<18} {share([z in r['can_win'] for r in found for z in r['given_up']])}")
    print("\nother verdicts, at least a warning")
    for method, truth in product(by_method, TRUTHS):
        found = [r for r in by_method[method] if r["task"][1] == truth]
        print(
            f"{method:<18} {truth:<8} pruning_bias {share([r['pruning'] >= 2 for r in found])}  "
            f"boundary {share([r['boundary'] >= 2 for r in found])}  "
            f"early_stopping_bias {share([bool(r['stopping']) for r in found])}"
        )

    left = [gain for r in results for gain in r["left"]]
    little = share([gain < LITTLE for gain in left])
    print(f"\ndepths called cut: less than {LITTLE} left to gain in {little}")


def main() -> None:
    arguments = parse()
    seeds = range(arguments.first, arguments.first + arguments.studies)
    if arguments.faults:
        rest = tuple(arguments.tables), tuple(arguments.only), arguments.ax
        seeded = [Task(arguments.kind, seed, *rest) for seed in seeds]
        calibrate(seeded, arguments.processes, arguments.faults)
        show(arguments.faults)
        return
    with ProcessPoolExecutor(arguments.processes) as pool:
        about = best_trial.tasks(seeds, arguments.trials)
        best_trial.table(list(pool.map(best_trial.judged, about, chunksize=10)))
    if arguments.best_trial:
        return
    tasks = list(product(METHODS, TRUTHS, seeds, [arguments.trials]))
    tasks += product(("random", "floors"), ("stuck",), seeds, [arguments.trials])
    with ProcessPoolExecutor(arguments.processes) as pool:
        table(list(pool.map(judge, tasks, chunksize=10)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--studies", type=int, default=100, help="per method and truth")
    add("--trials", type=int, default=50, help="per study")
    add("--first", type=int, default=2000, help="first seed; tuned on those below")
    add("--processes", type=int, default=2)
    add("--best-trial", action="store_true", help="only verdicts about it")
    add("--faults", type=Path, help="file of what was said about seeded faults")
    add("--kind", choices=KINDS, default="simulated", help="of their studies")
    add("--tables", type=Path, nargs="*", default=[HERE / "tables"])
    add("--only", nargs="*", default=[], help="names of faults")
    add("--ax", choices=("", "fast", "model"), default="", help="also Ax's checks: ax-platform")
    return parser.parse_args()


if __name__ == "__main__":
    main()
