"""Asks workers to end after their current trial.

From any machine.

No clock is compared: each request is another one than the last, and a command minds every request
but the one that it found when it started.
"""

from __future__ import annotations

import uuid
from typing import Any

import optuna

KEY = "stop"


def request_stop(study: optuna.Study) -> None:
    """Ask every worker that is at work now."""
    study.set_user_attr(KEY, uuid.uuid4().hex)


def stop_request(study: optuna.Study) -> Any:
    """The latest request; a command compares it with the one that it found at its start."""
    return study.user_attrs.get(KEY)
