"""The summary that `analyze.py` prints."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TextIO

from zmodel.analysis.comparison import comparison_figure
from zmodel.analysis.comparison.compare import ComparedStudy, Comparison
from zmodel.analysis.diagnostics.search import further_trials
from zmodel.analysis.diagnostics.space import values
from zmodel.analysis.findings import Findings
from zmodel.analysis.headline import headline
from zmodel.analysis.next_step import next_step
from zmodel.analysis.page.axes import clipped
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.selection import (
    baseline_of,
    best,
    count_states,
    objective_name,
    objective_names,
    recorded_epochs,
    scored,
    short,
)
from zmodel.study.cells import MOST_VALUES, value_label
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

COLOR = {"ok": "32", "note": "36", "warning": "33", "alarm": "31;1"}


def overview(findings: Findings, verdicts: list[Verdict], out: TextIO = sys.stdout) -> str:
    """Headline, verdicts and best trial as text; coloured only on a terminal."""
    study = findings.study
    states = ", ".join(f"{n} {s}" for s, n in count_states(study.trials).items() if n)
    lines = [_paint(f"study {plain(study.name)}", "1", out) + f": {states}"]
    lines += textwrap.wrap(plain(headline(findings, verdicts)), _width())
    step = next_step(findings, verdicts)
    lines += ["", *verdict_lines(verdicts, out, step.command)]
    lines += _coverage_lines(findings, out)
    if scored(study):
        lines += ["", *_best_lines(findings)]
    if step.command and not count_states(study.trials)["running"]:
        lines.append(f"next     {plain(step.command)}")
    return "\n".join(lines)


def verdict_lines(
    verdicts: list[Verdict], out: TextIO = sys.stdout, later: str | None = None
) -> list[str]:
    """Two columns: severity and code, then the message; commands stay on one line to copy.

    The command that is to be shown `later` is left out.
    """
    lines = []
    for verdict in verdicts:
        name = _paint(f"{verdict.severity:<8}", COLOR[verdict.severity], out)
        head = f"{name} {verdict.code:<20} "
        pad = " " * 30
        body = textwrap.wrap(plain(verdict.message), max(30, _width() - len(pad)))
        lines.append(head + body[0])
        lines += [pad + line for line in body[1:]]
        if verdict.action and verdict.action != later:
            lines.append(pad + "→ " + plain(verdict.action))
    return lines


def side_by_side(
    record: Comparison,
    judged: Sequence[tuple[Findings, list[Verdict]]],
    out: TextIO = sys.stdout,
) -> str:
    """One line per study: what it reached and spent, trials per depth, its worst verdicts."""
    wide = max(8, *(len(e.name) for e in record.entries))
    depth = short(record.param) if record.param else ""
    heads = [f"{clipped(label, 10):>5}" for label in record.labels]
    head = f"{'study':<{wide}} {'best':>7} {'±':>6} {'test':>7} {'trials':>6} "
    head += f"{'forced':>6} {'epochs':>8} {'minutes':>8}"
    lines = [_paint(head, "1", out)]
    for entry, (_, verdicts) in zip(record.entries, judged, strict=True):
        lines.append(
            f"{entry.name:<{wide}} {_short(entry.best):>7} {_short(entry.best_error, 3):>6} "
            f"{_short(entry.test):>7} "
            f"{sum(entry.states.values()):>6} {sum(entry.forced.values()):>6} "
            f"{entry.epochs:>8,} {entry.seconds / 60:>8.1f}"
        )
        bad = [v for v in verdicts if v.rank >= 2]
        if bad:
            named = ", ".join(_paint(v.code, COLOR[v.severity], out) for v in bad)
            lines.append(f"{'':<{wide}} {named}")
    if depth:
        lines += ["", _paint(f"{depth:<{wide}} " + "  ".join(heads), "1", out)]
        lines += [
            f"{e.name:<{wide}} {'  '.join(_completed(e, record.labels))}" for e in record.entries
        ]
    lines += ["", *textwrap.wrap(comparison_figure.caption(record), _width())]
    if depth:
        lines.append("completed/all trials of each depth; forced: by a coverage floor or policy")
    return "\n".join(lines)


def _completed(entry: ComparedStudy, labels: Sequence[str]) -> list[str]:
    """`3/4` for each value of the depth, as wide as its heading."""
    return [
        f"{entry.completed.get(z, 0)}/{entry.trials.get(z, 0)}".rjust(max(5, len(clipped(z, 10))))
        for z in labels
    ]


def _short(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _coverage_lines(findings: Findings, out: TextIO) -> list[str]:
    """A column per value of the depth: how many trials it got, what they reached."""
    found = findings.get(values.data)
    depth = found.depth if found else None
    if depth is None or len(depth.cells) > MOST_VALUES:
        return []
    cells = depth.cells
    rows = {
        short(depth.param): [clipped(cell.label, 12) for cell in cells],
        "trials": [str(cell.trials) for cell in cells],
        "forced": [str(cell.forced) for cell in cells],
        "completed": [str(cell.states["complete"]) for cell in cells],
        "best": ["-" if cell.best is None else f"{cell.best:.4g}" for cell in cells],
    }
    if not any(cell.forced for cell in cells):
        del rows["forced"]
    wide = max(7, *(len(text) for row in rows.values() for text in row))
    lines = [
        f"{name:<12.12}" + "".join(f"{t:>{wide + 1}}" for t in row) for name, row in rows.items()
    ]
    return ["", _paint(lines[0], "1", out), *lines[1:]]


def _best_lines(findings: Findings) -> list[str]:
    study = findings.study
    trial = best(study)
    params = "  ".join(
        f"{plain(name)}={value_label(value)}" for name, value in trial.params.items()
    )
    epochs = recorded_epochs(trial)
    ran = f" after {epochs} epochs" if epochs else ""
    reached = ", ".join(
        f"{name} {value:.4g}"
        for name, value in zip(objective_names(study), trial.values or (), strict=False)
    )
    forced = f" (forced: {', '.join(map(short, attr(trial, 'forced', [])))})"
    if not attr(trial, "forced", []):
        forced = ""
    return [
        *_baseline_line(study, trial),
        f"best     trial {trial.number}: {reached}{ran}{forced}",
        *(f"         {line}" for line in textwrap.wrap(params, _width() - 9)),
        *_further_line(findings),
    ]


def _further_line(findings: Findings) -> list[str]:
    found = findings.get(further_trials.data)
    if found is None or found.study.high is None:
        return []
    gain = f"at most {found.study.high:.2g} (90 %)"
    return [f"further  {found.ahead} more trials would gain {gain}"]


def _baseline_line(study: StudyRecord, winner: TrialRecord) -> list[str]:
    own = baseline_of(study)
    if own is None:
        return []
    reached = own.state if own.value is None else f"{objective_name(study)} {own.value:.4g}"
    itself = ", the best trial itself" if own is winner else ""
    return [f"baseline trial {own.number}: {reached}{itself}"]


def _paint(text: str, code: str, out: TextIO) -> str:
    wanted = out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return f"\033[{code}m{text}\033[0m" if wanted else text


def _width() -> int:
    return max(60, min(120, shutil.get_terminal_size((100, 24)).columns))
