from __future__ import annotations

import time

import optuna
import pytest

from zmodel.study.stop_request import request_stop, stop_request


def test_a_request_reaches_those_at_work_whatever_the_clocks_say(monkeypatch: pytest.MonkeyPatch):
    study = optuna.create_study()
    earlier = stop_request(study)
    hour = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: hour)  # the asking machine is an hour behind
    request_stop(study)
    first = stop_request(study)
    assert first != earlier, "a command that had started minds it"
    assert stop_request(study) == first, "one that starts now does not"
    request_stop(study)
    assert stop_request(study) != first
