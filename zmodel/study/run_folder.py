"""Reads csv/metrics.csv and result.json of a trial's run.

Everything is optional. A file that is missing, or torn because the trial is still writing it,
gives nothing; it never stops a report.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

RESULT_ATTRS = (
    "epochs", "max_epochs", "best_epoch", "cooled_from", "stopped_early", "never_learned",
    "validated", "majority", "seconds", "parameters", "metrics", "seed",
)  # fmt: skip


def run_folder(study: StudyRecord, trial: TrialRecord) -> Path | None:
    """Where the trial's files are, also after the study's folder was moved; None if nowhere."""
    moved = study.runs.get(trial.number)
    if moved and moved.is_dir():
        return moved
    try:
        recorded = Path(attr(trial, "dir", ""))
        return recorded if recorded.name and recorded.is_dir() else None
    except (OSError, ValueError):
        # a name too long, or with a NUL
        return None


def folder_of(trial: FrozenTrial, study: Path) -> Path:
    """Where a trial of the study in this folder runs, or ran, as it was noted."""
    noted = attr(trial, "dir")
    return study / "trials" / str(trial.number) if noted is None else Path(noted)


def set_aside(folder: Path) -> None:
    """Keep what a run has logged so far from its next part: Lightning's CSVLogger would delete it.

    The folder csv becomes csv.1, csv.2 and so on.
    """
    if (folder / "csv").is_dir():
        parts = len(list(folder.glob("csv.*")))
        (folder / "csv").rename(folder / f"csv.{parts + 1}")


def read_metrics(folder: Path) -> dict[str, dict[int, float]]:
    """Metric -> epoch (0-based) -> value, from csv/metrics.csv, merged by epoch.

    The parts of a run that paused are read too."""
    curves: dict[str, dict[int, float]] = {}
    parts = sorted(folder.glob("csv.*"), key=lambda part: (len(part.name), part.name))
    for path in (part / "metrics.csv" for part in (*parts, folder / "csv")):
        if not path.is_file():
            continue
        try:
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    _merge(row, curves)
        except (OSError, csv.Error, UnicodeDecodeError):
            continue
    return curves


def _merge(row: dict[str, str | None], curves: dict[str, dict[int, float]]) -> None:
    try:
        epoch = int(float(row.get("epoch") or ""))
    except ValueError:
        return
    for name, text in row.items():
        if name is None or name in ("epoch", "step") or not isinstance(text, str) or not text:
            continue
        try:
            value = float(text)
        except ValueError:
            continue
        if math.isfinite(value):
            curves.setdefault(name, {})[epoch] = value


def read_result(folder: Path) -> dict[str, Any]:
    """The content of result.json; empty when there is none yet."""
    path = folder / "result.json"
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def result_attrs(folder: Path) -> dict[str, Any]:
    """What a trial keeps of result.json as attributes; nothing if the task wrote none."""
    result = read_result(folder)
    if not result:
        return {}
    git = result.get("git") or {}
    attrs = {key: result[key] for key in RESULT_ATTRS if key in result}
    return {**attrs, "git_commit": git.get("commit"), "git_dirty": git.get("dirty")}


def metrics_of(study: StudyRecord, trial: TrialRecord) -> dict[str, float]:
    """Final metrics of a trial: from its attributes, else from its result.json."""
    metrics = attr(trial, "metrics")
    if metrics is None:
        folder = run_folder(study, trial)
        metrics = read_result(folder).get("metrics") if folder else None
    found = metrics if isinstance(metrics, dict) else {}
    return {
        k: float(v) for k, v in found.items() if isinstance(v, int | float) and math.isfinite(v)
    }
