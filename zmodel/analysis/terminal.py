"""The short table that ends `analyze.py`: verdicts, best trial, where the report is."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TextIO

from zmodel.analysis.cells import label_of
from zmodel.analysis.examine import Findings
from zmodel.analysis.selection import best, count_states, objective_name, recorded_epochs, scored
from zmodel.analysis.verdict import Verdict
from zmodel.analysis.verdicts import headline

COLOR = {"ok": "32", "note": "36", "warning": "33", "alarm": "31;1"}


def overview(findings: Findings, verdicts: list[Verdict], out: TextIO = sys.stdout) -> str:
    """Headline, verdicts and best trial as text; coloured only on a terminal."""
    study = findings.study
    states = ", ".join(f"{n} {s}" for s, n in count_states(study.trials).items() if n)
    lines = [_paint(f"study {study.name}", "1", out) + f": {states}"]
    lines += textwrap.wrap(headline(findings, verdicts), _width())
    lines += ["", *verdict_lines(verdicts, out)]
    if scored(study):
        lines += ["", *_best_lines(findings)]
    return "\n".join(lines)


def verdict_lines(verdicts: list[Verdict], out: TextIO = sys.stdout) -> list[str]:
    """Two columns: severity and code, then the message; commands stay on one line to copy."""
    lines = []
    for verdict in verdicts:
        name = _paint(f"{verdict.severity:<8}", COLOR[verdict.severity], out)
        head = f"{name} {verdict.code:<20} "
        pad = " " * 30
        body = textwrap.wrap(verdict.message, max(30, _width() - len(pad)))
        lines.append(head + body[0])
        lines += [pad + line for line in body[1:]]
        if verdict.action:
            lines.append(pad + "→ " + verdict.action)
    return lines


def _best_lines(findings: Findings) -> list[str]:
    study = findings.study
    trial = best(study)
    params = "  ".join(f"{name}={label_of(value)}" for name, value in trial.params.items())
    epochs = recorded_epochs(trial)
    ran = f" after {epochs} epochs" if epochs else ""
    return [
        f"best     trial {trial.number}: {objective_name(study)} {trial.value:.4g}{ran}",
        *(f"         {line}" for line in textwrap.wrap(params, _width() - 9)),
    ]


def _paint(text: str, code: str, out: TextIO) -> str:
    wanted = out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return f"\033[{code}m{text}\033[0m" if wanted else text


def _width() -> int:
    return max(60, min(120, shutil.get_terminal_size((100, 24)).columns))
