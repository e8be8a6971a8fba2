"""The race of the final stage: who runs next, who leaves, who wins."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from zmodel.final.choice import Candidate, Run, candidates_of, choose
from zmodel.final.plan import DEFAULTS, FinalPlan, check_options, make_plan, settle_plan
from zmodel.final.race.candidates import baseline_among, best_first, for_race
from zmodel.final.race.rule import BASELINE, TESTED, Position, Race
from zmodel.final.race.schedule import scheduled, with_standings
from zmodel.study.constraints import parse_constraints
from zmodel.study.records import StudyRecord, TrialRecord

SEARCH = (0.95, 0.94, 0.93, 0.92, 0.5)
OPTIONS = {"top": None, "seeds": None, "runs": 15, "candidates": 10, "confidence": 0.9,
           "stretch": 1, "one_standard_error": False, "retrain": False}  # fmt: skip


def raced(race: Race, truth, noise: float, seed: int = 0, failing: int | None = None):
    """All runs of a race in their order, and their scores."""
    rng = np.random.default_rng(seed)
    table = np.array(truth)[:, None] + rng.normal(0, noise, (len(truth), 20))
    table += rng.normal(0, 0.1, 20)  # common to all with one seed
    done: dict[tuple[int, int], float | None] = {}
    while missing := [run for run in race.schedule(done) if run not in done]:
        assert race.schedule(done)[: len(done)] == list(done)
        for i, k in missing:
            done[i, k] = None if i == failing else float(table[i, k])
    return done


def counts(done) -> list[int]:
    return [sum(i == candidate for i, _ in done) for candidate in range(len(SEARCH))]


def test_who_is_clearly_worse_leaves_and_the_rest_of_the_budget_is_saved():
    done = raced(Race(SEARCH), SEARCH, 0.0001)
    assert counts(done) == [TESTED, 1, 1, 0, 0]
    seeds = [k for i, k in done if i == 0]
    assert seeds == list(range(TESTED))  # in order: candidates share them


def test_equals_share_the_budget_and_it_is_never_exceeded():
    done = raced(Race((0.9,) * 5), (0.9,) * 5, 0.01)
    assert len(done) == 15
    assert max(counts(done)) < 10


def test_the_baseline_has_an_interval_though_it_cannot_win():
    done = raced(Race(SEARCH, baseline=4), SEARCH, 0.0001)
    assert counts(done)[4] == BASELINE
    leads = raced(Race(SEARCH, baseline=0), SEARCH, 0.0001)
    assert counts(leads) == [TESTED, BASELINE, 1, 0, 0], "it cannot be beaten"
    full = raced(Race((0.9, 0.9, 0.9, 0.9, 0.1), baseline=4), (0.9, 0.9, 0.9, 0.9, 0.1), 0.01)
    assert counts(full)[4] == BASELINE and len(full) == 15 + BASELINE


def test_a_failed_run_ends_its_candidate_and_counts():
    done = raced(Race(SEARCH), SEARCH, 0.01, failing=0)
    assert counts(done)[0] == 1 and len(done) <= 15
    everyone = Race((0.5, 0.4, 0.3))
    failed = {(0, 0): None, (1, 0): None, (2, 0): None}
    assert everyone.schedule(failed) == list(failed)


def test_who_breaks_a_constraint_of_the_study_leaves(tmp_path):
    record = study(tmp_path, [0.1, 0.9, 0.8, 0.7], [1, 1, 2, 2])
    record = replace(record, attrs={**record.attrs, "constraints": {"val/loss": "<= 0.5"}})
    plan = make_plan(record, OPTIONS)
    ended: list[TrialRecord] = []
    while len(runs := scheduled(plan, ended, tmp_path)) > len(ended):
        trial, seed = runs[len(ended)]
        folder = tmp_path / "trials" / str(len(ended))
        folder.mkdir(parents=True, exist_ok=True)
        told = {"metrics": {"val/loss": 0.6 if trial == 1 else 0.4}}
        (folder / "result.json").write_text(json.dumps(told))
        ended.append(run_of(len(ended), trial, seed, 0.9 - trial / 10 - seed / 1000))
    assert sum(run.params["trial"] == 1 for run in ended) == 1  # the leader of the search
    found = candidates_of(ended, tmp_path, parse_constraints(plan.constraints))
    every = with_standings(plan, found)
    assert [c.trial for c in every if c.standing is None] == [1]
    assert choose(every, maximize=True).trial != 1


def test_candidates_are_compared_by_the_seeds_that_both_have():
    # the second seed is .2 worse for everyone, and only the first candidate met it
    race = Race((0.80, 0.79, 0.70))
    found = race.standings([[0.80, 0.60], [0.79], [0.70]])
    assert found[0].behind == 0
    assert found[1].behind == pytest.approx(0.01) and found[2].behind == pytest.approx(0.1)
    assert found[0].score - found[1].score == pytest.approx(0.01)
    # by hand: two candidates, the search and one seed; half the difference of differences
    two = Race((0.8, 0.7)).standings([[0.9], [0.7]])
    assert two[1].behind == pytest.approx(0.15)
    assert two[1].error == pytest.approx(0.05)  # one degree of freedom, residuals of .025
    assert two[1].able and not Race((0.8, 0.7), confidence=0.7).standings([[0.9], [0.7]])[1].able


def test_it_finds_the_better_one_more_often_than_the_search_does():
    truth, hits, alone = (0.9, 0.88, 0.9, 0.88, 0.92), 0, 0
    for seed in range(60):
        rng = np.random.default_rng(1000 + seed)
        race = Race(tuple(truth + rng.normal(0, 0.02, 5)))
        done = raced(race, truth, 0.02, seed)
        standings = race.standings(race.scores(list(done), done))
        hits += max(standings, key=lambda i: standings[i].score) == 4
        alone += int(np.argmax(race.search)) == 4
    assert hits > alone + 5


def study(tmp_path: Path, values, depths, baseline: int = 0) -> StudyRecord:
    trials = []
    for number, (value, depth) in enumerate(zip(values, depths, strict=True)):
        folder = tmp_path / "trials" / str(number) / ".hydra"
        folder.mkdir(parents=True)
        (folder / "overrides.yaml").write_text(f"- model.z_layers={depth}\n")
        params = {"model.z_layers": depth, "model.width": number}
        attrs = {"seed": 0, "baseline": number == baseline}
        trials.append(TrialRecord(number, "complete", params, (value,), {}, None, None, attrs))
    from optuna.distributions import IntDistribution

    space = {"model.z_layers": IntDistribution(1, 3), "model.width": IntDistribution(0, 99)}
    return StudyRecord("s", ("maximize",), space, tuple(trials), folder=tmp_path)  # type: ignore[arg-type]


def test_candidates_are_the_best_the_baseline_and_every_depth_that_can_win(tmp_path):
    values = [0.1, *(0.90 + 0.001 * k for k in range(12)), 0.9075, *(0.2,) * 12]
    depths = [2, *(2,) * 12, 1, *(3,) * 12]
    record = study(tmp_path, values, depths)
    trials = best_first(record)
    baseline = baseline_among(trials, record)
    chosen = [t.number for t in for_race(record, trials, baseline, 5, 0.9)]
    assert chosen == [12, 11, 10, 13, 0]  # depth 1 ran once and may win, depth 3 cannot
    plan = make_plan(record, OPTIONS)
    assert plan.is_race and plan.baseline == 0 and len(plan.candidates) == 10
    assert plan.seeds == tuple(range(1, 16))


def run_of(number: int, trial: int, seed: int, value: float | None) -> TrialRecord:
    state, values = ("failed", None) if value is None else ("complete", (value,))
    params = {"trial": trial, "seed": seed}
    return TrialRecord(number, state, params, values, {}, None, None, {"epochs": 1})


def test_a_plan_schedules_rounds_and_a_loss_is_better_when_small(tmp_path):
    record = replace(study(tmp_path, [0.3, 0.1, 0.2, 0.5], [1, 1, 2, 2]), directions=("minimize",))
    plan = make_plan(record, OPTIONS)
    first = scheduled(plan, [])
    assert first == [(1, 1), (2, 1), (0, 1)]
    values = {1: 0.4, 2: 0.15, 0: 0.31}
    ended = [run_of(i, trial, 1, values[trial]) for i, (trial, _) in enumerate(first)]
    assert scheduled(plan, ended)[:3] == first
    assert len(scheduled(plan, ended)) > 3
    failed = [replace(ended[0], values=(math.inf,)), *ended[1:]]
    assert (1, 2) not in scheduled(plan, failed)
    found = [Candidate(t, (Run(1, values[t], 1, 1, Path()),)) for t, _ in first]
    every = with_standings(plan, found)
    assert [c.trial for c in every] == list(plan.candidates)
    assert choose(every, maximize=False).trial == 2


@pytest.mark.parametrize("most", [1, 2])
def test_a_short_race_has_seeds_for_the_runs_of_the_baseline(tmp_path, most):
    record = study(tmp_path, [0.1, 0.9, 0.8, 0.7], [1, 1, 2, 2])
    plan = make_plan(record, {**OPTIONS, "runs": most})
    ended: list[TrialRecord] = []
    while len(runs := scheduled(plan, ended)) > len(ended):
        trial, seed = runs[len(ended)]
        ended.append(run_of(len(ended), trial, seed, 0.9 - trial / 10 - seed / 1000))
    own = [run.params["seed"] for run in ended if run.params["trial"] == 0]
    assert own == [1, 2, 3] and len(ended) == most + BASELINE


def test_few_lucky_runs_do_not_win():
    def candidate(trial: int, score: float, runs: int, parameters: int = 9) -> Candidate:
        made = tuple(Run(k, score, 1, parameters, Path()) for k in range(runs))
        return Candidate(trial, made, standing=Position(score, 0.95 - score, 0.02, True, runs))

    lucky, tried = candidate(1, 0.95, 1), candidate(2, 0.94, 5)
    assert choose([lucky, tried], maximize=True) is tried
    small = candidate(3, 0.93, 4, parameters=2)
    assert choose([lucky, tried, small], maximize=True, one_standard_error=True) is small


def test_top_and_seeds_stay_a_way_and_old_plans_go_on(tmp_path):
    record = study(tmp_path, [0.1, 0.9, 0.8, 0.7, 0.6], [1, 1, 2, 2, 3])
    plan = make_plan(record, {**OPTIONS, "top": 2})
    assert (plan.candidates, plan.seeds) == ((1, 2, 0), (1, 2, 3, 4, 5))
    assert scheduled(plan, []) == [(t, s) for t in (1, 2, 0) for s in (1, 2, 3, 4, 5)]
    assert with_standings(plan, [])[0].standing is None
    old = {k: plan.options[k] for k in ("top", "seeds", "stretch", "one_standard_error", "retrain")}
    folder = tmp_path / "final"
    (folder / "trials").mkdir(parents=True)
    (folder / "plan.json").write_text(replace(plan, options=old).to_json())
    kept = settle_plan(record, OPTIONS, folder)
    assert kept.candidates == (1, 2, 0) and not kept.is_race
    assert FinalPlan.read(folder / "plan.json") == kept
    with pytest.raises(ValueError, match="final.top: 2 -> 3"):
        settle_plan(record, {**OPTIONS, "top": 3}, folder)
    with pytest.raises(ValueError, match="final.first_seed: 0 -> 9"):
        settle_plan(record, {**OPTIONS, "top": 2, "first_seed": 9}, folder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 1},
        {"runs": 0},
        {"candidates": 1},
        {"top": 0},
        {"first_seed": -1},
        {"first_seed": 2**32},
    ],
)
def test_an_option_that_cannot_work_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=f"final.{next(iter(wrong))}"):
        make_plan(study(tmp_path, [0.1, 0.2], [1, 2]), {**OPTIONS, **wrong})


def test_a_file_older_than_an_option_still_works():
    shipped = OmegaConf.load(Path(__file__).parents[2] / "conf" / "hparams_search" / "final.yaml")
    assert {k: v for k, v in shipped.final.items() if k != "storage"} == DEFAULTS
    assert check_options({"stretch": 3}) == {**DEFAULTS, "stretch": 3}


def test_of_equal_trials_the_one_whose_kept_epoch_has_the_lower_loss_is_first(tmp_path):
    record = study(tmp_path, [0.9, 0.9, 0.95, 0.9], [1, 1, 2, 2], baseline=0)
    kept, last = [0.45, 0.30, 0.6, None], [0.5, 1.2, 0.6, 0.4]
    trials = []
    for trial, at_best, at_end in zip(record.trials, kept, last, strict=True):
        folder = tmp_path / "trials" / str(trial.number)
        if at_best is not None:
            content = {"best_metrics": {"val/loss": at_best}, "metrics": {"val/loss": at_end}}
            (folder / "result.json").write_text(json.dumps(content))
        attrs = {**trial.attrs, "dir": str(folder), "metrics": {"val/loss": at_end}}
        trials.append(replace(trial, attrs=attrs))
    record = replace(record, trials=tuple(trials))
    assert [t.number for t in best_first(record)] == [2, 1, 3, 0]
