"""The best trials press against a bound of the search space."""

from __future__ import annotations

from zmodel.analysis.commands import wider_command
from zmodel.analysis.diagnostics import bounds
from zmodel.analysis.diagnostics.bounds import Bound
from zmodel.analysis.examine import Findings
from zmodel.analysis.selection import short
from zmodel.analysis.verdict import Verdict

CODE = "boundary"
CHECK = "the best trials lie inside the bounds"
# for a warning, so many of the top trials must lie at the bound, and its value must outdo the next
# one inside so surely; with too few trials at the next one that cannot be said
TOP_SHARE = 0.6
AHEAD = 0.99
# with fewer values than this, half of the range is a bound and says nothing
LEAST_STEPS = 4


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(bounds.data)
    if found is None:
        return None
    verdicts = [_judge(findings, b, len(b.top)) for b in found.params if b.at]
    return sorted(verdicts, key=lambda v: -v.rank)


def _judge(findings: Findings, bound: Bound, leaders: int) -> Verdict:
    name = short(bound.param)
    edge = bound.low if bound.at == "low" else bound.high
    word = "lower" if bound.at == "low" else "upper"
    there = round(bound.top_share * leaders)
    clear = (
        bound.top_share >= TOP_SHARE
        and (bound.steps is None or bound.steps >= LEAST_STEPS)
        and bound.ahead is not None
        and bound.ahead >= AHEAD
    )
    text = (
        f"The best {name} is {edge}, the {word} bound of its range; {there} of the {leaders} best "
        f"trials are there too."
    )
    text += " Better values may lie beyond." if clear else " This may be chance."
    action = None
    if clear:
        action = _command(findings, bound) or f"widen the range of {bound.param} at its {word} end"
    return Verdict(
        CODE,
        "warning" if clear else "note",
        text,
        bound.param,
        {
            "bound": edge,
            "side": bound.at,
            "top_trials": leaders,
            "top_trials_there": there,
            "ahead": bound.ahead,
        },
        action,
    )


def _command(findings: Findings, bound: Bound) -> str | None:
    if bound.steps is None or bound.at is None:
        return None
    edge = int(bound.low) if bound.at == "low" else int(bound.high)
    moved = edge + 2 if bound.at == "high" else edge - 1
    return wider_command(findings.study, bound.param, bound.at, moved) if moved >= 0 else None
