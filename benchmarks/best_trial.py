"""Seeded faults of the best trial, and the verdicts about them: a part of verdicts.py.

The value of a trial is drawn as a validation set would give it: the number of right answers among
n samples, where each answer is right with the true accuracy of the simulated network. So it is
known which trial is truly best, whether it beats the baseline, and whether anything was learned.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from zmodel.analysis.findings import Findings
from zmodel.analysis.replay.simulate import BATCH, DEPTH, LR, WIDTH, Truth
from zmodel.analysis.rules.best_trial import (
    indistinguishable,
    no_better_than_trivial,
    small_validation,
    worse_than_baseline,
)
from zmodel.analysis.statistics.noise import standard_error
from zmodel.final.choice import Candidate, Run
from zmodel.final.gain import gain_over_baseline
from zmodel.study.records import StudyRecord, load_study

TRUTH = Truth()
GOOD = {DEPTH: 4, WIDTH: 64, LR: 10**-2.1, BATCH: 64}
POOR = {DEPTH: 1, WIDTH: 16, LR: 1e-3, BATCH: 64}
SEEDS, TOP, BETWEEN_SEEDS = 5, 3, 0.006
CLEAR = 6
"""By so many standard errors must the truly best trial be ahead, so that none is like it."""


class Case(NamedTuple):
    """`learns`: the share of its way above the majority's level that a network gets."""

    samples: int = 800
    majority: float = 0.1
    learns: float = 1.0
    baseline: dict[str, Any] = POOR
    sampler: str = "random"


def reach(case: Case, params: dict[str, Any]) -> float:
    """The accuracy that a trial truly has."""
    return case.majority + case.learns * (1 - case.majority) * TRUTH.reach_and_tau(params)[0]


def study_of(case: Case, seed: int, trials: int) -> StudyRecord:
    """The baseline, then what the sampler proposes."""
    rng = np.random.default_rng(seed)
    storage = optuna.storages.InMemoryStorage()
    tpe = TPESampler(seed=seed, multivariate=True)
    sampler = tpe if case.sampler == "tpe" else RandomSampler(seed)
    study = optuna.create_study(
        study_name="s", storage=storage, direction="maximize", sampler=sampler
    )
    study.set_user_attr("optimized_metric", ["val/acc_best"])
    noted = {"validated": case.samples, "majority": case.majority}

    def value(params: dict[str, Any]) -> float:
        return float(rng.binomial(case.samples, reach(case, params)) / case.samples)

    first = create_trial(
        state=TrialState.COMPLETE, params=case.baseline, distributions=TRUTH.space,
        value=value(case.baseline), user_attrs={**noted, "baseline": True},
    )  # fmt: skip
    study.add_trial(first)
    for _ in range(trials - 1):
        trial = study.ask(TRUTH.space)
        for key, noticed in noted.items():
            trial.set_user_attr(key, noticed)
        study.tell(trial, value(trial.params))
    return load_study("s", storage)


def with_final(case: Case, study: StudyRecord, seed: int, folder: Path) -> tuple[Any, float]:
    """The study with a final stage of its best and the baseline; what the rival truly gains.

    All runs share the validation samples, so what these do to one they do to all.
    """
    rng = np.random.default_rng(10_000 + seed)
    numbers = dict.fromkeys([*(t.number for t in study.best_first[:TOP]), 0])
    candidates = []
    for trial in (study.trials[number] for number in numbers):
        values = reach(case, trial.params) + rng.normal(0, BETWEEN_SEEDS, SEEDS)
        runs = [Run(i, float(v), 1, 1, folder) for i, v in enumerate(values)]
        candidates.append(Candidate(trial.number, tuple(runs)))
    gain = gain_over_baseline(candidates, 0, maximize=True)
    assert gain is not None
    (folder / "final").mkdir()
    told = json.dumps({"baseline": gain.to_json()})
    (folder / "final" / "summary.json").write_text(told)
    truly = reach(case, study.trials[gain.trial].params) - reach(case, case.baseline)
    return replace(study, folder=folder), truly


