"""What the table and the card of a trial say of its way."""

from __future__ import annotations

import json
import re

import optuna
import pytest
from reports import make_study

from zmodel.analysis import load
from zmodel.analysis.findings import Findings
from zmodel.analysis.page.trial_data import trial_data
from zmodel.analysis.page.trial_table import course, rows
from zmodel.study.records import TrialRecord
from zmodel.study.storage.opening import open_storage


def trial(state: str, **attrs) -> TrialRecord:
    values = (0.5,) if state == "complete" else None
    return TrialRecord(0, state, {}, values, {0: 0.5}, None, None, attrs)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (trial("paused", paused_at=4, pauses=1), {"paused after epoch": "4"}),
        (
            trial("paused", paused_at=16, pauses=3),
            {"paused after epoch": "16", "continued": "2 times"},
        ),
        (
            trial("complete", paused_at=4, pauses=1, stopped_early=True, cooled_from=9),
            {"continued": "once", "cooled down after epoch": "9", "ended by": "early stopping"},
        ),
        (trial("complete", stopped_early=False), {"ended by": "allowance"}),
        (trial("pruned"), {"ended by": "pruner"}),
        (trial("running", pauses=1), {"continued": "once"}),
        (trial("failed"), {}),
    ],
)
def test_the_course_of_a_trial(given, said):
    assert dict(course(given)) == said


def test_the_card_and_the_table_have_it(tmp_path):
    folder = make_study(tmp_path, "s", 8)
    storage = open_storage(str(folder / "study.journal"))
    study = optuna.load_study(study_name="s", storage=storage)
    attrs = {"slot": 99, "paused_at": 4, "pauses": 2, "until": 4}
    study.add_trial(
        optuna.trial.create_trial(
            state=optuna.trial.TrialState.WAITING, user_attrs=attrs, intermediate_values={3: 0.1}
        )
    )
    record = load(folder)
    found = re.search(r">(.*)</script>", trial_data(Findings(record), folder, 100))
    assert found is not None
    card = json.loads(found[1])["trials"][-1]
    assert card["course"] == [["paused after epoch", "4"], ["continued", "once"]]
    row = next(row for row in rows(record) if row["state"] == "paused")
    assert (row["paused_at"], row["pauses"], row["ended_by"]) == (4, 2, "rule")
