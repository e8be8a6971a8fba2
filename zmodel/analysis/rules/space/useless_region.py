"""A part of the search space in which trials diverge or learn nothing."""

from __future__ import annotations

from zmodel.analysis.diagnostics.space import useless
from zmodel.analysis.diagnostics.space.useless import Region
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import NOTHING, Verdict
from zmodel.analysis.statistics.selection import best, scored, short
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord

CODE = "useless_region"
CHECK = "no part of the space is lost to trials that diverge or learn nothing"
# with fewer such trials, the cost is small wherever they lie
MUCH = 0.2


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(useless.data)
    if found is None:
        return None
    return [_judge(findings.study, region, found.share) for region in found.standing_out]


def _judge(study: StudyRecord, region: Region, share: float) -> Verdict:
    """It wastes trials; only beside the best one it may hide a better one, too."""
    near = _beside_best(study, region)
    action = f"search {region.param} without {region.value} in a new study"
    if near:
        action = f"warm the learning rate up, or clip gradients, and search {region.param} again"
    evidence = {
        "value": region.value,
        "lost": region.lost,
        "ended": region.ended,
        "lost_elsewhere": region.lost_elsewhere,
        "ended_elsewhere": region.ended_elsewhere,
        "share": share,
        "beside_best": near,
    }
    return Verdict(
        CODE,
        "warning" if near and share >= MUCH else "note",
        _text(study, region),
        region.param,
        evidence,
        action if share >= MUCH else None,
        None if near else NOTHING,
    )


def _text(study: StudyRecord, region: Region) -> str:
    name = short(region.param)
    text = (
        f"{region.lost} of {region.ended} trials at {name} = {region.value} diverged or learned "
        f"nothing, elsewhere {region.lost_elsewhere} of {region.ended_elsewhere}."
    )
    if _beside_best(study, region):
        text += (
            f" The best trial lies beside it: a stabler training (warm-up, gradient clipping) may "
            f"let it use more of {name}."
        )
    return text


def _beside_best(study: StudyRecord, region: Region) -> bool:
    """Whether the best trial's cell of an ordered parameter is the next one."""
    if not scored(study) or region.param not in best(study).params:
        return False
    cells = cells_of(study, region.param)
    own, lost = cells.at(best(study).params[region.param]), cells.labels.index(region.value)
    return cells.are_ranges and own is not None and abs(own - lost) == 1
