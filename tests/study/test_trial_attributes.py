"""Attributes that anybody may have written are read by kind: a wrong kind counts as absent."""

from __future__ import annotations

import math
from typing import Any

import pytest
from optuna.trial import TrialState, create_trial

from zmodel.study.records import TrialRecord
from zmodel.study.trial_attributes import KINDS, attr

LEASE = {"worker": "w", "machine": "m", "path": "p"}


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("slot", 3, 3),
        ("epochs", 3.0, 3),
        ("slot", True, None),
        ("slot", -1, None),
        ("epochs", 2.5, None),
        ("seconds", 2, 2.0),
        ("seconds", math.inf, None),
        ("control", True, True),
        ("control", 1, None),
        ("forced", ["a", "b"], ["a", "b"]),
        ("forced", ["a", 1], None),
        ("forced", "ab", None),
        ("forced_to", {"a": 1}, {"a": 1}),
        ("fail_reason", "\nValueError: x\nat line 3", "ValueError: x"),
        ("fail_reason", " ", None),
        ("lease", LEASE, LEASE),
        ("lease", {"worker": 1}, None),
    ],
)
def test_an_attribute_is_read_by_its_kind(key: str, value: Any, read: Any):
    record = TrialRecord(0, "running", {}, None, {}, None, None, attrs={key: value})
    frozen = create_trial(state=TrialState.RUNNING, user_attrs={key: value})
    for trial in (record, frozen):
        assert attr(trial, key) == read
        assert attr(trial, key, "absent") == ("absent" if read is None else read)


@pytest.mark.parametrize("key", KINDS)
@pytest.mark.parametrize("value", [None, object(), [object()], {1: 2}, "text", math.nan, -1])
def test_no_value_of_others_is_an_error(key: str, value: Any):
    attr(TrialRecord(0, "running", {}, None, {}, None, None, attrs={key: value}), key)
