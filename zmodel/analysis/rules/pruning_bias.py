"""A value lost all its trials to the pruner, or more than the others."""

from __future__ import annotations

from zmodel.analysis.diagnostics.space import values
from zmodel.analysis.diagnostics.space.cell_trials import CellTrials, ParamTrials
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import new_study
from zmodel.analysis.rules.underexplored import FLOOR
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.could_win import pruned_could_win
from zmodel.analysis.statistics.potential import CHANCE
from zmodel.analysis.statistics.pruned_more import pruned_more
from zmodel.analysis.statistics.selection import short
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord

CODE = "pruning_bias"
CHECK = "no value lost its trials to a pruner before it could show what it reaches"
# pruned share of a value above the others', and the level of the test over all values
# (pruned_more.py); figures: docs/measured/verdicts.md
DIFFERENCE = 0.2
P_VALUE = 0.04
LEAST_WIPED = 2


def judge(findings: Findings) -> list[Verdict] | None:
    covered = findings.get(values.data)
    found = covered.depth if covered else None
    if found is None:
        return None
    if not any(found.counts("pruned")):
        return []
    if not any(c.states["complete"] for c in found.cells):
        return [_all_pruned(findings, found)]
    more = _more(findings.study, found)
    gone = [c for c in found.cells if c not in more and _wiped_out(c)]
    verdicts = []
    if more:
        verdicts.append(_verdict(findings, found, more))
    if gone:
        verdicts.append(_note(found, gone))
    return verdicts


def _wiped_out(share: CellTrials) -> bool:
    return share.states["complete"] == 0 and share.states["pruned"] >= LEAST_WIPED


def _deserved(share: CellTrials) -> bool:
    """Enough trials survived, and even these survivors trail."""
    return share.states["complete"] >= FLOOR[1] and share.chance_to_win < CHANCE


def _more(study: StudyRecord, found: ParamTrials) -> list[CellTrials]:
    """The values whose trials were pruned clearly more often than the others', without a reason."""
    cells = cells_of(study, found.param)
    groups = dict(zip(cells.labels, cells.split(study.trials), strict=True))
    chance = pruned_more(study, groups)
    return [
        c
        for c in found.cells
        if chance.get(c.label, 1.0) <= P_VALUE
        and _gap(c, found) >= DIFFERENCE
        and not _deserved(c)
        and pruned_could_win(study, groups[c.label])
    ]


def _gap(share: CellTrials, found: ParamTrials) -> float:
    """The share of the value's trials that were pruned, above the others'."""
    pruned, kept = share.states["pruned"], share.states["complete"]
    other_pruned = sum(found.counts("pruned")) - pruned
    other_kept = sum(found.counts("complete")) - kept
    if min(pruned + kept, other_pruned + other_kept) == 0:
        return 0.0
    return pruned / (pruned + kept) - other_pruned / (other_pruned + other_kept)


def _listed(found: ParamTrials, cells: list[CellTrials]) -> str:
    name = short(found.param)
    return ", ".join(f"{c.states['pruned']} of {c.ended} at {name} = {c.label}" for c in cells)


def _evidence(found: ParamTrials) -> dict[str, dict[str, int]]:
    return {
        "pruned": {c.label: c.states["pruned"] for c in found.cells},
        "ended": {c.label: c.ended for c in found.cells},
    }


def _all_pruned(findings: Findings, found: ParamTrials) -> Verdict:
    total = sum(c.states["pruned"] for c in found.cells)
    return Verdict(
        CODE,
        "alarm",
        f"The pruner stopped {'the only trial' if total == 1 else f'all {total} trials'} that "
        "could have completed: nothing was measured.",
        found.param,
        _evidence(found),
        _without_pruner(findings),
    )


def _without_pruner(findings: Findings) -> str:
    again = new_study(findings.study, "unpruned", {"hydra/sweeper/pruner": "none"})
    return again or "run the study without a pruner and let early stopping end the trials"


def _verdict(findings: Findings, found: ParamTrials, more: list[CellTrials]) -> Verdict:
    total, ended = sum(c.states["pruned"] for c in found.cells), sum(c.ended for c in found.cells)
    return Verdict(
        CODE,
        "alarm" if any(map(_wiped_out, more)) else "warning",
        f"The pruner stopped {_listed(found, more)}, {total} of {ended} overall. This is more than "
        "chance explains. A pruner stops networks that start slowly, however good they would "
        f"become, so the comparison of {short(found.param)} is not fair.",
        found.param,
        _evidence(found),
        _without_pruner(findings),
    )


def _note(found: ParamTrials, gone: list[CellTrials]) -> Verdict:
    return Verdict(
        CODE,
        "note",
        f"The pruner stopped all trials of some values ({_listed(found, gone)}). With so few this "
        "may be chance.",
        found.param,
        _evidence(found),
    )
