"""How many trials each value of each parameter got, what became of them, what they reached."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics import intervals
from zmodel.analysis.statistics.potential import chances
from zmodel.analysis.statistics.selection import count_states, score, short, sign, structural
from zmodel.core.plain_text import plain
from zmodel.study.cells import Cell, cells_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Coverage"
QUESTION = "How many trials did each value get, and what became of them?"
STATES = ("complete", "pruned", "failed", "running", "waiting")


@dataclass(frozen=True)
class CellCoverage:
    """One value or bin. `chance`: see potential.py; `low`, `high`: interval of the median."""

    label: str
    trials: int
    share: float
    states: dict[str, int]
    forced: int
    best: float | None
    median: float | None
    low: float | None
    high: float | None
    chance: float
    given_up: str | None
    """Why the study's policy forced nothing more on it."""


@dataclass(frozen=True)
class ParamCoverage:
    """`entropy` is Shannon's over the trials' shares, divided by its maximum: 1 is even."""

    param: str
    structural: bool
    binned: bool
    entropy: float
    cells: tuple[CellCoverage, ...]

    def counts(self, state: str) -> list[int]:
        return [cell.states[state] for cell in self.cells]


@dataclass(frozen=True)
class Coverage:
    params: tuple[ParamCoverage, ...]

    @property
    def main(self) -> ParamCoverage:
        """The first structural parameter, else the first parameter."""
        return next((p for p in self.params if p.structural), self.params[0])


def data(study: StudyRecord) -> Coverage:
    params = {name: d for name, d in study.space.items() if not d.single()}
    if not params or not study.trials:
        raise Unavailable("the study has no trials or no parameters that vary")
    main = structural(study)
    ordered = [*main, *(name for name in params if name not in main)]
    return Coverage(tuple(_param(study, name, name in main) for name in ordered if name in params))


def _param(study: StudyRecord, param: str, is_structural: bool) -> ParamCoverage:
    cells = cells_of(study, param)
    groups = cells.split(study.trials)
    # waiting trials have no parameters yet, so they are in no group
    total = sum(map(len, groups))
    scores = [_scores(study, group) for group in groups]
    return ParamCoverage(
        param=param,
        structural=is_structural,
        binned=cells.are_ranges,
        entropy=entropy([len(group) for group in groups]),
        cells=tuple(
            _cell(study, cell, group, values, total, chance)
            for cell, group, values, chance in zip(
                cells, groups, scores, chances(scores), strict=True
            )
        ),
    )


def _scores(study: StudyRecord, group: Sequence[TrialRecord]) -> list[float]:
    """Scores of the completed trials in order of their numbers."""
    found = [score(study, t) for t in group if t.state == "complete"]
    return [s for s in found if s is not None]


def _cell(
    study: StudyRecord,
    cell: Cell,
    group: Sequence[TrialRecord],
    scores: Sequence[float],
    total: int,
    chance: float,
) -> CellCoverage:
    values = sorted(sign(study) * s for s in scores)
    interval = intervals.bootstrap(values)
    middle = len(values) // 2
    return CellCoverage(
        label=cell.label,
        trials=len(group),
        share=len(group) / total if total else 0.0,
        states=count_states(group),
        forced=sum(_is_forced(trial, cell.param) for trial in group),
        best=sign(study) * max(scores) if scores else None,
        median=(values[middle] + values[~middle]) / 2 if values else None,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        chance=chance,
        given_up=_given_up(study, cell.name),
    )


def _given_up(study: StudyRecord, value: str) -> str | None:
    reasons = study.attrs.get("given_up")
    reason = reasons.get(value) if isinstance(reasons, dict) else None
    return None if reason is None else plain(reason)


def _is_forced(trial: TrialRecord, param: str) -> bool:
    return param in attr(trial, "forced", [])


def entropy(counts: Sequence[int]) -> float:
    """Normalised Shannon entropy of counts: 1 when even, 0 when all are in one cell."""
    total = sum(counts)
    if total == 0 or len(counts) < 2:
        return 0.0
    shares = [n / total for n in counts if n]
    # the sum is -0.0 for a single cell
    return abs(sum(p * math.log(p) for p in shares)) / math.log(len(counts))


def draw(record: Coverage, ax: Axes) -> None:
    shown = record.main
    base = [0] * len(shown.cells)
    for state in STATES:
        counts = shown.counts(state)
        if any(counts):
            ax.bar(
                range(len(counts)),
                counts,
                bottom=base,
                width=0.72,
                label=state,
                color=style.STATE[state],
                hatch=style.HATCH[state],
                edgecolor="white",
                linewidth=0,
            )
            base = [b + n for b, n in zip(base, counts, strict=True)]
    for at, cell in enumerate(shown.cells):
        ax.annotate(
            str(cell.trials),
            (at, base[at]),
            (0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
        )
    ax.set_ylabel("trials")
    style.whole_numbers(ax)
    ax.margins(y=0.12)
    style.categories(ax, [cell.label for cell in shown.cells], short(shown.param))
    style.legend_above(ax)


def rows(record: Coverage) -> list[dict[str, Any]]:
    return [
        {
            "param": param.param,
            "value": cell.label,
            "trials": cell.trials,
            "share": cell.share,
            **cell.states,
            "forced": cell.forced,
            "best": cell.best,
            "median": cell.median,
            "ci_low": cell.low,
            "ci_high": cell.high,
            "chance_to_win": cell.chance,
            "given_up": cell.given_up,
            "entropy": param.entropy,
        }
        for param in record.params
        for cell in param.cells
    ]


def caption(record: Coverage) -> str:
    shown = record.main
    most = max(shown.cells, key=lambda c: c.trials)
    least = min(shown.cells, key=lambda c: c.trials)
    name = short(shown.param)
    given_up = "".join(
        f" The policy gave up {name} = {cell.label}: {cell.given_up}."
        for cell in shown.cells
        if cell.given_up
    )
    return (
        f"{name} = {most.label} got {most.trials} trials ({most.share:.0%}), {name} = "
        f"{least.label} got {least.trials} ({least.share:.0%}); evenness {shown.entropy:.2f} "
        f"(1 is even, 0 is all on one value).{given_up}"
    )
