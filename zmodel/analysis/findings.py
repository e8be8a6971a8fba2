"""Runs each diagnostic once and keeps its result, or why it has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from zmodel.analysis.time_limit import TimeUp, within
from zmodel.study.records import StudyRecord

T = TypeVar("T")
SECONDS = 60.0
"""What one diagnostic may take: a report is to be read, not waited for."""


class Unavailable(ValueError):
    """A study does not hold what a diagnostic needs: the reason, plain and without a full stop."""


class Findings:
    """The records of one study by diagnostic, computed when first asked for."""

    def __init__(self, study: StudyRecord, seconds: float = SECONDS) -> None:
        self.study = study
        self._seconds = seconds
        self._found: dict[Callable[..., Any], Any] = {}

    def get(self, data: Callable[[StudyRecord], T]) -> T | None:
        """The record of a diagnostic's `data` function, or None; then `reason` says why."""
        found = self._look(data)
        return None if isinstance(found, Unavailable) else cast("T", found)

    def reason(self, data: Callable[[StudyRecord], Any]) -> str | None:
        """Why the diagnostic has nothing to say, or None when it has."""
        found = self._look(data)
        return str(found) if isinstance(found, Unavailable) else None

    def _look(self, data: Callable[[StudyRecord], Any]) -> Any:
        if data not in self._found:
            try:
                self._found[data] = within(self._seconds, data, self.study)
            except Unavailable as reason:
                self._found[data] = reason
            except TimeUp as reason:
                self._found[data] = Unavailable(str(reason))
        return self._found[data]
