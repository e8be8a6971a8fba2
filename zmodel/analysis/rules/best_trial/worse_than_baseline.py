"""The search found nothing better than the configuration it began with.

The best trial then is the baseline, so the conclusion stands: keep it. Chance does not favour it,
because it is one value against the best of many. The headline says so too.
"""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import baseline
from zmodel.analysis.diagnostics.search.baseline import Baseline, NewSeeds
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import final_command
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.selection import compared

CODE = "worse_than_baseline"
CHECK = "the best trial beats the baseline"


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(baseline.data)
    if found is None or found.gain is None:
        return None
    if found.final is not None:
        return _by_new_seeds(found, found.final)
    if found.gain > 0:
        return []
    return [
        Verdict(
            CODE,
            "note",
            f"None of the {found.others} other trials is better than the baseline, trial "
            f"{found.trial}, which reached {found.value:.4g}: the best of them reached "
            f"{found.best_value:.4g}. Keep the configuration that you had, unless the final stage "
            "finds a better one.",
            None,
            {"baseline": found.value, "best": found.best_value, "others": found.others},
            final_command(findings.study),
        )
    ]


def _by_new_seeds(found: Baseline, new: NewSeeds) -> list[Verdict]:
    """With as many new seeds each, chance favours neither."""
    if new.low is not None and new.low > 0:
        return []
    worse = new.gain <= 0 or (new.high is not None and new.high < 0)
    text = (
        f"Trained again with {new.seeds}, the best other candidate, trial {new.trial}, is "
        f"{compared(new.gain)} than the baseline, trial {found.trial}{new.interval}. "
    )
    chance = new.high is None or new.high >= 0
    text += "That may be chance" if chance else "That is more than chance"
    text += ": keep the configuration that you had." if worse else "."
    evidence = {
        "gain": new.gain, "low": new.low, "high": new.high, "seeds": new.n, "worse": worse,
    }  # fmt: skip
    return [Verdict(CODE, "note", text, None, evidence)]
