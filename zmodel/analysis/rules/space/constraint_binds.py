"""Values still rise where a limit that the user set ends them."""

from __future__ import annotations

from zmodel.analysis.diagnostics.space import constraints
from zmodel.analysis.diagnostics.space.constraints import Constraints, Limit
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict

CODE = "constraint_binds"
CHECK = "the best feasible trials stay away from the limits of the study"
LEVEL = 0.05
"""docs/measured/verdicts.md says how often it finds a limit that costs accuracy."""


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(constraints.data)
    if found is None:
        return None
    if found.best is None:
        return [_none_feasible(found)]
    return [_judge(found, limit) for limit in found.limits if binds(limit)]


def binds(limit: Limit) -> bool:
    """Whether values still rise with the amount where the limit ends it."""
    return limit.rises is not None and limit.rises <= LEVEL


def _judge(found: Constraints, limit: Limit) -> Verdict:
    text = (
        f"The limit {limit.name} {limit.text} binds: all other parameters alike, values still rise "
        f"with {limit.name} where it ends (p = {limit.rises:.2g}). With a wider limit the study "
        "may find a better trial."
    )
    evidence = {
        "limit": limit.limit,
        "best": limit.best,
        "rises": limit.rises,
        "better_infeasible": found.better,
    }
    return Verdict(CODE, "note", text, limit.name, evidence)


def _none_feasible(found: Constraints) -> Verdict:
    broken = {limit.name: limit.broken for limit in found.limits}
    named = ", ".join(f"{limit.name} {limit.text}" for limit in found.limits if limit.broken)
    text = f"No completed trial keeps the constraints ({named}): the study has no best trial."
    action = "raise the limits, or search smaller values"
    return Verdict(CODE, "alarm", text, None, {"broken": broken}, action)
