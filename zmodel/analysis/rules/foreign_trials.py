"""Another program added trials to this study."""

from __future__ import annotations

from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import NOTHING, Verdict
from zmodel.analysis.statistics.selection import listed

CODE = "few_trials"
CHECK = "no other program used a part of the budget"


def judge(findings: Findings) -> list[Verdict] | None:
    study = findings.study
    foreign = [t.number for t in study.trials if t.foreign]
    partial = [t.number for t in study.trials if t.partial]
    if not foreign:
        return None  # said of every study, it would be noise
    text = (
        f"Another program made {len(foreign)} of {len(study.trials)} trials (trial "
        f"{listed(list(map(str, foreign)))}): they use the budget, and nothing is known of how "
        "they were run."
    )
    if partial:
        text += (
            f" Trial {listed(list(map(str, partial)))} lacks parameters of the study "
            "and is left out wherever trials are compared."
        )
    return [
        Verdict(CODE, "note", text, None, {"foreign": foreign, "partial": partial}, None, NOTHING)
    ]
