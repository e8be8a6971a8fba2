"""The importance methods do not agree on the first parameter.

Or they cannot tell the first two apart.
"""

from __future__ import annotations

from zmodel.analysis.diagnostics.space import importance
from zmodel.analysis.diagnostics.space.importance import LABELS
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import NOTHING, Verdict
from zmodel.analysis.statistics.importance_methods import WITH_PRUNED, Method
from zmodel.analysis.statistics.selection import short

CODE = "few_trials"
CHECK = "the methods of importance name the same parameter first"


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(importance.data)
    if found is None:
        return None
    methods = [m for m in found.methods if m.name != WITH_PRUNED]
    if found.agree and not all(map(_tied, methods)):
        return []
    named = ", ".join(f"{LABELS[m.name]}: {short(m.first)}" for m in methods)
    if found.agree:
        text = (
            f"All methods of importance name {short(methods[0].first)} first, but by their "
            "bootstrap intervals the second could be it as well."
        )
    else:
        text = f"The methods disagree about the most important parameter ({named})."
    return [
        Verdict(
            CODE,
            "note",
            f"{text} Do not fix or drop a parameter on this ground.",
            None,
            {m.name: {p: round(e.value, 3) for p, e in m.params.items()} for m in methods},
            at_stake=NOTHING,
        )
    ]


def _tied(method: Method) -> bool:
    """Whether the interval of the first overlaps that of another parameter."""
    first = method.params[method.first]
    others = [e for p, e in method.params.items() if p != method.first]
    low = first.value if first.low is None else first.low
    return any((e.value if e.high is None else e.high) >= low for e in others)
