"""One rule gives every severity: what a verdict could change in the conclusion of its study."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from zmodel import analysis
from zmodel.analysis.findings import Findings
from zmodel.analysis.replay.simulate import DEPTH, LR, Truth, simulate
from zmodel.analysis.rules import boundary, failures, never_learned, zombies
from zmodel.analysis.rules.space import useless_region
from zmodel.analysis.rules.verdict import CODES, NOTHING, Verdict, by_consequence
from zmodel.analysis.statistics.could_win import can_be_beaten
from zmodel.study.records import StudyRecord, TrialRecord

TRAILS, LEADS = 0.5, 0.93
"""What the first depth can reach; the others reach .9."""


@cache
def truth_is(reach: float) -> StudyRecord:
    truth = Truth(ceiling=(reach, 0.9, 0.9, 0.9, 0.9), tau=(3, 4, 5, 6, 7))
    return simulate(truth, 40, 0, floor=6)


def of_depth(study: StudyRecord, depth: int, count: int) -> list[TrialRecord]:
    """Further trials of a depth, with new numbers."""
    model = next(t for t in study.trials if t.params[DEPTH] == depth)
    first = len(study.trials)
    return [
        replace(model, number=first + i, params={**model.params, LR: 0.001 + i / 1e4})
        for i in range(count)
    ]


def failed(study: StudyRecord) -> StudyRecord:
    reason: dict[str, Any] = {"attrs": {"fail_reason": "OSError: no space left"}}
    lost = [replace(t, state="failed", values=None, **reason) for t in of_depth(study, 1, 25)]
    return replace(study, trials=(*study.trials, *lost))


def orphaned(study: StudyRecord) -> StudyRecord:
    begun = datetime.now() - timedelta(days=9)
    left = {"values": None, "started": begun, "finished": None, "attrs": {}}
    lost = [replace(t, state="running", **left) for t in of_depth(study, 1, 2)]
    return replace(study, trials=(*study.trials, *lost))


def stuck(study: StudyRecord) -> StudyRecord:
    """As many trials again, all of one depth, that did not begin to learn."""
    more = of_depth(study, 1, len(study.trials))
    nothing = [replace(t, values=(0.1,), attrs={**t.attrs, "never_learned": True}) for t in more]
    return replace(study, trials=(*study.trials, *nothing))


LOST = {
    "failures": (failures, failed),
    "zombies": (zombies, orphaned),
    "never_learned": (never_learned, stuck),
}


def only(rule: ModuleType, study: StudyRecord) -> Verdict:
    (verdict,) = rule.judge(Findings(study))
    return verdict


@pytest.mark.parametrize("code", LOST)
def test_trials_lost_at_a_depth_are_a_warning_only_while_it_can_win(code: str):
    for reach in (TRAILS, LEADS):
        rule, lose = LOST[code]
        found = only(rule, lose(truth_is(reach)))
        assert (found.rank >= 2) is (reach == LEADS), reach
        assert (found.changes == NOTHING) is (reach == TRAILS)


def test_what_changes_nothing_is_never_a_warning():
    with pytest.raises(AssertionError):
        Verdict("duplicates", "warning", "costs time")
    with pytest.raises(AssertionError):
        Verdict("boundary", "warning", "there are no values beyond", at_stake=NOTHING)


def test_verdicts_of_one_severity_stand_in_order_of_their_consequence():
    places = list(CODES)
    verdicts = analysis.judge(failed(truth_is(LEADS)))
    assert verdicts == sorted(verdicts, key=by_consequence)
    assert [v.rank for v in verdicts] == sorted((v.rank for v in verdicts), reverse=True)
    note = [Verdict(code, "note", "x") for code in ("duplicates", "indistinguishable", "boundary")]
    moot = Verdict("boundary", "note", "there are no values beyond", at_stake=NOTHING)
    ordered = sorted([*note, moot], key=by_consequence)
    assert [v.code for v in ordered] == ["boundary", "indistinguishable", "boundary", "duplicates"]
    assert places.index("worse_than_baseline") < places.index("indistinguishable")


def test_an_accuracy_of_one_cannot_be_beaten_beyond_a_bound():
    """The best trials crowd at the upper bound; with all right, nothing beyond is better."""
    base = truth_is(LEADS)
    sure = {"optimized_metric": ["val/acc_best"]}

    def rising(top: float) -> StudyRecord:
        trials = tuple(
            replace(t, values=(top - 0.05 * (5 - t.params[DEPTH]),)) for t in base.trials
        )
        return replace(base, trials=trials, attrs=sure)

    assert can_be_beaten(rising(0.95)) and not can_be_beaten(rising(1.0))
    severities = []
    for top in (0.95, 1.0):
        found = boundary.judge(Findings(rising(top))) or []
        severities.append(next(v.severity for v in found if v.param == DEPTH))
    assert severities == ["warning", "note"]


def test_trials_that_diverge_are_a_warning_only_beside_the_best():
    """Half of the learning rates diverge; the best one is beside them, or far away."""

    def study_with(best: float) -> StudyRecord:
        base = truth_is(LEADS)
        trials = []
        for i, trial in enumerate(base.trials):
            rate = 10 ** (-4 + 3 * (i + 0.5) / len(base.trials))
            params = {**trial.params, LR: rate}
            if rate > 10**-1.75:
                reason: dict[str, Any] = {"fail_reason": "the loss must stay finite"}
                new = replace(trial, params=params, state="failed", values=None, attrs=reason)
            else:
                new = replace(trial, params=params, values=(0.9 - abs(rate - best),))
            trials.append(new)
        return replace(base, trials=tuple(trials))

    for best, severity in ((1e-2, "warning"), (1e-4, "note")):
        found = only(useless_region, study_with(best))
        assert found.severity == severity
        assert found.evidence["beside_best"] is (severity == "warning")
