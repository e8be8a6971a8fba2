"""Trials that diverged or learned nothing, and where in the space they lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.selection import short
from zmodel.analysis.statistics.shares import wilson
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

TITLE = "Useless trials"
QUESTION = "How much of the space diverges or learns nothing, and where?"
DIVERGED = ("finite", "nan", "diverged")
"""What the reason of a failed trial says when its loss left the numbers."""
CHANCE = 0.01
"""So improbable, over all cells that are compared, a cell must be under the share elsewhere."""
HALF, LEAST = 0.5, 4


@dataclass(frozen=True)
class Region:
    """One value or range: `lost` of its `ended` trials were useless, `lost_elsewhere` of
    `ended_elsewhere` others; `chance` of as many or more there if the place did not matter."""

    param: str
    value: str
    lost: int
    ended: int
    lost_elsewhere: int
    ended_elsewhere: int
    chance: float
    stands_out: bool


@dataclass(frozen=True)
class Useless:
    """The useless trials of a study, and where they are.

    `diverged` failed or ended without a finite value; `learned_nothing` were never better than
    a constant answer; `low`, `high`: 95 % interval of the share that both make up."""

    ended: int
    diverged: int
    learned_nothing: int
    low: float
    high: float
    regions: tuple[Region, ...]

    @property
    def lost(self) -> int:
        return self.diverged + self.learned_nothing

    @property
    def share(self) -> float:
        return self.lost / self.ended

    @property
    def standing_out(self) -> list[Region]:
        return [region for region in self.regions if region.stands_out]


def data(study: StudyRecord) -> Useless:
    ended = [t for t in study.trials if t.state in ("complete", "failed", "pruned")]
    if not ended:
        raise Unavailable("no trial has ended yet")
    diverged = {t.number for t in ended if has_diverged(t)}
    nothing = {t.number for t in ended if attr(t, "never_learned")} - diverged
    lost = diverged | nothing
    groups = [
        (name, label, group)
        for name, distribution in study.space.items()
        if not distribution.single()
        for label, group in _groups(study, name, ended)
    ]
    limit = CHANCE / max(1, len(groups))
    regions = tuple(_region(*group, lost, len(ended), limit) for group in groups)
    return Useless(len(ended), len(diverged), len(nothing), *wilson(len(lost), len(ended)), regions)


def has_diverged(trial: TrialRecord) -> bool:
    """Whether its loss, or what it is judged by, stopped being a number."""
    if trial.state == "failed":
        reason = attr(trial, "fail_reason", "").lower()
        return any(word in reason for word in DIVERGED)
    return trial.state == "complete" and not all(map(math.isfinite, trial.values or ()))


def _groups(
    study: StudyRecord, param: str, ended: list[TrialRecord]
) -> list[tuple[str, list[TrialRecord]]]:
    cells = cells_of(study, param)
    return list(zip(cells.labels, cells.split(ended), strict=True))


def _region(
    param: str, label: str, group: list[TrialRecord], lost: set[int], ended: int, limit: float
) -> Region:
    here = sum(t.number in lost for t in group)
    chance = _tail(here, len(group), len(lost), ended)
    out = len(group) >= LEAST and here >= HALF * len(group) and chance < limit
    return Region(param, label, here, len(group), len(lost) - here, ended - len(group), chance, out)


def _tail(here: int, group: int, lost: int, ended: int) -> float:
    """Fisher's exact test, one-sided: the chance of `here` or more lost trials in the group."""
    if not lost:
        return 1.0
    from scipy.stats import hypergeom

    return float(hypergeom.sf(here - 1, ended, lost, group))


def nothing(record: Useless) -> str | None:
    if record.lost:
        return None
    return f"None of {record.ended} ended trials diverged or learned nothing."


def rows(record: Useless) -> list[Row]:
    return [flat(region) for region in record.regions if region.ended]


def caption(record: Useless) -> str:
    text = (
        f"{record.diverged} of {record.ended} ended trials diverged and {record.learned_nothing} "
        f"learned nothing: {record.share:.0%} (95 % interval {record.low:.0%} to "
        f"{record.high:.0%})."
    )
    regions = record.standing_out
    if not regions:
        return f"{text} They gather at no value of a parameter."
    listed = "; ".join(
        f"{short(r.param)} = {r.value} ({r.lost} of {r.ended}, elsewhere {r.lost_elsewhere} of "
        f"{r.ended_elsewhere})"
        for r in regions
    )
    return f"{text} They gather at {listed}."
