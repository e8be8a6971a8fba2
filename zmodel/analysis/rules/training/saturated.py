"""The best trials had come to their best long before their end."""

from __future__ import annotations

from zmodel.analysis.diagnostics.training import late_epochs
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict

CODE = "saturated"
CHECK = "the best trials used most of their epochs"
# the part of their epochs after which the best trials had come almost all of their way
EARLY = 0.6


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(late_epochs.data)
    if found is None:
        return None
    if found.arrived > EARLY:
        return []
    epochs = max(late.epochs for late in found.trials)
    text = (
        f"The best {len(found.trials)} trials had come {late_epochs.MOSTLY:.0%} of their way after "
        f"{found.arrived:.0%} of their epochs (up to {epochs}). Shorter runs would pay for more "
        "trials; a best epoch so early can also mean a learning rate that is too large, or "
        "over-fitting from there on."
    )
    evidence = {"arrived": found.arrived, "epochs": epochs}
    return [Verdict(CODE, "note", text, None, evidence)]
