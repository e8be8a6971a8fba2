"""Trials failed, perhaps more often at some depths."""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import failures
from zmodel.analysis.diagnostics.space import values
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import NOTHING, Verdict
from zmodel.analysis.statistics.could_win import may_hide_winner
from zmodel.analysis.statistics.selection import listed, short
from zmodel.study.records import StudyRecord
from zmodel.study.run_folder import run_folder

CODE = "failures"
CHECK = "few or no trials failed"
ALARM, WARNING = 0.3, 0.1
_CLOSED = "They are at depths that cannot win any more."


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(failures.data)
    if found is None:
        return None
    if not found.failed:
        return []
    severity = "note"
    numbers = {n for group in found.reasons.values() for n in group}
    able = may_hide_winner(findings.study, numbers)
    if able and found.share >= WARNING and found.failed > 1:
        severity = "alarm" if found.share >= ALARM else "warning"
    reason, alike = next(iter(found.reasons.items()))
    text = (
        f"{found.failed} of {found.ended} trials failed ({found.share:.0%}); most often "
        f"({len(alike)}): {reason}."
    )
    where = _where(findings) if able else f" {_CLOSED}"
    return [
        Verdict(
            CODE,
            severity,
            text + where,
            None,
            {
                "failed": found.failed,
                "ended": found.ended,
                "reasons": {r: len(n) for r, n in list(found.reasons.items())[:5]},
            },
            _where_to_look(findings.study, alike[0]) if severity != "note" else None,
            None if able else NOTHING,
        )
    ]


def _where_to_look(study: StudyRecord, number: int) -> str:
    trial = next(t for t in study.trials if t.number == number)
    folder = run_folder(study, trial)
    if folder is not None:
        return f"read {folder / 'train.log'}"
    return f"fix what made trial {number} fail, then run as many trials again"


def _where(findings: Findings) -> str:
    found = findings.get(values.data)
    depth = found.depth if found else None
    lost = [c for c in depth.cells if c.ended and c.states["failed"] == c.ended] if depth else []
    if depth is None or not lost:
        return ""
    return f" All trials failed at {short(depth.param)} = {listed([c.label for c in lost])}."
