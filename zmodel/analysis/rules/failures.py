"""Trials that failed, and whether they failed at some depths more than at others."""

from __future__ import annotations

from zmodel.analysis.diagnostics import failures, states
from zmodel.analysis.examine import Findings
from zmodel.analysis.selection import short
from zmodel.analysis.verdict import Verdict

CODE = "failures"
CHECK = "few or no trials failed"
ALARM, WARNING = 0.3, 0.1


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(failures.data)
    if found is None:
        return None
    if not found.failed:
        return []
    severity = "note"
    if found.share >= WARNING and found.failed > 1:
        severity = "alarm" if found.share >= ALARM else "warning"
    reason, numbers = next(iter(found.reasons.items()))
    text = (
        f"{found.failed} of {found.ended} trials failed ({found.share:.0%}); most often "
        f"({len(numbers)}): {reason}."
    )
    where = _where(findings)
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
            f"read the log of trial {numbers[0]}" if severity != "note" else None,
        )
    ]


def _where(findings: Findings) -> str:
    shares = findings.get(states.data)
    if shares is None:
        return ""
    lost = [c for c in shares.cells if c.ended and c.counts["failed"] == c.ended]
    if not lost:
        return ""
    return f" All trials failed at {short(shares.param)} = {', '.join(c.label for c in lost)}."
