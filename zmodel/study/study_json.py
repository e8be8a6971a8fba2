"""Reads and writes study.json.

What a study is, for people and other programs, and for a study that lost its file.

The attributes of the study itself are what counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zmodel.core.atomic_file import write

STUDY_JSON = "study.json"


def write_study_json(folder: Path, content: Mapping[str, Any]) -> None:
    """Written whole or not at all."""
    write(folder / STUDY_JSON, json.dumps(content, indent=1, default=str), durable=True)


def read_study_json(folder: Path) -> dict[str, Any]:
    """Its content; empty when there is none, or none that can be read."""
    try:
        content = json.loads((folder / STUDY_JSON).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
