"""Reads the final stage of a study: its summary and spread between seeds."""

from __future__ import annotations

import json
from statistics import median, stdev
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


def between_seeds(study: StudyRecord) -> float | None:
    """Standard deviation between seeds of one configuration; None before the final stage.

    The median over its candidates: one that trains badly, as the baseline may, says nothing about
    the others.
    """
    found: Any = summary_of(study).get("candidates")
    try:
        groups = [[float(v) for v in c["values"].values()] for c in found]
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
    spreads = [stdev(group) for group in groups if len(group) > 1]
    return median(spreads) if spreads else None
