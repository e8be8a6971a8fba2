"""Trials stay `running` because their worker is gone."""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import zombies
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import sweep_command
from zmodel.analysis.rules.verdict import NOTHING, Verdict
from zmodel.analysis.statistics.could_win import may_hide_winner

CODE = "zombies"
CHECK = "no trial is marked as running without anybody working on it"


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(zombies.data)
    if found is None:
        return None
    if not found.zombies:
        return []
    numbers = [z.trial for z in found.zombies]
    sure = all(z.certain for z in found.zombies)
    able = may_hide_winner(findings.study, numbers)
    named = ", ".join(map(str, numbers[:8])) + ("" if len(numbers) <= 8 else ", …")
    return [
        Verdict(
            CODE,
            "warning" if able else "note",
            f"{len(numbers)} of {found.running} running trials {'are' if sure else 'seem'} dead "
            f"(trial {named}): they hold their part of the budget and will never end.",
            None,
            {"numbers": numbers, "certain": sure},
            sweep_command(findings.study, {}) or "set them to failed and run them again",
            None if able else NOTHING,
        )
    ]
