"""The rounds of a search: studies that led to this one, and phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import json_to_distribution

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import objective_name, ranked
from zmodel.study.distribution_values import in_words
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord
from zmodel.study.widening import PHASES, phase_of, phase_starts

TITLE = "Rounds"
QUESTION = "Which searches led to this one, and how did the space change?"


@dataclass(frozen=True)
class OneRound:
    """A study of the chain, or a phase of this one. `space`: each parameter in words."""

    study: str
    phase: int
    trials: int
    completed: int
    best: float | None
    space: dict[str, str]


@dataclass(frozen=True)
class Rounds:
    """The first round first; the last one is the study as it is."""

    objective: str
    rounds: tuple[OneRound, ...]


def data(study: StudyRecord) -> Rounds:
    told = study.attrs.get("round")
    chain = told.get("chain") if isinstance(told, Mapping) else None
    before = [one for part in chain or [] if (one := _earlier(part)) is not None]
    if not before and not phase_starts(study.attrs):
        raise Unavailable("the study is the first round, and its space was never widened")
    return Rounds(objective_name(study), (*before, *_phases(study)))


def _earlier(told: Any) -> OneRound | None:
    """A study of the chain as it was noted; None where others have written there."""
    try:
        best = None if told["best"] is None else float(told["best"])
        counts = int(told["trials"]), int(told["completed"])
        return OneRound(plain(str(told["study"])), 1, *counts, best, _in_words(told["space"]))
    except (TypeError, KeyError, ValueError):
        return None


def _in_words(space: Mapping[str, str]) -> dict[str, str]:
    return {plain(name): plain(in_words(json_to_distribution(t))) for name, t in space.items()}


def _phases(study: StudyRecord) -> list[OneRound]:
    """Of this study; phases are noted with the space that they end."""
    noted = study.attrs.get(PHASES) or []
    spaces = [_in_words(p["space"]) if isinstance(p, Mapping) else {} for p in noted]
    spaces.append({plain(name): plain(in_words(d)) for name, d in study.space.items()})
    found = []
    for phase, space in enumerate(spaces, start=1):
        own = sum(phase_of(t.number, study.attrs) == phase for t in study.trials)
        done = [t for t in ranked(study) if phase_of(t.number, study.attrs) == phase]
        best = done[0].value if done else None
        found.append(OneRound(study.name, phase, own, len(done), best, space))
    return found


def rows(record: Rounds) -> list[Row]:
    return [
        {
            "study": one.study, "phase": one.phase, "trials": one.trials,
            "completed": one.completed, "best": one.best, **one.space,
        }
        for one in record.rounds
    ]  # fmt: skip


def caption(record: Rounds) -> str:
    parts = [
        f"{one.study}{f', phase {one.phase}' if one.phase > 1 else ''}: {one.trials} trials"
        + ("" if one.best is None else f", best {record.objective} {one.best:.4g}")
        for one in record.rounds
    ]
    return "; ".join(parts) + "."
