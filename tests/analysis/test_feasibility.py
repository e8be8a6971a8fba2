"""The report of a study with constraints: what is feasible, and when a limit binds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from zmodel import analysis
from zmodel.analysis.diagnostics.space import constraints
from zmodel.analysis.findings import Findings, Unavailable
from zmodel.analysis.headline import headline
from zmodel.analysis.page import trial_table
from zmodel.analysis.page.rows import mark_origin
from zmodel.analysis.replay.simulate import DEPTH
from zmodel.analysis.rules.space import constraint_binds
from zmodel.analysis.summary import summarize
from zmodel.study.records import StudyRecord, TrialRecord

LIMIT = 100.0


def study(slope: float, seed: int, trials: int = 30, beyond: int = 0) -> StudyRecord:
    """Trials of 20 to 100 parameters, whose values grow with them by `slope`, and `beyond` others
    that break the limit."""
    rng = np.random.default_rng(seed)
    amounts = [*rng.uniform(20, 100, trials), *rng.uniform(100, 150, beyond)]
    made = []
    for number, amount in enumerate(amounts):
        value = 0.5 + slope * (amount - 60) / 80 + rng.normal(0, 0.05)
        violation = {"parameters": amount / LIMIT - 1}
        noted = [{"params": {}, "amounts": {"parameters": 170.0}}] if number == 0 else []
        attrs = {"amounts": {"parameters": amount}, "rejected": 3, "rejected_params": noted}
        made.append(
            TrialRecord(
                number, "complete", {DEPTH: 1 + number % 3, "x": 0.5}, (float(value),), {}, None,
                None, attrs=attrs, violations=violation,
            )
        )  # fmt: skip
    space = {DEPTH: IntDistribution(1, 3), "x": FloatDistribution(0, 1)}
    attrs = {"constraints": {"parameters": "<= 100"}}
    return StudyRecord("s", ("maximize",), space, tuple(made), attrs=attrs)


def verdict(record: StudyRecord) -> str | None:
    found = constraint_binds.judge(Findings(record))
    assert found is not None
    return found[0].severity if found else None


def test_a_limit_that_binds_is_said_and_one_that_does_not_is_not():
    """100 studies each; the calibration used others."""
    assert sum(verdict(study(0.4, seed)) == "note" for seed in range(100)) >= 95
    assert sum(verdict(study(0.0, seed)) is not None for seed in range(100)) <= 5
    assert sum(verdict(study(-0.4, seed)) is not None for seed in range(100)) == 0


def test_infeasible_trials_are_no_results():
    record = study(0.4, 0, beyond=6)
    assert len(record.comparable) == 30 and len(record.trials) == 36
    found = constraints.data(record)
    assert (found.total("infeasible"), found.total("rejected")) == (6, 108)
    assert found.better is not None and found.better >= 30
    assert found.best == max(record.comparable, key=lambda t: t.value or 0).number
    (limit,) = found.limits
    assert limit.broken == 6 and limit.rejected == (170.0,) and len(limit.points) == 36
    table = trial_table.rows(record)
    assert [row["feasible"] for row in table] == [True] * 30 + [False] * 6
    marked = mark_origin(record, [{"trial": 3}, {"trial": 33}])
    assert [row["infeasible"] for row in marked] == [False, True]
    told = summarize(Findings(record), [])["constraints"]
    assert told["limits"]["parameters"]["broken"] == 6 and told["rejected"] == 108


def test_a_study_without_a_feasible_trial_is_an_alarm():
    record = study(0.0, 0, trials=0, beyond=5)
    assert verdict(record) == "alarm"
    assert "keeps the constraints" in headline(Findings(record), analysis.judge(record))
    assert constraints.data(record).best is None


def test_a_study_without_constraints_has_no_such_section():
    record = replace(study(0.0, 0), attrs={})
    with pytest.raises(Unavailable):
        constraints.data(record)
    assert constraint_binds.judge(Findings(record)) is None
    assert "constraints" not in summarize(Findings(record), [])
    assert "feasible" not in trial_table.rows(record)[0]


def test_few_sizes_come_near_a_limit_when_they_spread_over_decades():
    """The largest quarter of the feasible trials is near it then."""

    def spread(gain: float, seed: int) -> StudyRecord:
        rng = np.random.default_rng(seed)
        made = []
        for number, amount in enumerate(10 ** rng.uniform(0, 1.9, 40)):
            value = 0.5 + gain * np.log10(amount) + rng.normal(0, 0.02)
            attrs = {"amounts": {"parameters": float(amount)}}
            params = {DEPTH: 1 + number % 3, "x": 0.5}
            made.append(
                TrialRecord(
                    number, "complete", params, (float(value),), {}, None, None, attrs=attrs,
                    violations={"parameters": float(amount) / LIMIT - 1},
                )
            )  # fmt: skip
        return replace(study(0.0, 0), trials=tuple(made))

    assert sum(verdict(spread(0.1, seed)) == "note" for seed in range(20)) >= 19
    assert sum(verdict(spread(0.0, seed)) is not None for seed in range(20)) <= 2


@pytest.mark.parametrize(("binds", "least", "most"), [(True, 18, 20), (False, 0, 2)])
def test_a_limit_binds_though_other_parameters_matter_more(binds: bool, least: int, most: int):
    """40 feasible networks and 10 beyond the limit; the learning rate costs up to .24."""

    def mixed(seed: int) -> StudyRecord:
        rng = np.random.default_rng(seed)
        amounts = rng.permutation([*10 ** rng.uniform(0, 2, 40), *10 ** rng.uniform(2, 2.6, 10)])
        made = []
        for number, amount in enumerate(map(float, amounts)):
            x = float(rng.uniform())
            gain = 0.06 * np.log10(amount) if binds else 0.0
            value = float(0.7 + gain - 0.24 * (x - 0.5) ** 2 * 4 + rng.normal(0, 0.01))
            attrs = {"amounts": {"parameters": amount}}
            params = {DEPTH: 1 + number % 3, "x": x}
            made.append(
                TrialRecord(
                    number, "complete", params, (value,), {}, None, None, attrs=attrs,
                    violations={"parameters": amount / LIMIT - 1},
                )
            )  # fmt: skip
        return replace(study(0.0, 0), trials=tuple(made))

    assert least <= sum(verdict(mixed(seed)) == "note" for seed in range(20)) <= most
