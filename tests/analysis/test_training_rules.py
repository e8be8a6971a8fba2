"""Rules about curves: late starts under a pruner, epochs that end too early, lucky epochs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from optuna.distributions import IntDistribution

from zmodel import analysis
from zmodel.analysis.findings import Findings
from zmodel.analysis.replay.simulate import DEPTH
from zmodel.analysis.rules import early_stopping_bias, pruning_bias
from zmodel.analysis.rules.training import unsteady
from zmodel.analysis.statistics.could_win import pruned_could_win
from zmodel.analysis.statistics.epoch_noise import best_of_noise, epoch_noise
from zmodel.analysis.statistics.pruned_more import pruned_more
from zmodel.study.records import StudyRecord, TrialRecord

SPACE = {DEPTH: IntDistribution(1, 5)}
EPOCHS = 30


def trained(number: int, depth: int, curve: np.ndarray, pruned: bool = False) -> TrialRecord:
    state, value = ("pruned", None) if pruned else ("complete", (float(curve.max()),))
    attrs = {"max_epochs": EPOCHS, "stopped_early": False}
    points = dict(enumerate(map(float, curve)))
    return TrialRecord(number, state, {DEPTH: depth}, value, points, None, None, attrs)


def study_of(trials: list[TrialRecord]) -> StudyRecord:
    return StudyRecord("s", ("maximize",), SPACE, tuple(trials))


def late_start() -> StudyRecord:
    """Five trials of the last depth stand still until they are pruned; of the 44 others, which
    learn at once, 20 are pruned as well: too few for a count to prove anything."""
    rng = np.random.default_rng(0)
    rise = 1 - np.exp(-np.arange(1, EPOCHS + 1) / 5)
    trials = [trained(i, 5, np.full(6, 0.1 + i / 100), pruned=True) for i in range(5)]
    for i in range(44):
        curve = 0.1 + rng.uniform(0.4, 0.8) * rise + rng.normal(0, 0.01, EPOCHS)
        end = int(rng.choice([1, 6, 11])) if i < 20 else EPOCHS
        trials.append(trained(5 + i, 1 + i % 4, curve[:end], pruned=i < 20))
    return study_of(trials)


def mixed(study: StudyRecord, seed: int) -> StudyRecord:
    depths = np.random.default_rng(seed).permutation([t.params[DEPTH] for t in study.trials])
    pairs = zip(study.trials, depths, strict=True)
    return study_of([replace(t, params={DEPTH: int(z)}) for t, z in pairs])


def test_a_depth_that_starts_late_is_found_by_its_curves_where_counts_prove_nothing():
    study = late_start()
    (found,) = pruning_bias.judge(Findings(study)) or []
    assert found.severity == "alarm" and found.evidence["pruned"]["5"] == 5
    blind = study_of([replace(t, curve={}) for t in study.trials])
    assert pruning_bias.judge(Findings(blind))[0].severity == "note"  # type: ignore[index]
    assert pruning_bias.judge(Findings(replace(study, attrs={"curve": {}})))[0].severity == "note"  # type: ignore[index]


def test_depths_that_mean_nothing_to_the_pruner_are_seldom_called_pruned():
    study = late_start()
    ranks = [
        max((v.rank for v in pruning_bias.judge(Findings(mixed(study, seed))) or []), default=0)
        for seed in range(10)
    ]
    assert sum(rank >= 2 for rank in ranks) <= 1


def test_groups_without_two_ended_trials_and_studies_without_prunings_have_no_p_value():
    study = late_start()
    groups = {"late": study.trials[:5], "one": study.trials[5:6], "rest": study.trials[6:]}
    assert set(pruned_more(study, groups)) == {"late", "rest"}
    assert pruned_more(study, {"all": study.trials}) == {}
    assert pruned_more(study, {"some": study.trials[-4:-2], "rest": study.trials[-2:]}) == {}
    unknown = [replace(t, curve={0: float("nan")}) for t in study.trials]
    assert pruned_more(study, {"late": unknown[:5], "rest": unknown[5:]})["late"] <= 0.2


def rising(seed: int, gain: float, noise: float, way: float = 1.0) -> StudyRecord:
    """Best trials of depth 5 gain so much in the last tenth; the other depths are flat."""
    rng = np.random.default_rng(seed)
    trials = []
    for i in range(60):
        depth = 1 + i % 5
        slope = gain / 3 if depth == 5 else 0.0
        curve = 0.8 + slope * (np.arange(EPOCHS) - EPOCHS) + rng.normal(0, noise, EPOCHS)
        own = trained(i, depth, curve)
        best = (way * float(curve.max()),)
        trials.append(replace(own, curve={e: way * v for e, v in own.curve.items()}, values=best))
    return replace(study_of(trials), directions=("maximize" if way > 0 else "minimize",))


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_a_depth_still_rises_where_no_single_trial_proves_it(way):
    noise = 0.015
    for seed in range(5):
        study = rising(seed, 0.025, noise, way)
        depths = analysis.stopping(study).depths
        assert depths[4].leaders_gain == pytest.approx(0.025, abs=0.025)
        (found,) = early_stopping_bias.judge(Findings(study)) or []
        assert found.evidence["values"] == ["5"]
        assert depths[4].gain_error == pytest.approx(noise * (2 / 9) ** 0.5, rel=0.3)


@pytest.mark.parametrize("lost", [float("nan"), float("-inf")])
def test_an_epoch_without_a_finite_value_says_nothing_of_the_others(lost):
    """The best trial lost one epoch: noise and best epoch are those of the other epochs."""
    whole = rising(1, 0.0, 0.05)
    leader = max(whole.trials, key=lambda t: t.values or ())
    torn = replace(leader, curve={**leader.curve, 0: lost, EPOCHS - 4: lost})
    study = study_of([torn if t is leader else t for t in whole.trials])
    assert early_stopping_bias.judge(Findings(study)) == []
    (told,) = unsteady.judge(Findings(study)) or []
    assert told.evidence["luck"] == pytest.approx(0.05 * 1.74, rel=0.3)
    best = analysis.late_epochs(study).trials[0]
    assert best.best_epoch == 1 + max(leader.curve, key=leader.curve.__getitem__)
    assert best.noise == pytest.approx(0.05, rel=0.5) and best.arrived > 1
    kept = replace(torn, attrs={**torn.attrs, "best_epoch": 7})
    study = study_of([kept if t is leader else t for t in whole.trials])
    assert analysis.late_epochs(study).trials[0].best_epoch == 8


def test_a_pruned_trial_that_lost_an_epoch_is_judged_by_the_others():
    epochs = np.arange(1, EPOCHS + 1)
    leader = trained(0, 1, 0.9 * (1 - np.exp(-epochs / 3)))
    cut = trained(1, 2, 0.6 * (1 - np.exp(-epochs[:15] / 3)), pruned=True)
    torn = replace(cut, curve={**cut.curve, 0: float("nan")})
    for trial in (cut, torn):
        assert not pruned_could_win(study_of([leader, trial]), [trial])


def test_noise_alone_is_no_rise():
    found = [early_stopping_bias.judge(Findings(rising(seed, 0.0, 0.05))) for seed in range(10)]
    assert sum(map(bool, found)) <= 1


def test_trials_that_agree_are_steady_however_close_the_best_are():
    """The five best differ by nothing, and their last epochs by hardly more."""
    rng = np.random.default_rng(0)
    rise = 0.9 * (1 - np.exp(-np.arange(EPOCHS) / 3))
    curves = [np.round(rise + rng.normal(0, 0.0004, EPOCHS), 3) for _ in range(20)]
    study = study_of([trained(i, 1 + i % 5, curve) for i, curve in enumerate(curves)])
    assert unsteady.judge(Findings(study)) == []
    shaken = [curve + rng.normal(0, 0.05, EPOCHS) for curve in curves]
    study = study_of([trained(i, 1 + i % 5, curve) for i, curve in enumerate(shaken)])
    (found,) = unsteady.judge(Findings(study)) or []
    assert found.evidence["luck"] == pytest.approx(0.05 * 1.74, rel=0.3)


def test_the_noise_of_an_epoch_is_that_around_its_trend():
    rng = np.random.default_rng(0)
    curve = np.arange(500) * 0.1 + rng.normal(0, 0.02, 500)
    assert epoch_noise(curve) == pytest.approx(0.02, rel=0.1)
    assert epoch_noise([0.1, 0.2]) == 0.0
    drawn = rng.normal(size=(4000, 15)).max(1)
    assert best_of_noise(1.0, 15) == pytest.approx(drawn.mean(), abs=0.03)


@pytest.mark.parametrize(("limit", "tau", "warned"), [(0.6, 3.0, False), (0.9, 30.0, True)])
def test_a_depth_that_was_nearing_a_limit_below_the_best_was_pruned_with_reason(limit, tau, warned):
    """All trials of depth 5 are pruned half-way: near their limit, or while they still rise."""
    rng = np.random.default_rng(0)
    epochs = np.arange(1, EPOCHS + 1)
    trials = []
    for i in range(40):
        own = 1 + i % 5
        top, speed = (limit, tau) if own == 5 else (0.9, 3.0)
        curve = 0.1 + (top - 0.1) * (1 - np.exp(-epochs / speed)) + rng.normal(0, 0.002, EPOCHS)
        trials.append(trained(i, own, curve[: 15 if own == 5 else EPOCHS], pruned=own == 5))
    study = study_of(trials)
    found = pruning_bias.judge(Findings(study)) or []
    assert any(v.rank >= 2 for v in found) is warned
    elsewhere = {"optimized_metric": ["val/f1"], "curve": {"metric": "val/acc"}}
    told_nothing = replace(study, attrs=elsewhere)
    assert pruned_could_win(told_nothing, trials[4::5])
