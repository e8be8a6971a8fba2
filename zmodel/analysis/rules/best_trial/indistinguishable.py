"""Several configurations cannot be distinguished from the best one."""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import noise
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import final_command
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.noise import LEVEL
from zmodel.analysis.statistics.selection import baseline_of, listed, short

CODE = "indistinguishable"
CHECK = "the best trial can be distinguished from all others"


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(noise.data)
    if found is None:
        return None
    near, simple = found.alike, found.simplest
    if len(near) < 2:
        return []
    text = (
        f"{len(near)} of {len(found.trials)} trials cannot be distinguished from the best one at "
        f"{LEVEL:.0%}: the standard error of its value is {found.trials[0].error:.4f}."
    )
    if found.param and found.depths:
        text += f" They have {short(found.param)} = {listed(found.depths)}."
    if simple.weights is not None:
        text += f" The simplest is trial {simple.trial} with {simple.weights:,} weights."
    own = baseline_of(findings.study)
    if own is not None and own.number in [trial.trial for trial in near]:
        text += f" The baseline, trial {own.number}, is among them."
    return [
        Verdict(
            CODE,
            "note",
            text,
            found.param,
            {
                "trials": [trial.trial for trial in near],
                "values": found.depths,
                "simplest": simple.trial,
                "standard_error": found.trials[0].error,
                "seeds": found.seeds,
            },
            None if found.seeds is not None else final_command(findings.study),
        )
    ]
