"""Checks that the playbook asks for: what must be said, and what must not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from zmodel import analysis
from zmodel.analysis.diagnostics.space import useless, values
from zmodel.analysis.diagnostics.training import overfitting
from zmodel.analysis.findings import Findings
from zmodel.analysis.replay.simulate import DEPTH, LR, Truth, simulate
from zmodel.analysis.rules import boundary
from zmodel.analysis.rules.best_trial import overfitting as overfits
from zmodel.analysis.rules.space import batch_size_searched, useless_region
from zmodel.analysis.rules.training import saturated, unsteady
from zmodel.analysis.statistics.selection import structural
from zmodel.study.records import StudyRecord, TrialRecord


def lost_beyond(limit: float, seed: int, trials: int = 60, share: float = 1.0) -> StudyRecord:
    """A study in which trials diverge at learning rates above `limit`, or anywhere by chance."""
    rng = np.random.default_rng(seed)
    made: list[TrialRecord] = []
    for number in range(trials):
        rate = float(10 ** rng.uniform(-4, -1))
        diverges = rng.random() < share if rate > limit else limit > 1 and rng.random() < 0.2
        params = {DEPTH: int(rng.integers(1, 6)), LR: rate}
        more: dict[str, Any] = {"attrs": {}}
        if diverges:
            more["attrs"] = {"fail_reason": "ValueError: The training loss must stay finite"}
        state, value = ("failed", None) if diverges else ("complete", (float(rng.random()),))
        made.append(TrialRecord(number, state, params, value, {}, None, None, **more))
    return StudyRecord("s", ("maximize",), {k: Truth().space[k] for k in (DEPTH, LR)}, tuple(made))


def said(rule: Any, study: StudyRecord) -> list[str | None]:
    return [verdict.param for verdict in rule.judge(Findings(study)) or ()]


def test_where_the_space_is_lost_is_found_and_chance_is_not():
    found = [said(useless_region, lost_beyond(0.0178, seed)) for seed in range(60)]
    assert sum(params == [LR] for params in found) >= 57
    by_chance = [said(useless_region, lost_beyond(2.0, seed)) for seed in range(60)]
    assert sum(map(bool, by_chance)) <= 3
    record = useless.data(lost_beyond(0.0178, 0))
    assert record.diverged == record.lost > 5 and 0 < record.low < record.share < record.high < 1


def test_runs_that_never_learned_count_and_a_steady_study_has_none():
    healthy = simulate(Truth(), 40, 0)
    assert useless.data(healthy).lost == 0
    assert useless_region.judge(Findings(healthy)) == []
    stuck = simulate(Truth(tau=(3.0, 5.0, 7.5, 9.5, 20_000.0)), 60, 0)
    assert useless.data(stuck).learned_nothing > 5
    assert said(useless_region, stuck) == [DEPTH]


def test_a_searched_batch_size_is_a_note_unless_it_is_what_the_study_asks():
    healthy = simulate(Truth(), 20, 0)
    assert said(batch_size_searched, healthy) == ["data.batch_size"]
    meant = replace(healthy, attrs={"roles": {"data.batch_size": "scientific"}})
    assert said(batch_size_searched, meant) == []
    space = {k: d for k, d in healthy.space.items() if k != "data.batch_size"}
    assert said(batch_size_searched, replace(healthy, space=space)) == []


@pytest.mark.parametrize(
    ("rule", "truth", "hits"),
    [
        (unsteady, Truth(), (0, 1)),
        (unsteady, Truth(noise=0.06), (11, 12)),
        (saturated, Truth(), (0, 1)),
        (saturated, Truth(epochs=200), (11, 12)),
    ],
)
def test_late_epochs_of_the_best_trials(rule, truth, hits):
    studies = [simulate(truth, 30, seed, floor=3, stop_early=False) for seed in range(70, 82)]
    found = sum(bool(rule.judge(Findings(study))) for study in studies)
    assert hits[0] <= found <= hits[1]


def test_values_are_compared_at_equal_numbers_of_trials():
    """The best of a value that was tried ten times as often is not larger by that alone."""
    rng = np.random.default_rng(0)
    depths = [1] * 40 + [2] * 4
    trials = tuple(
        TrialRecord(i, "complete", {DEPTH: z, LR: 0.01}, (float(rng.normal()),), {}, None, None)
        for i, z in enumerate(depths)
    )
    space = {k: Truth().space[k] for k in (DEPTH, LR)}
    study = StudyRecord("s", ("maximize",), space, trials)
    often, seldom = values.data(study).main.cells[:2]
    assert often.isolated is not None and seldom.isolated is not None
    assert often.best is not None and often.isolated < often.best
    assert often.isolated_low < seldom.isolated_high  # type: ignore[operator]
    assert values.data(study).main.cells[2].isolated is None
    loss = replace(study, directions=("minimize",))
    least = values.data(loss).main.cells[0]
    assert least.isolated_low <= least.isolated <= least.isolated_high  # type: ignore[operator]


def test_overfitting_is_that_of_the_epoch_that_was_kept(monkeypatch, tmp_path):
    curves = {"train/acc": {0: 0.7, 1: 0.9, 2: 1.0}, "val/acc": {0: 0.6, 1: 0.8, 2: 0.8}}
    monkeypatch.setattr(overfitting, "run_folder", lambda *_: tmp_path)
    monkeypatch.setattr(overfitting, "read_metrics", lambda _: curves)
    params, attrs = {DEPTH: 1, LR: 0.01}, {"best_epoch": 2}
    one = TrialRecord(0, "complete", params, (0.8,), {}, None, None, attrs=attrs)
    space = {k: Truth().space[k] for k in (DEPTH, LR)}
    found = overfitting.data(StudyRecord("s", ("maximize",), space, (one,)))
    assert (found.best.train_acc, found.best.val_acc) == (1.0, 0.8)


def test_overfitting_is_looked_for_in_the_best_trial_of_every_depth():
    gaps = {1: 0.01, 2: 0.2, 3: 0.02}
    trials = tuple(
        TrialRecord(
            z, "complete", {DEPTH: z, LR: 0.01}, (0.9 - 0.1 * (z == 2),), {}, None, None,
            attrs={"metrics": {"train/acc": 0.8 + gap, "val/acc": 0.8}},
        )
        for z, gap in gaps.items()
    )  # fmt: skip
    space = {k: Truth().space[k] for k in (DEPTH, LR)}
    study = StudyRecord("s", ("maximize",), space, trials)
    assert [fit.depth for fit in overfitting.data(study).best_of_depths] == ["1", "2", "3"]
    (verdict,) = overfits.judge(Findings(study)) or []
    assert verdict.severity == "note" and list(verdict.evidence["gaps"]) == ["2"]


def test_roles_decide_what_is_compared():
    study = simulate(Truth(), 10, 0)
    assert structural(study) == [DEPTH]
    told = {"model.width": "scientific", DEPTH: "nuisance"}
    assert structural(replace(study, attrs={"roles": told})) == ["model.width"]
    assert structural(replace(study, attrs={"roles": {"model.width": "nuisance"}})) == [DEPTH]
    assert structural(replace(study, attrs={"roles": "odd"})) == [DEPTH]
    space = {"kind": CategoricalDistribution(["a", "b"]), "lr": FloatDistribution(0, 1)}
    plain = StudyRecord("s", ("maximize",), space, ())
    assert structural(plain) == ["kind"]


def test_verdicts_of_a_simulated_study_have_the_codes_of_the_contract():
    codes = Counter(verdict.code for verdict in analysis.judge(simulate(Truth(), 40, 0)))
    assert codes["batch_size_searched"] == 1 and codes["useless_region"] == 0


def test_random_trials_show_that_a_bound_is_too_narrow():
    """None of them lies at the bound itself."""

    def warned(best: float, seed: int) -> bool:
        rng = np.random.default_rng(seed)
        rates = 10 ** rng.uniform(-4, -1, 60)
        made = []
        for number, rate in enumerate(map(float, rates)):
            value = float(0.9 - 0.05 * (np.log10(rate) - best) ** 2 + rng.normal(0, 0.01))
            params = {DEPTH: 1 + number % 5, LR: rate}
            made.append(TrialRecord(number, "complete", params, (value,), {}, None, None))
        space = {k: Truth().space[k] for k in (DEPTH, LR)}
        found = boundary.judge(Findings(StudyRecord("s", ("maximize",), space, tuple(made))))
        return any(v.param == LR and v.rank == 2 for v in found or ())

    assert sum(warned(0.0, seed) for seed in range(20)) >= 18
    assert sum(warned(-2.0, seed) for seed in range(20)) <= 1


def test_thirty_trials_of_many_parameters_show_a_range_that_is_too_narrow():
    """A steep rise over the outer half counts where the whole range is less sure: it bends."""
    rng = np.random.default_rng(0)
    space = {DEPTH: Truth().space[DEPTH], LR: FloatDistribution(1e-5, 3e-4, log=True)}
    space |= {name: FloatDistribution(0, 1) for name in "abc"}
    made = []
    for number in range(30):
        place = float(rng.uniform())
        params = {name: float(rng.uniform()) for name in "abc"}
        params |= {DEPTH: 1 + number % 5, LR: 1e-5 * 30**place}
        value = 0.2 + 0.5 * place**6 - 0.1 * params["a"] + float(rng.normal(0, 0.04))
        made.append(TrialRecord(number, "complete", params, (value,), {}, None, None))
    found = boundary.judge(Findings(StudyRecord("s", ("maximize",), space, tuple(made))))
    assert [v.param for v in found or () if v.rank == 2] == [LR]


@pytest.mark.parametrize(("bounds", "least", "most"), [((-4, -2.8), 19, 20), ((-3.5, -0.5), 0, 0)])
def test_a_range_that_is_too_narrow_is_found_though_depths_differ_by_more(bounds, least, most):
    """Depths that differ by .17 hide what the learning rate does, until the fit takes them out."""

    def warned(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        made = []
        for number in range(50):
            z, rate, width = 1 + number % 5, 10 ** rng.uniform(*bounds), float(rng.uniform())
            level = (0.76, 0.86, 0.93, 0.86, 0.76)[z - 1]
            lost = 0.06 * (np.log10(rate) + 2) ** 2 + 0.03 * (width - 0.5) ** 2
            value = float(level - lost + rng.normal(0, 0.01))
            params = {DEPTH: z, LR: float(rate), "x": width}
            made.append(TrialRecord(number, "complete", params, (value,), {}, None, None))
        rates = FloatDistribution(10 ** bounds[0], 10 ** bounds[1], log=True)
        space = {DEPTH: Truth().space[DEPTH], LR: rates, "x": FloatDistribution(0, 1)}
        found = boundary.judge(Findings(StudyRecord("s", ("maximize",), space, tuple(made))))
        return any(v.param == LR and v.rank == 2 for v in found or ())

    assert least <= sum(warned(seed) for seed in range(20)) <= most
