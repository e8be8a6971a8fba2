"""Trials that repeat earlier ones waste budget.

They change no conclusion: `few_trials` counts different configurations.
"""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import duplicates
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict
from zmodel.study.records import StudyRecord

CODE = "duplicates"
CHECK = "no trial repeats another"
# from this part of the trials on, and so many, it has a cause that can be mended
SHARE, LEAST = 0.05, 3
# with more trials than this part of the space's combinations any sampler repeats some
CROWDED = 0.25


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(duplicates.data)
    if found is None:
        return None
    if not found.repeated:
        return []
    small = found.combinations is not None and found.trials > CROWDED * found.combinations
    clear = found.share >= SHARE and found.repeated >= LEAST and not small
    ranges = [group.range for group in found.groups if group.range is not None]
    text = f"{found.repeated} of {found.trials} trials repeat earlier parameters exactly."
    if small:
        text += f" The space has only {found.combinations} combinations."
    if ranges and max(ranges) > 0:
        text += f" Their values differ by up to {max(ranges):.3g}: that much is noise."
    elif ranges:
        text += " They gave the same values again, so nothing was learned from them."
    return [
        Verdict(
            CODE,
            "note",
            text,
            None,
            {
                "repeated": found.repeated,
                "trials": found.trials,
                "groups": [list(group.numbers) for group in found.groups[:10]],
            },
            _action(findings.study) if clear else None,
        )
    ]


def _action(study: StudyRecord) -> str:
    """Workers of zmodel never share a seed; those of others often do."""
    if "command" in study.attrs:
        return "look for the same parameters in hydra.sweeper.enqueue, or search a finer space"
    return "give every worker its own sampler seed, or search a finer space"
