"""The best trials press against a bound of the search space."""

from __future__ import annotations

from itertools import chain

from zmodel.analysis.diagnostics.space import parallel
from zmodel.analysis.diagnostics.space.bounds import Bound
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import NOTHING, Verdict
from zmodel.analysis.rules.wider_bounds import can_move, wider_command
from zmodel.analysis.statistics.could_win import can_be_beaten
from zmodel.analysis.statistics.intervals import outdoes
from zmodel.analysis.statistics.selection import best, score, scored, short
from zmodel.study.cells import cells_of, value_label
from zmodel.study.records import StudyRecord

CODE = "boundary"
CHECK = "the best trials lie inside the bounds"
# for a warning, so many of the top trials must lie at the bound, and its value must outdo the next
# one inside so surely; where that one was hardly tried, all others together
TOP_SHARE = 0.6
AHEAD = 0.99
HARDLY = 5
EVEN = 0.5
# with fewer values than this, half of the range is a bound and says nothing
LEAST_STEPS = 4


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(parallel.data)
    if found is None or not found.bounds:
        return None
    beatable = can_be_beaten(findings.study)
    return [_judge(findings.study, bound, beatable) for bound in found.at_bounds]


def _is_ahead(study: StudyRecord, bound: Bound) -> bool:
    """Of its neighbour; where that was hardly tried and is not better, of all other values."""
    cells = cells_of(study, bound.param).split(scored(study))
    own, *inner = cells if bound.at == "low" else reversed(cells)
    if len(inner[0]) >= HARDLY or (bound.ahead is not None and bound.ahead < EVEN):
        return bound.ahead is not None and bound.ahead >= AHEAD
    values = [[score(study, t) or 0.0 for t in group] for group in (own, [*chain(*inner)])]
    return (outdoes(values[0], values[1]) or 0.0) >= AHEAD


def _is_clear(study: StudyRecord, bound: Bound) -> bool:
    """Values still rise there, or so many of the best lie there and so surely outdo the rest."""
    if bound.rising:
        return True
    enough = bound.steps is None or bound.steps >= LEAST_STEPS
    return enough and bound.top_share >= TOP_SHARE and _is_ahead(study, bound)


def _judge(study: StudyRecord, bound: Bound, beatable: bool) -> Verdict:
    leaders = len(bound.top)
    beyond = can_move(study, bound.param, bound.at or "high")
    open_ = beyond and beatable
    clear = open_ and _is_clear(study, bound)
    others = max(0, round(bound.top_share * leaders) - 1)
    evidence = {
        "bound": bound.edge,
        "side": bound.at,
        "top_trials": leaders,
        "other_top_trials_there": others,
        "ahead": bound.ahead,
        "trend": bound.rise.trend,
        "outer": bound.rise.outer,
    }
    if clear:
        text = f"{_where(study, bound, others, leaders)} Better values may lie beyond."
        return Verdict(CODE, "warning", text, bound.param, evidence, _action(study, bound))
    why = "This may be chance." if beyond else "There are no values beyond."
    if beyond and not open_:
        why = "No value beyond could be better by more than the standard error of the best."
    text = f"{_where(study, bound, others, leaders)} {why}"
    at_stake = None if open_ else NOTHING
    return Verdict(CODE, "note", text, bound.param, evidence, at_stake=at_stake)


def _word(bound: Bound) -> str:
    return "lower" if bound.at == "low" else "upper"


def _where(study: StudyRecord, bound: Bound, others: int, leaders: int) -> str:
    value = value_label(best(study).params[bound.param])
    name, bounded = short(bound.param), f"{_word(bound)} bound"
    if bound.rising:
        text = (
            f"All other parameters alike, values still rise towards the {bounded} of {name}, "
            f"{bound.edge}. The best trial has {value}."
        )
    else:
        close = "" if value == bound.edge else "close to "
        bounded += "" if value == bound.edge else f" {bound.edge}"
        text = f"The best trial has {name} = {value}, {close}the {bounded} of its range."
    if others:
        verb = "is" if others == 1 else "are"
        text += f" {others} of the other {leaders - 1} best trials {verb} there too."
    return text


def _action(study: StudyRecord, bound: Bound) -> str:
    return wider_command(study, bound.param, bound.at or "high") or (
        f"widen the range of {bound.param} at its {_word(bound)} end, unless {bound.edge} is a "
        "limit by nature"
    )
