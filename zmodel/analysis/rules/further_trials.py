"""More trials would probably still bring a visible gain."""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import further_trials
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import more_trials
from zmodel.analysis.rules.verdict import Verdict

CODE = "further_trials"
CHECK = "20 more trials would hardly gain more than the noise of the best value"


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(further_trials.data)
    if found is None or found.error is None or found.study.high is None:
        return None
    if found.study.high <= found.error:
        return []
    return [
        Verdict(
            CODE,
            "note",
            f"{found.ahead} more trials would gain at most {found.study.high:.2g} over "
            f"{found.best:.4g} (with 90 %), and anything at all with {found.study.chance:.0%}"
            f"; its standard error is {found.error:.2g}.",
            None,
            {
                "ahead": found.ahead,
                "at_most": found.study.high,
                "chance": found.study.chance,
                "standard_error": found.error,
                "halve": found.study.halve,
            },
            more_trials(findings.study, found.ahead, {}),
        )
    ]
