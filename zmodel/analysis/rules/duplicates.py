"""Budget spent on repeating trials."""

from __future__ import annotations

from zmodel.analysis.diagnostics import duplicates
from zmodel.analysis.examine import Findings
from zmodel.analysis.verdict import Verdict

CODE = "duplicates"
CHECK = "no trial repeats another"
WARNING, LEAST = 0.05, 3


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(duplicates.data)
    if found is None:
        return None
    if not found.repeated:
        return []
    clear = found.share >= WARNING and found.repeated >= LEAST
    ranges = [group.range for group in found.groups if group.range is not None]
    text = f"{found.repeated} of {found.trials} trials repeat earlier parameters exactly."
    if ranges:
        text += f" Their values differ by up to {max(ranges):.3g}: that much is noise."
    return [
        Verdict(
            CODE,
            "warning" if clear else "note",
            text,
            None,
            {
                "repeated": found.repeated,
                "trials": found.trials,
                "groups": [list(group.numbers) for group in found.groups[:10]],
            },
            "give every worker its own sampler seed" if clear else None,
        )
    ]
