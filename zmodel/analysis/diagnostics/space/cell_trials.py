"""Counts, values and ranks of the trials of each parameter value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zmodel.analysis.statistics.intervals import best_of, bootstrap, wins
from zmodel.analysis.statistics.noise import Validation, known_validation
from zmodel.analysis.statistics.potential import chances
from zmodel.analysis.statistics.selection import count_states, score, sign, structural
from zmodel.analysis.statistics.shares import evenness
from zmodel.study.cells import Cell, cells_of
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

# a value that wins this share of the rounds cannot be ruled out
RIVAL = 0.05
# fewer completed trials say nothing about the best that a value can reach
LEAST = 3


class CompletedTrial(NamedTuple):
    """`forced`: coverage put it at this value."""

    value: float
    forced: bool
    trial: int


@dataclass(frozen=True)
class CellTrials:
    """The trials of one value or bin.

    `best_error`: standard error of the best, where it is known; `median_low`, `median_high`: 95 %
    interval; `wins`: share of bootstrap rounds in which its best trials are ahead of all others';
    `isolated`, with an interval: what its best of equally many trials for all values reaches, over
    all other parameters; `chance_to_win`: see potential.py; `given_up`: why the study's policy
    forced nothing more on it.
    """

    label: str
    trials: int
    share: float
    states: dict[str, int]
    forced: int
    best: float | None
    best_error: float | None
    median: float | None
    median_low: float | None
    median_high: float | None
    wins: float
    chance_to_win: float
    given_up: str | None
    isolated: float | None
    isolated_low: float | None
    isolated_high: float | None
    completed: tuple[CompletedTrial, ...]

    @property
    def ended(self) -> int:
        return sum(self.states[state] for state in ("complete", "pruned", "failed"))


@dataclass(frozen=True)
class ParamTrials:
    """`evenness`: Shannon's entropy of the trials' shares divided by its maximum."""

    param: str
    structural: bool
    are_ranges: bool
    evenness: float
    cells: tuple[CellTrials, ...]

    def counts(self, state: str) -> list[int]:
        return [cell.states[state] for cell in self.cells]

    @property
    def leader(self) -> CellTrials:
        return max(self.cells, key=lambda cell: cell.wins)

    @property
    def rivals(self) -> list[CellTrials]:
        """Those that cannot be told apart from the leader."""
        return [c for c in self.cells if c is not self.leader and c.wins >= RIVAL]


def param_trials(study: StudyRecord, param: str) -> ParamTrials:
    cells = cells_of(study, param)
    groups = cells.split(study.trials)
    own = [[t for t in g if attr(t, "replicate") is None] for g in groups]
    scored = [[t for t in g if t.state == "complete" and score(study, t) is not None] for g in own]
    scores = [[score(study, t) or 0.0 for t in group] for group in scored]
    first = param in structural(study)
    total = sum(map(len, groups)) or 1  # waiting trials have no parameters yet
    least = min((len(row) for row in scores if len(row) >= LEAST), default=LEAST)
    alone = [best_of(row, least) if first else None for row in scores]
    known = known_validation(study)
    columns = zip(
        cells, groups, scored, wins(scores) if first else [0.0] * len(scores),
        chances(scores), alone, strict=True,
    )  # fmt: skip
    return ParamTrials(
        param,
        first,
        cells.are_ranges,
        evenness([len(group) for group in groups]),
        tuple(_cell(study, known, total, *column) for column in columns),
    )


def _cell(
    study: StudyRecord, known: Validation | None, total: int, cell: Cell,
    group: Sequence[TrialRecord], scored: Sequence[TrialRecord],
    won: float, chance: float, alone: tuple[float, ...] | None,
) -> CellTrials:  # fmt: skip
    values = [float(t.value or 0.0) for t in scored]
    low, high = bootstrap(values) or (None, None)
    forced = {t.number for t in group if cell.param in attr(t, "forced", [])}
    given_up = study.attrs.get("given_up")
    reason = given_up.get(cell.name) if isinstance(given_up, dict) else None
    top = sign(study) * max(sign(study) * v for v in values) if values else None
    return CellTrials(
        label=cell.label,
        trials=len(group),
        share=len(group) / total,
        states=count_states(group),
        forced=len(forced),
        best=top,
        best_error=None if known is None or top is None else known.error(top),
        median=float(np.median(values)) if values else None,
        median_low=low,
        median_high=high,
        wins=won,
        chance_to_win=chance,
        given_up=None if reason is None else plain(reason),
        **_isolated(sign(study), alone),
        completed=tuple(
            CompletedTrial(v, t.number in forced, t.number)
            for v, t in zip(values, scored, strict=True)
        ),
    )


def _isolated(way: float, alone: tuple[float, ...] | None) -> dict[str, float | None]:
    """Scores as values: of a loss, the low end of an interval is that of the high score."""
    names = ("isolated", "isolated_low", "isolated_high")
    if alone is None:
        return dict.fromkeys(names)
    mean, low, high = (way * score for score in alone)
    return dict(zip(names, (mean, min(low, high), max(low, high)), strict=True))
