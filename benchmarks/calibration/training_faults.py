"""Faults of training and validation: too short, too noisy, over-fitted, leaky, lucky, stuck."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from calibration.fault import Fault, Seeded
from calibration.studies import at_random, study_of, usual
from calibration.worlds import Floats, Run, World
from zmodel.analysis.replay.simulate import DEPTH
from zmodel.analysis.rules import early_stopping_bias, never_learned
from zmodel.analysis.rules.best_trial import (
    indistinguishable,
    overfitting,
    selection_optimism,
    small_validation,
)
from zmodel.analysis.rules.training import saturated, unsteady
from zmodel.analysis.statistics.noise import standard_error

SHORT, ENOUGH = (0.15, 0.2, 0.25), (0.5, 0.6, 0.7)
LEFT, LITTLE = 0.03, 0.004
NOISE, FEW_SAMPLES = 0.08, 30
GAP = 0.2
TESTED, SEEDS, BETWEEN_SEEDS = 1000, 5, 0.005
CLEAR = 6


def underfitted(world: World, seed: int, fault: bool) -> Seeded:
    """Epochs end when the best quarter of a depth has much left; else when none has anything."""
    runs = [_steady(run) for run in usual(world, seed)]
    share = (SHORT if fault else ENOUGH)[seed % 3]
    cut = [_cut(run, max(10, round(share * run.allowed))) for run in runs]
    left = []
    for z in range(1, 6):
        group = [i for i, run in enumerate(runs) if run.params[DEPTH] == z]
        best = sorted(group, key=lambda i: -cut[i].curve.max())[: max(3, len(group) // 4)]
        left.append(np.mean([_reaches(runs[i]) - _reaches(cut[i]) for i in best]))
    if fault:
        return Seeded(study_of(world, cut), True if max(left) >= LEFT else None)
    return Seeded(study_of(world, cut), False if max(left) <= LITTLE else None)


def _steady(run: Run) -> Run:
    """Before its learning rate cooled down."""
    end = run.cooled_from or len(run.curve)
    curve, train = run.curve[:end], run.train[:end]
    return replace(run, curve=curve, train=train, cooled_from=None)


def _cut(run: Run, most: int) -> Run:
    return replace(run, curve=run.curve[:most], train=run.train[:most], allowed=most)


def _reaches(run: Run) -> float:
    """The level of its last epochs, whose noise is averaged."""
    return float(run.curve[-5:].mean())


def small(world: World, seed: int, fault: bool) -> Seeded:
    samples = FEW_SAMPLES if fault else world.samples
    rng = np.random.default_rng(seed)
    drawn_anew = [
        replace(run, curve=rng.binomial(samples, np.clip(run.curve, 0, 1)) / samples)
        for run in usual(world, seed)
    ]
    return Seeded(study_of(world, drawn_anew, samples=samples), fault)


def noisy(world: World, seed: int, fault: bool) -> Seeded:
    """Epochs vary by .08; without the fault the noise of the curves is averaged out."""
    rng = np.random.default_rng(seed)

    def change(run: Run) -> Run:
        noise = rng.normal(0, NOISE, len(run.curve))
        return replace(run, curve=np.clip(run.curve - 2 * NOISE + noise, 0, 1))

    if fault:
        return Seeded(study_of(world, at_random(world, seed, change=change)), True)
    smooth = [replace(run, curve=_averaged(run.curve)) for run in usual(world, seed)]
    return Seeded(study_of(world, smooth), False)


def _averaged(curve: Floats, epochs: int = 9) -> Floats:
    """Of so many epochs around each."""
    sums = np.cumsum(np.pad(curve, (epochs // 2 + 1, epochs // 2), mode="edge"))
    return (sums[epochs:] - sums[:-epochs]) / epochs


def overfits(world: World, seed: int, fault: bool) -> Seeded:
    """The networks of one depth lose .2 between training and validation data; without the fault
    none of the best of their depths loses .06 on test data."""
    runs = usual(world, seed)
    if not fault:
        best = {z: max(_of(runs, z), key=lambda r: r.curve.max()) for z in range(1, 6)}
        gap = max(float(r.train[int(np.argmax(r.curve))]) - r.truth for r in best.values())
        return Seeded(study_of(world, runs), False if gap < 0.06 else None)
    depth = 1 + seed % 5

    def loses(run: Run) -> Run:
        if run.params[DEPTH] != depth:
            return run
        train = np.clip(np.maximum(run.train, run.curve), 0, 1)
        return replace(run, train=train, curve=np.clip(run.curve - GAP, 0.05, 1))

    changed = [loses(run) for run in runs]
    return Seeded(study_of(world, changed), True, frozenset([str(depth)]))


def _of(runs: Sequence[Run], depth: int) -> list[Run]:
    return [run for run in runs if run.params[DEPTH] == depth]


def leaky(world: World, seed: int, fault: bool) -> Seeded:
    """Samples of the validation part are known from training, so that nearly all are right; the
    final stage tests the winner on clean data. Without the fault the noise of single epochs is
    averaged out, so that the winner keeps its promise."""
    rng = np.random.default_rng(seed)

    def change(run: Run) -> Run:
        honest = _averaged(run.curve)
        return replace(run, curve=run.curve + 0.8 * (1 - run.curve) if fault else honest)

    runs = [change(run) for run in usual(world, seed)]
    best = max(runs, key=lambda run: run.curve.max())
    shared = rng.binomial(TESTED, best.truth) / TESTED
    scores = np.clip(shared + rng.normal(0, BETWEEN_SEEDS, SEEDS), 0, 1)
    half = float(student.ppf(0.975, SEEDS - 1)) * scores.std(ddof=1) / SEEDS**0.5
    mean = float(scores.mean())
    summary = {
        "score": {
            "metric": "test/acc", "mean": mean, "std": float(scores.std(ddof=1)),
            "ci": [mean - half, min(1.0, mean + half)],
        },
        "winner": {"tests": [{"seed": i, "test_acc": float(s)} for i, s in enumerate(scores)]},
        "test_acc_mean": mean, "test_acc_std": 0.0, "test_acc_ci": None,
        "per_class": None, "confusion_matrix": {"counts": [[TESTED * SEEDS]]},
    }  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="calibration"))
    (folder / "final").mkdir()
    (folder / "final" / "summary.json").write_text(json.dumps(summary))
    study = replace(study_of(world, runs), folder=folder)
    weakref.finalize(study, shutil.rmtree, folder)
    gap = float(best.curve.max()) - best.truth
    if fault:
        return Seeded(study, True if gap >= 0.04 else None)
    return Seeded(study, False if gap < 0.01 else None)


def lucky(world: World, seed: int, fault: bool) -> Seeded:
    """The winner is not the truly best trial: found when `indistinguishable` names that one.
    Without the fault the best is ahead by six standard errors."""
    rng = np.random.default_rng(seed)
    samples = world.samples if fault else 10**6
    runs = [
        replace(run, curve=np.array([rng.binomial(samples, run.truth) / samples]))
        for run in usual(world, seed)
    ]
    order = np.argsort([-run.truth for run in runs], kind="stable")
    winner = int(np.argmax([run.curve.max() for run in runs]))
    first, second = (runs[i].truth for i in order[:2])
    is_lucky = winner != order[0] and runs[winner].truth < first
    clear = first - second > CLEAR * standard_error(first, samples)
    study = study_of(world, runs, samples=samples)
    if fault:
        return Seeded(study, True if is_lucky else None, frozenset([str(order[0])]))
    return Seeded(study, False if clear and not is_lucky else None)


def stuck(world: World, seed: int, fault: bool) -> Seeded:
    """The networks of one depth never leave the level of the most frequent class."""
    depth = 1 + seed % 5
    rng = np.random.default_rng(seed)

    def change(run: Run) -> Run:
        if run.params[DEPTH] != depth:
            return run
        epochs = len(run.curve)
        level = rng.binomial(world.samples, world.majority, epochs) / world.samples
        return replace(run, curve=np.minimum(level, world.majority), truth=world.majority)

    if not fault:
        return Seeded(study_of(world, usual(world, seed)), False)
    return Seeded(study_of(world, at_random(world, seed, change=change)), True)


def too_long(world: World, seed: int, fault: bool) -> Seeded:
    """Runs go on for three times their epochs, and come no further; without the fault the best
    five gain .01 in the last part."""

    def change(run: Run) -> Run:
        rest = 2 * len(run.curve)
        late = run.curve[-max(3, len(run.curve) // 10) :]
        curve = np.concatenate([run.curve, np.resize(late, rest)])
        train = np.concatenate([run.train, np.full(rest, run.train[-1])])
        return replace(run, curve=curve, train=train, allowed=3 * run.allowed, cooled_from=None)

    if fault:
        return Seeded(study_of(world, [change(run) for run in usual(world, seed)]), True)
    runs = usual(world, seed)
    best = sorted(runs, key=lambda run: -run.curve.max())[:5]
    before = [run.curve[: int(0.6 * len(run.curve))].max() for run in best]
    late = np.median([run.curve.max() - value for run, value in zip(best, before, strict=True)])
    return Seeded(study_of(world, runs), False if late >= 0.01 else None)


TRAINING_FAULTS = (
    Fault("underfitted budget", (early_stopping_bias,), underfitted, least=1, steady=True),
    Fault("few validation samples", (small_validation,), small),
    Fault("noisy validation", (unsteady,), noisy, least=1),
    Fault("overfit depth", (overfitting,), overfits, least=1),
    Fault("leaky split", (selection_optimism,), leaky),
    Fault("a lucky seed", (indistinguishable,), lucky, least=1),
    Fault("a depth never learns", (never_learned,), stuck, least=3),
    Fault("runs far too long", (saturated,), too_long, least=1),
)
