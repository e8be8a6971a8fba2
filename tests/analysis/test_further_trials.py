"""What further trials would gain: intervals that hold, and where nothing can be said."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from test_best_trial import found, study_of

from zmodel import analysis
from zmodel.analysis.findings import Findings
from zmodel.analysis.page.terminal import overview
from zmodel.analysis.statistics.more_trials import gain_of_more
from zmodel.analysis.summary import summarize


def held(draw, n: int, studies: int = 120) -> float:
    """How often the interval holds in which the next 20 draws of a source gain."""
    hits = 0
    for seed in range(studies):
        scores = draw(np.random.default_rng(seed), n + 20)
        gain = gain_of_more(list(scores[:n]))
        hits += max(0.0, scores[n:].max() - scores[:n].max()) <= gain.high
    return hits / studies


@pytest.mark.parametrize("n", [25, 60])
def test_nine_in_ten_intervals_hold(n):
    """Points of a cube by their distance from its corner, and exponential ones."""
    cube = held(lambda rng, k: -(rng.random((k, 3)) ** 2).sum(axis=1), n)
    assert 0.85 <= cube <= 0.97
    assert 0.82 <= held(lambda rng, k: rng.exponential(size=k), n) <= 0.95


def test_more_and_better_known_trials_leave_less_to_gain():
    scores = list(np.random.default_rng(0).random(120) ** 0.5)
    few, many = gain_of_more(scores[:30]), gain_of_more(scores)
    assert many.high < few.high and many.chance < few.chance
    hopeless = gain_of_more(scores, best=9.0)
    assert hopeless.high == 0 and hopeless.chance == pytest.approx(0, abs=1e-3)
    scaled = gain_of_more([10 * s + 3 for s in scores])
    assert scaled.high == pytest.approx(10 * many.high, rel=1e-6)
    assert scaled.chance == pytest.approx(many.chance)
    low, high = few.halve[1:]
    assert low <= few.halve[0] <= high


def test_where_nothing_can_be_said():
    assert gain_of_more([0.1] * 5) is None
    assert gain_of_more([0.5] * 20) is None  # all alike: no tail
    assert gain_of_more([math.nan] * 9 + [0.5]) is None
    assert gain_of_more([*np.linspace(0, 1, 20)], ceiling=1.0).high == 0
    assert gain_of_more([*np.linspace(0, 0.99, 20)], ceiling=1.0).high <= 0.01 + 1e-9
    with pytest.raises(analysis.Unavailable):
        analysis.further_trials(study_of([0.5] * 20))
    paused = study_of(list(np.linspace(0.4, 0.8, 20)))
    with pytest.raises(analysis.Unavailable):
        analysis.further_trials(replace(paused, attrs={**paused.attrs, "stopping": {"a": 1}}))


def test_given_configurations_count_for_the_best_alone():
    values = list(np.linspace(0.4, 0.8, 30))
    drawn = analysis.further_trials(study_of(values, validated=800)).study
    given = study_of([0.9, *values], enqueued=True)
    beside = analysis.further_trials(given).study
    assert beside.chance < drawn.chance and beside.high < drawn.high
    alone = gain_of_more(values, best=0.9)
    assert beside.high == pytest.approx(alone.high)


def test_it_is_told_per_study_and_per_depth():
    study = study_of(list(np.linspace(0.4, 0.8, 40)), validated=800, majority=0.1)
    record = analysis.further_trials(study)
    assert [row.value for row in record.values] == ["1", "2", "3", "4"]
    told = summarize(Findings(study), [])["further_trials"]
    assert told["gain_ci"] == [0.0, record.study.high] and set(told["by_value"]) == set("1234")
    verdict = found(study, "further_trials")
    assert verdict.severity == "note" and verdict.action.endswith("hydra.sweeper.n_trials=60")
    assert "20 more trials" in overview(Findings(study), [])
    even = study_of([0.8 - 1e-4 * i for i in range(40)], validated=800, majority=0.1)
    assert found(even, "further_trials") is None  # within the noise
    minimizing = replace(study, directions=("minimize",), attrs={"optimized_metric": ["val/loss"]})
    assert analysis.further_trials(minimizing).best == pytest.approx(0.4)
