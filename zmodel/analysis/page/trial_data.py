"""The trials as data for the script of the page.

Where each lies on every axis, its text and curve.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zmodel.analysis.diagnostics.space import parallel
from zmodel.analysis.findings import Findings
from zmodel.analysis.page import axes, html, style
from zmodel.analysis.page.trial_table import course, ordered
from zmodel.analysis.page.value_axis import error_floor, error_ticks
from zmodel.analysis.rules.suggested_commands import reproduce_command
from zmodel.analysis.statistics.depths import Depths, depths_of
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import (
    curve_name,
    objective_names,
    recorded_epochs,
    recorded_seconds,
    scored,
    short,
    sign,
)
from zmodel.study.cells import value_label
from zmodel.study.notes import notes_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.run_folder import run_folder
from zmodel.study.trial_attributes import attr

MOST_POINTS = 80
"""Of a curve; a longer one is thinned out."""


@dataclass(frozen=True)
class TrialAxis:
    """An axis and what the trials have on it, None where they have nothing. `floor`: that of a log
    scale of errors."""

    name: str
    label: str
    scale: Scale
    values: list[Any]
    floor: float | None = None
    text: Any = html.number

    def place(self, value: Any) -> float | None:
        """0 to 1 on the axis; None for what cannot lie on it."""
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        if self.floor is None:
            return round(self.scale.unit(value), 4)
        low, high, own = (
            -math.log10(max(1 - v, self.floor)) for v in (self.scale.low, self.scale.high, value)
        )
        return round((own - low) / (high - low), 4) if high > low else 0.5

    def ticks(self) -> list[tuple[float | None, str]]:
        if self.floor is None:
            marks = axes.tick_marks(self.scale, 5)
        else:
            marks = [(v, f"{v:.6g}") for v in error_ticks(self.floor, 1 - self.scale.low)]
        return [(self.place(value), label) for value, label in marks]


def trial_data(findings: Findings, folder: Path, most: int) -> str:
    """A script element with the first `most` trials of the table, as JSON that is no markup."""
    study = findings.study
    trials = ordered(study)[:most]
    columns = _columns(study, trials)
    depths = depths_of(study)
    drawn, notes = findings.get(parallel.data), notes_of(study)
    places = {column.name: i for i, column in enumerate(columns)}
    content = {
        "best": study.best_first[0].number if scored(study) else None,
        "curve": curve_name(study),
        "floor": columns[1].floor,
        "depth": _depth(depths),
        "axes": [
            {"name": c.name, "label": c.label, "ticks": c.ticks(), "scale": _scale_word(c)}
            for c in columns
        ],
        "parallel": {
            "axes": [places[scale.param] for scale in drawn.scales] if drawn else [],
            "low": drawn.low if drawn else 0,
            "high": drawn.high if drawn else 0,
        },
        "trials": [
            {
                **_trial(study, trial, depths, folder),
                "note": notes.get(str(trial.number)),
                "at": [column.place(column.values[i]) for column in columns],
                "text": [column.text(column.values[i]) for column in columns],
            }
            for i, trial in enumerate(trials)
        ],
    }
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    for sign_of_markup in "<>&":
        text = text.replace(sign_of_markup, f"\\u{ord(sign_of_markup):04x}")
    return f'<script type="application/json" id="trial-data">{text}</script>'


def _depth(depths: Depths) -> dict[str, Any]:
    colors = style.colors_of(depths.labels).values()
    return {
        "name": depths.name,
        "labels": depths.labels,
        "colors": [style.THEMED[color][0] for color in colors],
    }


def _trial(study: StudyRecord, trial: TrialRecord, depths: Depths, folder: Path) -> dict[str, Any]:
    run = run_folder(study, trial)
    return {
        "number": trial.number,
        "state": trial.state,
        "value": _finite(trial.value),
        "depth": _index(depths.labels, depths.of.get(trial.number)),
        "curve": _curve(trial),
        "course": course(trial),
        "repeat": reproduce_command(study, trial),
        "folder": html.address(run, folder) if run else None,
    }


def _columns(study: StudyRecord, trials: Sequence[TrialRecord]) -> list[TrialAxis]:
    names = objective_names(study)
    reached = [[_value(t, i) for t in trials] for i in range(len(names))]
    floor = error_floor(reached[0], sign(study) > 0)
    columns = [_numbers("trial", [t.number for t in trials])]
    columns += [
        _numbers(name, values, floor if i == 0 else None, lambda v: "" if v is None else f"{v:.6g}")
        for i, (name, values) in enumerate(zip(names, reached, strict=True))
    ]
    for param, distribution in study.space.items():
        if not distribution.single():
            values = [t.params.get(param) for t in trials]
            columns.append(
                TrialAxis(param, short(param), scale_of(study, param), values, text=_shown)
            )
    columns += [
        _numbers("epochs", [recorded_epochs(t) or None for t in trials]),
        _numbers("seconds", [recorded_seconds(t) for t in trials]),
        _numbers("weights", [attr(t, "parameters") for t in trials]),
    ]
    return [c for i, c in enumerate(columns) if i < 2 or any(v is not None for v in c.values)]


def _numbers(
    name: str, values: list[Any], floor: float | None = None, text: Any = html.number
) -> TrialAxis:
    known = [float(v) for v in values if v is not None and math.isfinite(v)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    log = floor is None and low > 0 and high > 50 * low
    whole = all(v == int(v) for v in known)
    return TrialAxis(name, name, Scale(name, low, high, log, None, whole), values, floor, text)


def _value(trial: TrialRecord, i: int) -> float | None:
    """A value of a completed trial; a pruned one's is where it stopped, not what it reached."""
    if trial.state != "complete" or not trial.values or i >= len(trial.values):
        return None
    return _finite(trial.values[i])


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _shown(value: Any) -> str:
    return "" if value is None else html.plain(value_label(value))


def _index(labels: Sequence[str], label: str | None) -> int | None:
    return labels.index(label) if label in labels else None


def _scale_word(column: TrialAxis) -> str:
    if column.floor is not None:
        return " (log error)"
    return " (log scale)" if column.scale.log else ""


def _curve(trial: TrialRecord) -> list[tuple[int, float]]:
    """Epochs from 1 with what was reported, to four digits."""
    points = [(step + 1, float(f"{v:.4g}")) for step, v in trial.curve.items() if math.isfinite(v)]
    every = math.ceil(len(points) / MOST_POINTS)
    return points[:: every or 1] + (points[-1:] if points and (len(points) - 1) % every else [])
