"""Reads the summary of the final stage of a study."""

from __future__ import annotations

import json
from typing import Any

from zmodel.study.records import StudyRecord


def summary_of(study: StudyRecord) -> dict[str, Any]:
    """The content of final/summary.json; empty where it is missing or torn."""
    path = study.folder / "final" / "summary.json" if study.folder else None
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def winner_of(study: StudyRecord) -> int | None:
    """The number of the trial that won the final stage; None where there was none."""
    number = (summary_of(study).get("winner") or {}).get("trial")
    return number if isinstance(number, int) else None