def worse(case: Case, seed: int, trials: int) -> tuple[bool | None, bool, bool]:
    """Of a final stage: is there a fault, was it called worse, or at least no better by chance."""
    study = study_of(case, seed, trials)
    with tempfile.TemporaryDirectory() as folder:
        whole, truly = with_final(case, study, seed, Path(folder))
        found = worse_than_baseline.judge(Findings(whole)) or []
    fault = True if truly <= 0 else False if truly >= 0.01 else None
    return fault, any(v.evidence["worse"] for v in found), bool(found)


def searched(case: Case, seed: int, trials: int) -> tuple[bool | None, bool, bool]:
    """The same by the search alone: no trial is truly better than the baseline."""
    study = study_of(case, seed, trials)
    best = max(reach(case, t.params) for t in study.trials[1:])
    gain = best - reach(case, case.baseline)
    found = worse_than_baseline.judge(Findings(study)) or []
    alike = indistinguishable.judge(Findings(study)) or []
    near = any(0 in v.evidence["trials"] for v in alike)
    fault = True if gain <= 0 else False if gain >= 0.05 else None
    return fault, bool(found), bool(found) or near


def small(case: Case, seed: int, trials: int) -> tuple[bool | None, bool, bool]:
    found = small_validation.judge(Findings(study_of(case, seed, trials))) or []
    return case.samples <= 30, bool(found), bool(found)


def trivial(case: Case, seed: int, trials: int) -> tuple[bool | None, bool, bool]:
    found = no_better_than_trivial.judge(Findings(study_of(case, seed, trials))) or []
    return case.learns == 0, bool(found), bool(found)


def lucky(case: Case, seed: int, trials: int) -> tuple[bool | None, bool, bool]:
    """The winner is not the truly best trial; found when the subset holds that one."""
    study = study_of(case, seed, trials)
    order = sorted(study.trials, key=lambda t: -reach(case, t.params))
    first, second = (reach(case, t.params) for t in order[:2])
    found = indistinguishable.judge(Findings(study)) or []
    is_lucky = study.best_first[0].number != order[0].number
    clear = first - second > CLEAR * standard_error(first, case.samples)
    named = any(not is_lucky or order[0].number in v.evidence["trials"] for v in found)
    return True if is_lucky else False if clear else None, named, named


Judge = Callable[[Case, int, int], tuple[bool | None, bool, bool]]
LEVEL = Case(learns=0.0)
FAULTS: dict[str, tuple[Judge, tuple[Case, ...]]] = {
    "worse_than_baseline, final stage": (worse, (Case(baseline=GOOD), Case(), Case(sampler="tpe"))),
    "worse_than_baseline, search": (searched, (Case(baseline=GOOD), Case(), Case(sampler="tpe"))),
    "small_validation": (small, tuple(Case(samples=n) for n in (10, 20, 30, 200, 800))),
    "no_better_than_trivial": (
        trivial,
        (
            LEVEL._replace(samples=137, majority=0.9489), LEVEL._replace(majority=0.6),
            LEVEL, Case(), Case(majority=0.6), Case(samples=137, majority=0.7),
        ),
    ),  # fmt: skip
    "indistinguishable, a lucky winner": (
        lucky, (Case(), Case(samples=200), Case(sampler="tpe"), Case(samples=10**7)),
    ),
}  # fmt: skip


def judged(task: tuple[str, int, int, int]) -> tuple[str, bool | None, bool, bool]:
    """One study of a case, by the place of the case."""
    name, place, seed, trials = task
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    judge, cases = FAULTS[name]
    return name, *judge(cases[place], seed, trials)


def tasks(seeds: range, trials: int) -> list[tuple[str, int, int, int]]:
    return [
        (name, place, seed, trials)
        for name, (_, cases) in FAULTS.items()
        for place in range(len(cases))
        for seed in seeds
    ]


def table(results: list[tuple[str, bool | None, bool, bool]]) -> None:
    print("\nverdicts about the best trial: warnings, and in brackets with notes")
    print(f"{'':<36} {'found':<28} false alarms")
    for name in FAULTS:
        parts = []
        for fault in (True, False):
            told = [(w, n) for own, is_fault, w, n in results if own == name and is_fault is fault]
            rates = [f"{np.mean([t[i] for t in told]):.1%}" for i in (0, 1)] if told else ["-"] * 2
            parts.append(f"{rates[0]} ({rates[1]}) of {len(told)}")
        print(f"{name:<36} {parts[0]:<28} {parts[1]}")
