"""Values whose trials were pruned far more often than the others' although they may still win."""

from __future__ import annotations

from zmodel.analysis.diagnostics import states
from zmodel.analysis.diagnostics.coverage import Cell
from zmodel.analysis.diagnostics.coverage import data as coverage_data
from zmodel.analysis.diagnostics.states import StateShares
from zmodel.analysis.examine import Findings
from zmodel.analysis.rules.underexplored import CHANCE
from zmodel.analysis.selection import short
from zmodel.analysis.verdict import Verdict

CODE = "pruning_bias"
CHECK = "no value lost its trials to the pruner before it could show what it reaches"
# pruned share of a value against all others': both the difference and its chance must be clear
DIFFERENCE = 0.2
P_VALUE = 0.05


def judge(findings: Findings) -> list[Verdict]:
    shares = findings.get(states.data)
    covered = findings.get(coverage_data)
    if shares is None or covered is None or not any(c.counts["pruned"] for c in shares.cells):
        return []
    cells = next(p for p in covered.params if p.param == shares.param).cells
    hit = [
        (share, cell)
        for share, cell in zip(shares.cells, cells, strict=True)
        if _wiped_out(share) or (cell.chance >= CHANCE and _more_than_others(share, shares.cells))
    ]
    return [_verdict(shares.param, hit, shares.cells)] if hit else []


def _wiped_out(share: StateShares) -> bool:
    return share.counts["complete"] == 0 and share.counts["pruned"] >= 2


def _more_than_others(share: StateShares, cells: tuple[StateShares, ...]) -> bool:
    from scipy.stats import fisher_exact

    pruned, kept = share.counts["pruned"], share.counts["complete"]
    other_pruned = sum(c.counts["pruned"] for c in cells) - pruned
    other_kept = sum(c.counts["complete"] for c in cells) - kept
    if min(pruned + kept, other_pruned + other_kept) == 0:
        return False
    gap = pruned / (pruned + kept) - other_pruned / (other_pruned + other_kept)
    table = [[pruned, kept], [other_pruned, other_kept]]
    p = fisher_exact(table, alternative="greater").pvalue
    return gap >= DIFFERENCE and p <= P_VALUE


def _verdict(
    param: str, hit: list[tuple[StateShares, Cell]], cells: tuple[StateShares, ...]
) -> Verdict:
    name = short(param)
    parts = [f"{s.counts['pruned']} of {s.ended} at {name} = {s.label}" for s, _ in hit]
    total = sum(c.counts["pruned"] for c in cells)
    ended = sum(c.ended for c in cells)
    wiped = any(_wiped_out(share) for share, _ in hit)
    return Verdict(
        CODE,
        "alarm" if wiped else "warning",
        f"The pruner stopped {'; '.join(parts)} ({total} of {ended} overall). A network that "
        "starts slowly looks bad to a pruner whatever it would have reached, so the comparison "
        f"of {name} is not fair.",
        param,
        {
            "pruned": {s.label: s.counts["pruned"] for s in cells},
            "ended": {s.label: s.ended for s in cells},
        },
        "run the study without a pruner and stop trials early instead: hydra.sweeper.pruner=null",
    )
