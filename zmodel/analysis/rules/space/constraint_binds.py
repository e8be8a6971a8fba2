"""The best feasible trials press against a limit that the user set."""

from __future__ import annotations

from zmodel.analysis.diagnostics.space import constraints
from zmodel.analysis.diagnostics.space.constraints import Constraints, Limit
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict

CODE = "constraint_binds"
CHECK = "the best feasible trials stay away from the limits of the study"
# Calibrated on 400 simulated studies each. Where values do not depend on size it speaks in 3, 4 and
# 4 % of studies of 20, 30 and 60 trials; where they gain eight times their noise, in 99.7 to 100 %.
TOP_SHARE, AHEAD = 0.6, 0.95


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(constraints.data)
    if found is None:
        return None
    if found.best is None:
        return [_none_feasible(found)]
    return [_judge(found, limit) for limit in found.limits if binds(limit)]


def binds(limit: Limit) -> bool:
    """Whether most of the best trials are near the limit, and better than those that are not."""
    return limit.top_near >= TOP_SHARE and limit.ahead is not None and limit.ahead >= AHEAD


def _judge(found: Constraints, limit: Limit) -> Verdict:
    text = (
        f"The limit {limit.name} {limit.text} binds: {limit.top_near:.0%} of the best feasible "
        f"trials are near it, and those near it outdo the others in {limit.ahead:.0%} of bootstrap "
        "rounds. With a wider limit the study would probably find a better trial."
    )
    evidence = {
        "limit": limit.limit,
        "best": limit.best,
        "top_near": limit.top_near,
        "ahead": limit.ahead,
        "better_infeasible": found.better,
    }
    return Verdict(CODE, "note", text, limit.name, evidence)


def _none_feasible(found: Constraints) -> Verdict:
    broken = {limit.name: limit.broken for limit in found.limits}
    named = ", ".join(f"{limit.name} {limit.text}" for limit in found.limits if limit.broken)
    text = f"No completed trial keeps the constraints ({named}): the study has no best trial."
    action = "raise the limits, or search smaller values"
    return Verdict(CODE, "alarm", text, None, {"broken": broken}, action)
