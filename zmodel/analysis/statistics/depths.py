"""The depth of each trial: figures give every trial the colour of its depth."""

from __future__ import annotations

from dataclasses import dataclass, field

from zmodel.analysis.statistics.selection import short, structural
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord

MOST = 8
"""More depths than this cannot be told apart by their colours."""


@dataclass(frozen=True)
class Depths:
    """The first structural parameter. `labels` are all declared values; `of` has those of trials,
    by number. All are empty where none varies, or where it has more values than there are colours.
    """

    param: str | None = None
    labels: tuple[str, ...] = ()
    of: dict[int, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return short(self.param) if self.param else ""


def depths_of(study: StudyRecord) -> Depths:
    param = next(iter(structural(study)), None)
    if param is None:
        return Depths()
    cells = cells_of(study, param)
    if len(cells) > MOST:
        return Depths()
    labels = {t.number: label for t in study.trials if (label := cells.label_of(t)) is not None}
    return Depths(param, cells.labels, labels)
