"""The diagnostics' numbers, on studies whose answers are known."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel import analysis
from zmodel.analysis import catalog
from zmodel.analysis.diagnostics.search import duplicates, failures, timeline, zombies
from zmodel.analysis.diagnostics.training import pausing, stopping
from zmodel.analysis.diagnostics.training.speed import overtaking
from zmodel.analysis.replay.patience import best_epoch, best_score, was_cut
from zmodel.analysis.replay.simulate import DEPTH, Truth, simulate
from zmodel.analysis.statistics.intervals import around, bootstrap, wins
from zmodel.analysis.statistics.potential import chances
from zmodel.analysis.statistics.shares import evenness, wilson
from zmodel.analysis.statistics.steps import running_best
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord

DEPTHS = {DEPTH: IntDistribution(1, 3)}
START = datetime(2026, 1, 1)


def trial(number: int, z: int, value: float | None, **more: Any) -> TrialRecord:
    state = more.pop("state", "complete" if value is not None else "failed")
    params = more.pop("params", {DEPTH: z})
    return TrialRecord(
        number=number,
        state=state,
        params=params,
        values=None if value is None else (value,),
        curve=more.pop("curve", {}),
        started=more.pop("started", START + timedelta(minutes=number)),
        finished=more.pop("finished", START + timedelta(minutes=number + 1)),
        distributions=more.pop("distributions", {p: d for p, d in DEPTHS.items() if p in params}),
        attrs=more,
    )


def study(*trials: TrialRecord, **more: Any) -> StudyRecord:
    return StudyRecord(
        name=more.pop("name", "s"),
        directions=more.pop("directions", ("maximize",)),
        space=more.pop("space", DEPTHS),
        trials=trials,
        attrs=more,
    )


def test_values_count_every_declared_value_and_what_became_of_its_trials():
    found = analysis.values(
        study(
            trial(0, 1, 0.5),
            trial(1, 1, 0.7, forced=[DEPTH]),
            trial(2, 1, None),
            trial(3, 2, 0.3, state="pruned"),
        )
    ).main
    one, two, three = found.cells
    assert [c.trials for c in found.cells] == [3, 1, 0]
    assert (one.share, one.best, one.median, one.forced) == (0.75, 0.7, 0.6, 1)
    assert one.completed == ((0.5, False, 0), (0.7, True, 1))
    assert (one.states["failed"], two.states["pruned"], three.best) == (1, 1, None)
    assert (one.ended, two.ended, three.ended) == (3, 1, 0)
    shares = np.array([0.75, 0.25])
    assert found.evenness == pytest.approx(-np.sum(shares * np.log(shares)) / np.log(3))


def test_evenness_runs_from_zero_to_one():
    assert evenness([9, 0, 0]) == 0
    assert evenness([4, 4, 4]) == pytest.approx(1)


def test_a_value_is_ahead_by_its_three_best_trials_and_only_from_three_on():
    assert wins([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 0.0], [9.0, 9.0]])[2] == 0
    first, second, _ = wins([[1.0] * 5, [2.0] * 5, []])
    assert (first, second) == (0, 1)
    close = analysis.values(study(*(trial(i, 1 + i % 2, 0.5 + i / 100) for i in range(8)))).depth
    assert sum(cell.wins for cell in close.cells) == pytest.approx(1)
    assert close.leader.label == "2" and [c.label for c in close.rivals] == ["1"]


def test_an_estimate_lies_inside_its_interval():
    assert around(5.0, [1.0, 2.0, 3.0]) == (pytest.approx(1.05), 5.0)
    assert around(5.0, []) == (None, None)
    record = simulate(Truth(), 30, 3, pruner=optuna.pruners.MedianPruner(n_warmup_steps=8))
    estimates = [e for m in analysis.importance(record).methods for e in m.params.values()]
    assert all(e.low <= e.value <= e.high for e in estimates)
    assert all(c.low <= c.epoch <= c.high for c in analysis.speed(record).crossings)
    cells = [c for p in analysis.values(record).params for c in p.cells if c.median_low is not None]
    assert all(c.median_low <= c.median <= c.median_high for c in cells)


@pytest.mark.parametrize(
    ("distribution", "labels", "value", "cell"),
    [
        (CategoricalDistribution([None, True, "a"]), ("None", "True", "a"), True, 1),
        (IntDistribution(2, 8, step=2), ("2", "4", "6", "8"), 6, 2),
        (
            FloatDistribution(1e-4, 1.0, log=True),
            ("0.0001 to 0.001", "0.001 to 0.01", "0.01 to 0.1", "0.1 to 1"),
            0.05,
            2,
        ),
    ],
)
def test_a_parameter_is_cut_into_its_values_or_into_bins_of_its_own_scale(
    distribution, labels, value, cell
):
    cells = cells_of(study(space={"p": distribution}), "p")
    assert cells.labels == labels
    assert cells.at(value) == cell


def test_a_value_outside_the_declared_range_gets_its_own_cell():
    assert cells_of(study(trial(0, 7, 0.5)), DEPTH).labels == ("1", "2", "3", "7")


def test_intervals_hold_what_they_promise():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        low, high = bootstrap(rng.normal(size=30))
        hits += low <= 0 <= high
    assert 0.88 <= hits / 200 <= 0.99
    assert bootstrap([1.0, 2.0]) is None
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(1, 10)
    assert (low, high) == (pytest.approx(0.0179, abs=1e-3), pytest.approx(0.4042, abs=1e-3))


def test_chance_to_win_follows_what_others_gained_from_as_small_a_start():
    rng = np.random.default_rng(0)
    leader = list(rng.uniform(0.6, 0.9, 40))
    near, far = [0.80, 0.75], [0.2, 0.1]
    leads, may, cannot, unknown = chances([leader, near, far, []])
    assert leads == 1 and unknown == 1
    assert may > 0.3
    assert cannot == 0


def test_history_follows_the_order_in_which_trials_ended():
    late = START + timedelta(hours=5)
    past = analysis.history(
        study(
            trial(0, 1, 0.9, finished=late, epochs=10, seconds=60.0),
            trial(1, 1, 0.5, epochs=3, seconds=5.0),
            trial(2, 1, None, epochs=1, seconds=1.0),
            trial(3, 1, 0.4, epochs=2, seconds=2.0),
        )
    )
    assert [s.trial for s in past.steps] == [1, 2, 3, 0]
    assert [s.best_so_far for s in past.steps] == [0.5, 0.5, 0.5, 0.9]
    assert [s.epochs_so_far for s in past.steps] == [3, 4, 6, 16]


def test_what_paused_trials_have_cost_counts():
    paused = {"state": "paused", "finished": None}
    halved = study(
        trial(0, 1, None, epochs=4, seconds=4.0, **paused),
        trial(1, 1, 0.5, epochs=10, seconds=10.0),
        trial(2, 1, None, curve={0: 0.1, 1: 0.2}, **paused),
        trial(3, 2, 0.6, epochs=10, seconds=10.0),
        trial(4, 2, None, epochs=3, **paused, started=START + timedelta(hours=1)),
    )
    past = analysis.history(halved)
    assert [s.epochs_so_far for s in past.steps] == [16, 26]  # trial 2 begins as trial 1 ends
    assert [s.seconds_so_far for s in past.steps] == [14.0, 24.0]
    (entry,) = analysis.compare([halved]).entries
    assert (entry.epochs, entry.seconds) == (29, 24.0)


def test_smaller_is_better_when_minimizing():
    trials = [trial(i, 1 + i % 3, v) for i, v in enumerate([0.5, 0.2, 0.9, 0.4])]
    down = study(*trials, directions=("minimize",))
    assert analysis.history(down).steps[-1].best_so_far == 0.2
    assert analysis.values(down).main.cells[0].best == 0.4
    assert analysis.values(down).main.cells[1].best == 0.2


def test_importance_finds_the_parameter_that_matters_and_says_how_surely():
    space = {"a": FloatDistribution(0, 1), "b": FloatDistribution(0, 1)}
    rng = np.random.default_rng(0)
    points = rng.random((60, 2))
    trials = [
        trial(i, 0, float(a + 0.05 * b), params={"a": a, "b": b}, distributions=space)
        for i, (a, b) in enumerate(points)
    ]
    found = analysis.importance(study(*trials, space=space))
    assert {m.name for m in found.methods} == {"ped_anova", "fanova", "mdi"}
    for method in found.methods:
        assert method.first == "a"
        assert method.params["a"].low <= 1 and method.params["a"].low > method.params["b"].value
        assert sum(e.value for e in method.params.values()) == pytest.approx(1)


def test_values_of_a_study_whose_trials_all_wait_are_not_drawn():
    with pytest.raises(analysis.Unavailable):
        analysis.values(study(trial(0, 1, None, state="waiting", params={})))


@pytest.mark.parametrize(("choices", "wide"), [(8, False), (9, True), (300, True)])
def test_a_parameter_of_many_choices_keeps_no_report_waiting(choices, wide):
    """Every choice doubles the time of fANOVA: at 300 it would never end."""
    space = {"kind": CategoricalDistribution([str(i) for i in range(choices)]), **DEPTHS}
    rng = np.random.default_rng(0)
    trials = []
    for i in range(20):
        params = {"kind": str(rng.integers(choices)), DEPTH: int(rng.integers(1, 4))}
        trials.append(trial(i, 0, float(rng.random()), params=params, distributions=space))
    found = analysis.importance(study(*trials, space=space))
    assert ("kind" in found.skipped.get("fanova", "")) == wide
    assert {m.name for m in found.methods} == {"ped_anova", "mdi"} | (set() if wide else {"fanova"})


def test_importance_shows_what_pruned_trials_change():
    record = simulate(Truth(), 40, 0, pruner=optuna.pruners.MedianPruner())
    found = analysis.importance(record)
    more, only = found.of("ped_anova_with_pruned"), found.of("ped_anova")
    assert more.trials == 40 > only.trials


def test_slow_depths_are_seen_to_start_late_and_to_overtake():
    found = analysis.speed(simulate(Truth(), 120, 0, stop_early=False))
    epochs = {c.label: c.epochs for c in found.cells}
    assert epochs["1"] < epochs["3"] < epochs["5"]
    crossing = next(c for c in found.crossings if (c.early, c.late) == ("1", "5"))
    # at the best learning rate the true curves cross at epoch 19, at a low one later
    assert 13 <= crossing.epoch <= 36
    assert crossing.share > 0.9


def test_overtaking_is_the_last_change_of_the_lead():
    assert overtaking([-1, -1, 2, 3]) == (2, True)
    assert overtaking([1, -1, 1, -2]) == (3, False)
    assert overtaking([1, 2, 3]) is None
    assert overtaking([0, 0]) is None


def test_stopping_audit_knows_the_smallest_patience_that_keeps_the_top():
    # the best trial pauses for 3 epochs before it improves again: patience 4 is needed, not 3
    winner = dict(enumerate([0.1, 0.5, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9, 0.9]))
    other = dict(enumerate([0.1, 0.4, 0.4, 0.4, 0.4, 0.4]))
    found = analysis.stopping(
        study(
            trial(0, 1, 0.9, curve=winner, max_epochs=10, stopped_early=False),
            *(trial(i, 2, 0.4, curve=other, max_epochs=10, stopped_early=True) for i in (1, 2, 3)),
        )
    )
    assert found.patience == 4
    assert found.sufficient == 4
    lost = next(p for p in found.patiences if p.patience == 3)
    assert lost.loss == pytest.approx(0.4) and lost.loss_by_value["2"] == 0
    assert (found.epochs_run, found.epochs_allowed, found.stopped_early) == (28, 40, 3)


def test_of_trials_that_cooled_down_no_other_patience_is_replayed():
    curve = dict(enumerate([0.1, 0.5, 0.5, 0.5, 0.7, 0.8]))
    attrs = {"max_epochs": 12, "stopped_early": True, "cooled_from": 4, "epochs": 6}
    trials = [trial(i, 1 + i % 2, 0.8, curve=curve, **attrs) for i in range(4)]
    full = {**attrs, "max_epochs": 6, "stopped_early": False}
    trials.append(trial(4, 3, 0.8, curve=curve, **full))
    record = study(*trials, fixed={"callbacks.early_stopping.patience": 2})
    found = analysis.stopping(record)
    assert (found.patiences, found.sufficient, found.control_regret) == ((), None, None)
    assert found.no_replay and found.stopped_early == 4
    folds = [replace(t, attrs={"epochs": 30, "max_epochs": 60}) for t in trials]
    assert analysis.stopping(study(*folds)).patiences == ()
    lengths = analysis.lengths(record)
    assert (lengths.labels, lengths.cooled, lengths.allowance) == (("1", "2", "3"), 5, 12)
    (last,) = lengths.of("3")
    assert (last.epochs, last.cooled_from, last.stopped) == (6, 4, False)


def test_what_a_cool_down_brings_is_no_improvement_that_was_cut_off():
    flat, cooled = [0.5 + 0.001 * (i % 2) for i in range(30)], [0.5 + i / 50 for i in range(10)]
    attrs = {"max_epochs": 40, "stopped_early": False, "epochs": 40, "cooled_from": 30}
    ended = trial(0, 1, 0.7, curve=dict(enumerate(flat + cooled)), **attrs)
    rising = [i / 60 for i in range(30)]
    early = trial(1, 1, 0.7, curve=dict(enumerate(rising + cooled)), **attrs)
    record = study(ended, early)
    assert not was_cut(record, ended, 40) and was_cut(record, early, 40)


def test_control_trials_show_what_patience_costs_at_each_depth():
    patient = dict(enumerate([0.1, 0.5] + [0.4] * 4 + [0.8]))
    quick = dict(enumerate([0.1, 0.6] + [0.5] * 5))
    trials = [trial(i, 1, 0.8, curve=patient, control=True) for i in range(3)]
    trials += [trial(i, 2, 0.6, curve=quick, control=True) for i in range(3, 6)]
    record = study(*trials, fixed={"callbacks.early_stopping.patience": 3})
    found = analysis.stopping(record)
    assert [d.control_regret for d in found.depths[:2]] == [pytest.approx(0.3), 0]
    verdict = next(v for v in analysis.judge(record) if v.code == "early_stopping_bias")
    assert verdict.severity == "warning" and verdict.evidence["controls"] == {
        "1": 3,
        "2": 3,
        "3": 0,
    }


def test_timeline_measures_busy_time_and_leaves_out_pauses():
    def run(number: int, worker: str, start: float, end: float) -> TrialRecord:
        return trial(
            number, 1, 0.5, worker=worker, started=START + timedelta(seconds=start),
            finished=START + timedelta(seconds=end),
        )  # fmt: skip

    found = analysis.timeline(study(run(0, "a", 0, 60), run(1, "a", 80, 100), run(2, "b", 0, 100)))
    assert found.busy_fraction == pytest.approx(0.9)
    day = 86400
    resumed = analysis.timeline(
        study(run(0, "a", 0, 60), run(1, "a", day, day + 60), run(2, "b", 0, 60))
    )
    assert resumed.busy_fraction == 1 and len(resumed.pauses) == 1
    foreign = study(*(replace(t, attrs={}) for t in (run(0, "", 0, 50), run(1, "", 10, 60))))
    assert len(timeline.data(foreign).lanes) == 2 and timeline.data(foreign).inferred


def test_timeline_shows_the_stretches_of_trials_that_paused():
    def at(seconds: float) -> str:
        return (START + timedelta(seconds=seconds)).isoformat()

    def run(number: int, state: str, start: float, end: float | None, *stretches) -> TrialRecord:
        finished = None if end is None else START + timedelta(seconds=end)
        return trial(
            number, 1, 0.5, state=state, worker="a", started=START + timedelta(seconds=start),
            finished=finished, stretches=[[at(a), at(b), who] for a, b, who in stretches],
        )  # fmt: skip

    found = analysis.timeline(
        study(
            run(0, "complete", 30, 40, (0, 10, "a"), (12, 20, "b")),
            run(1, "paused", 10, None, (10, 20, "a")),
            run(2, "complete", 20, 30),
        )
    )
    lanes = {lane.worker: [(b.trial, b.start, b.end) for b in lane.bars] for lane in found.lanes}
    assert lanes == {
        "a": [(0, 0, 10), (1, 10, 20), (2, 20, 30), (0, 30, 40)],
        "b": [(0, 12, 20)],
    }
    assert found.busy_fraction == 1 and found.span == 40
    older = trial(1, 1, 0.5, state="paused", worker="a", started=START, seconds=5.0)
    later = run(2, "complete", 800, 810)
    (lane,) = analysis.timeline(study(older, later)).lanes
    assert [(b.start, b.end) for b in lane.bars] == [(0, 5), (800, 810)]


def test_noise_at_the_end_of_a_curve_is_rarely_called_improvement():
    rng = np.random.default_rng(0)
    flat = [dict(enumerate(0.9 + rng.normal(0, 0.006, 15))) for _ in range(400)]
    called = sum(was_cut(study(), trial(i, 1, 0.9, curve=c), 15) for i, c in enumerate(flat))
    assert called <= 20
    rising = dict(enumerate(0.5 + np.arange(15) / 50))
    assert was_cut(study(), trial(0, 1, 0.8, curve=rising), 15)


def test_zombies_are_trials_whose_worker_went_on_or_which_run_far_too_long():
    now = START + timedelta(minutes=10)
    running = {"value": None, "state": "running", "finished": None}
    moved_on = study(
        trial(0, 1, worker="a", **running),
        trial(1, 1, 0.5, worker="a"),
        trial(2, 1, worker="b", started=now - timedelta(seconds=30), **running),
    )
    assert [z.trial for z in zombies.data(moved_on, now).zombies] == [0]
    hours = START + timedelta(hours=9)
    silent = study(trial(0, 1, 0.5), trial(1, 1, **running))
    assert [z.certain for z in zombies.data(silent, hours).zombies] == [False]


def test_duplicates_and_the_noise_between_them():
    found = analysis.duplicates(study(trial(0, 1, 0.5), trial(1, 1, 0.6), trial(2, 2, 0.9)))
    assert (found.repeated, found.trials) == (1, 3)
    assert found.groups[0].numbers == (0, 1) and found.groups[0].range == pytest.approx(0.1)


def test_pareto_front_of_value_against_weights():
    trials = [trial(i, 1, v, parameters=w) for i, (v, w) in enumerate(
        [(0.5, 10), (0.9, 100), (0.8, 200), (0.6, 10), (0.95, 300)])]  # fmt: skip
    front = [p.trial for p in analysis.pareto(study(*trials)).front]
    assert front == [3, 1, 4]


def test_pareto_front_of_two_objectives():
    trials = [
        TrialRecord(i, "complete", {}, v, {}, None, None)
        for i, v in enumerate([(0.9, 5.0), (0.8, 1.0), (0.7, 3.0)])
    ]
    both = study(*trials, directions=("maximize", "minimize"))
    assert sorted(p.trial for p in analysis.pareto(both).front) == [0, 1]


def test_slices_end_where_the_worst_trials_would_squeeze_the_rest():
    good = [trial(i, 1 + i % 3, 0.9 - i / 100) for i in range(9)]
    for worth, way in ((1, "maximize"), (-1, "minimize")):
        trials = [replace(t, values=(worth * t.values[0],)) for t in good]
        bad = replace(trials[0], number=9, values=(worth * -50.0,))
        found = analysis.slice(study(*trials, bad, directions=(way,)))
        points = {p.trial: p for p in found.slices[0].points}
        assert [number for number, p in points.items() if p.beyond] == [9]
        # three times as far from the best as the median
        assert worth * found.edge == pytest.approx(0.9 - 3 * 0.045)
        assert (points[0].rank, points[9].rank, points[9].value) == (1, 10, worth * -50.0)
    even = analysis.slice(study(*good))
    assert not any(p.beyond for p in even.slices[0].points) and even.edge == pytest.approx(0.82)


def test_parallel_tells_at_which_bounds_the_best_trials_lie():
    space = {
        DEPTH: IntDistribution(1, 5),
        "lr": FloatDistribution(1e-4, 1.0, log=True),
        "kind": CategoricalDistribution(["a", "b"]),
    }
    trials = [
        trial(i, 0, 0.9 - i / 50, params={DEPTH: max(1, 5 - i // 4), "lr": 0.01, "kind": "b"})
        for i in range(20)
    ]
    trials[7] = replace(trials[7], params={DEPTH: 4, "lr": 0.01})
    found = analysis.parallel(study(*trials, space=space))
    depth, rate = found.bounds
    assert (depth.param, depth.at, depth.edge, depth.steps) == (DEPTH, "high", "5", 5)
    # of the 5 best trials 4 have 5 layers; these 4 outdo the next 4 in every round
    assert (depth.top_share, depth.ahead, len(depth.top)) == (0.8, 1.0, 5)
    assert (rate.at, rate.best_place, rate.steps) == (None, pytest.approx(0.5), None)
    assert found.at_bounds == [depth]
    assert [line.trial for line in found.lines if line.among_best] == [0, 1, 2, 3, 4]
    lacking = next(line for line in found.lines if line.trial == 7)
    assert lacking.places[-2:] == (None, pytest.approx((0.76 - 0.52) / 0.38))


def test_curves_count_epochs_from_one_and_give_medians_with_quartiles():
    curves = [{0: 0.1, 1: 0.5}, {0: 0.2, 1: 0.6, 2: 0.7}, {0: 0.6, 1: 0.9, 2: 0.8}]
    trials = [trial(i, 1, max(c.values()), curve=c, best_epoch=1) for i, c in enumerate(curves)]
    found = analysis.curves(study(*trials))
    assert found.best == {"reported": {1: 0.6, 2: 0.9, 3: 0.8}}
    assert (found.best_number, found.best_epoch) == (2, 2)
    first, _, last = found.bands[0].steps
    assert (first.epoch, first.median, first.high) == (1, 0.2, 0.4)
    assert first.low == pytest.approx(0.15)
    # the trial that ended after two epochs keeps its last value
    assert (last.epoch, last.median, last.running) == (3, 0.7, 2)


def test_nothing_to_see_is_a_sentence_instead_of_a_figure():
    def said(record: StudyRecord, *modules: Any) -> list[bool]:
        return [module.nothing(module.data(record)) is not None for module in modules]

    modules = (failures, duplicates, zombies, timeline, stopping)
    calm = {"worker": "w", "curve": dict(enumerate([0.1, 0.5, 0.5])), "max_epochs": 3}
    quiet = study(*(trial(i, 1 + i % 3, 0.5, params={DEPTH: 1, "x": i}, **calm) for i in range(4)))
    assert said(quiet, *modules) == [True] * 5
    again = replace(quiet.trials[0], number=4, attrs={"stopped_early": True})
    failed = replace(quiet.trials[1], number=5, state="failed", values=None, attrs={})
    lost = replace(quiet.trials[2], number=6, state="running", values=None, finished=None)
    loud = replace(quiet, trials=(*quiet.trials, again, failed, lost))
    assert said(loud, *modules) == [False] * 5


def test_a_diagnostic_without_its_data_is_unavailable():
    with pytest.raises(analysis.Unavailable):
        analysis.importance(study(trial(0, 1, 0.5)))
    with pytest.raises(analysis.Unavailable):
        analysis.own_pruner(study(trial(0, 1, 0.5)))


TABLES = {"baseline", "failures", "duplicates", "zombies", "useless", "late_epochs"}
NEEDS_FILES = {"confusion", "residuals", "overfitting", "final"}
NEEDS_MORE = {"running", "rounds"}  # trials that run, studies before this one


def test_every_diagnostic_gives_a_frame_and_a_figure_of_its_record():
    record = simulate(Truth(), 60, 0, pruner=optuna.pruners.MedianPruner(n_warmup_steps=10))
    noted = {"spared": True, "paused_at": 2, "amounts": {"memory": 5.0}}
    trials = tuple(
        replace(t, attrs={**t.attrs, **noted, "baseline": not t.number}) for t in record.trials
    )
    told = {"optimized_metric": ["val/acc_best"]}
    record = replace(record, trials=trials, attrs={**record.attrs, **told})
    limits = {"constraints": {"memory": "<= 10"}}
    needed = {"pausing": {"stopping": {"survivors": 0.5}}, "constraints": limits}
    for module in catalog.modules():
        name = catalog.name_of(module)
        if name in NEEDS_FILES | NEEDS_MORE:
            with pytest.raises(analysis.Unavailable):
                getattr(analysis, name)(record)
            continue
        more = {**record.attrs, **needed.get(name, {})}
        found = getattr(analysis, name)(replace(record, attrs=more))
        assert len(analysis.frame(found)) == len(module.rows(found)) and module.caption(found)
        if name in TABLES:
            with pytest.raises(ValueError):
                analysis.draw(found)
        else:
            assert analysis.draw(found).axes, name
            assert module.rows(found), name


@pytest.mark.long
def test_analysis_needs_no_torch_and_no_plotting_until_it_draws():
    code = (
        "import sys; import zmodel.analysis; "
        "print([m for m in ('torch', 'pytorch_lightning', 'hydra', 'matplotlib', 'sklearn')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_comparison_puts_studies_side_by_side_at_equal_cost():
    small = replace(study(trial(0, 1, 0.5, epochs=10), trial(1, 2, 0.6, epochs=10)), name="small")
    large = replace(study(*(trial(i, 3, 0.4 + i / 10, epochs=10) for i in range(5))), name="large")
    found = analysis.compare([small, large])
    assert [e.best for e in found.entries] == [0.6, pytest.approx(0.8)]
    assert found.value_at_epochs(20) == {"small": 0.6, "large": pytest.approx(0.5)}
    assert found.entries[1].trials == {"1": 0, "2": 0, "3": 5}
    with pytest.raises(ValueError, match="minimize"):
        analysis.compare([small, replace(large, directions=("minimize",))])


def test_comparison_names_settings_that_differ():
    one = study(trial(0, 1, 0.5), fixed={"trainer.max_epochs": 60, "seed": 0})
    two = study(trial(0, 1, 0.5), fixed={"trainer.max_epochs": 15, "seed": 0})
    assert analysis.compare([one, two]).differences == ("trainer.max_epochs: 60, 15",)


def small(**curve: Any) -> StudyRecord:
    """A study that minimises parameters; its trials report a rising val/acc."""
    rising = {epoch: 1 - 0.5**epoch for epoch in range(20)}
    trials = [
        trial(i, 1 + i % 3, 100.0 + i, curve={e: v + i / 1000 for e, v in rising.items()})
        for i in range(30)
    ]
    return study(
        *trials, directions=("minimize",), optimized_metric=["parameters"], curve=curve or None
    )


def test_curves_are_better_the_way_their_own_metric_is():
    found = small(metric="val/acc", direction="maximize")
    one = found.trials[0]
    assert best_epoch(found, one) == 19 and best_score(found, one) == one.curve[19]
    assert list(running_best(found, one, np.arange(20))) == list(one.curve.values())
    assert analysis.speed(found).objective == "val/acc"
    assert all(cell.median == tuple(sorted(cell.median)) for cell in analysis.speed(found).cells)
    for diagnostic in (analysis.foresight, analysis.pruning_audit):  # they compare with the value
        with pytest.raises(analysis.Unavailable, match=r"val/acc.*parameters"):
            diagnostic(found)


def test_nothing_is_guessed_about_curves_whose_way_nobody_says():
    unsaid = small(metric="mine", direction=None)
    for diagnostic in (analysis.speed, analysis.stopping):
        with pytest.raises(analysis.Unavailable, match="mine"):
            diagnostic(unsaid)
    plain_optuna = small()  # whose trials report their objective
    assert best_epoch(plain_optuna, plain_optuna.trials[0]) == 0


def test_what_pausing_cost_is_told_by_the_trials_that_were_spared():
    def curve(*values: float) -> dict[int, float]:
        return dict(enumerate(values))

    def paused(number: int, z: int, value: float) -> TrialRecord:
        state = {"state": "paused", "paused_at": 1, "finished": None}
        return trial(number, z, None, curve=curve(value), **state)

    late = trial(0, 1, 0.9, curve=curve(0.1, 0.9), spared=True)
    early = trial(1, 1, 0.8, curve=curve(0.5, 0.8), paused_at=1)
    fine = trial(2, 2, 0.7, curve=curve(0.6, 0.7), spared=True)
    rest = [paused(3, 1, 0.3), paused(4, 1, 0.2), paused(5, 2, 0.1)]
    rule = {"survivors": 0.5}
    record = pausing.data(study(late, early, fine, *rest, stopping=rule))
    assert record.rungs == (1,)
    told = [(c.trials, c.paused, c.spared, c.left) for c in record.cells[:2]]
    assert told == [(4, 2, 1, 1), (2, 1, 1, 0)]
    assert record.cells[0].regret == pytest.approx(0.1) and record.cells[1].regret == 0
    without = pausing.data
    for none in (study(late, early, *rest), study(early, *rest, stopping=rule)):
        assert analysis.findings.Findings(none).get(without) is None
