"""The runs of a final stage: a race, or all candidates with all seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zmodel.core.run_value import value_of
from zmodel.final.choice import Candidate
from zmodel.final.plan import FinalPlan
from zmodel.final.race.rule import Race
from zmodel.study.constraints import Constraint, parse_constraints
from zmodel.study.records import TrialRecord
from zmodel.study.run_folder import read_result

Run = tuple[int, int]
"""Trial of the study, and seed."""


def scheduled(
    plan: FinalPlan, ended: Sequence[TrialRecord], folder: Path | None = None
) -> list[Run]:
    """The runs known so far, in their order: what is done, and what is to be done next.

    A later answer begins with all of an earlier one. When all of them have ended, it is over.

    Args:
        folder: of the stage, in whose runs constraints are looked up.
    """
    if not plan.is_race:
        return [(trial, seed) for trial in plan.candidates for seed in plan.seeds]
    limits = parse_constraints(plan.constraints) if folder else ()
    beyond = {
        _place(plan, run): [_excess(limit, folder / "trials" / str(run.number)) for limit in limits]
        for run in ended
        if folder and limits
    }
    runs = race_of(plan).schedule(_scores(plan, ended), beyond)
    return [(plan.candidates[i], plan.seeds[k]) for i, k in runs]


def with_standings(plan: FinalPlan, found: Sequence[Candidate]) -> list[Candidate]:
    """All candidates in the order of the plan; those of a race know how they stand."""
    known = {candidate.trial: candidate for candidate in found}
    every = [known.get(trial, Candidate(trial, ())) for trial in plan.candidates]
    if not plan.is_race:
        return every
    sign = 1 if plan.maximize else -1
    scores = [None if c.failed or c.broken else [sign * run.value for run in c.runs] for c in every]
    standings = race_of(plan).standings(scores)
    return [replace(c, standing=standings.get(i)) for i, c in enumerate(every)]


def race_of(plan: FinalPlan) -> Race:
    sign = 1 if plan.maximize else -1
    return Race(
        search=tuple(sign * plan.search_values[trial] for trial in plan.candidates),
        baseline=None if plan.baseline is None else plan.candidates.index(plan.baseline),
        budget=plan.options["runs"],
        confidence=plan.options["confidence"],
    )


def _scores(plan: FinalPlan, ended: Sequence[TrialRecord]) -> Mapping[Run, float | None]:
    """By place of the candidate and of the seed; None: failed, or without a usable value."""
    sign = 1 if plan.maximize else -1
    found: dict[Run, float | None] = {}
    for run in ended:
        usable = run.state == "complete" and run.value is not None and math.isfinite(run.value)
        value = sign * run.value if usable and run.value is not None else None
        found[_place(plan, run)] = value
    return found


def _place(plan: FinalPlan, run: TrialRecord) -> Run:
    """Of its candidate, and of its seed."""
    return (
        plan.candidates.index(int(run.params["trial"])),
        plan.seeds.index(int(run.params["seed"])),
    )


def _excess(limit: Constraint, folder: Path) -> float:
    """How far a run is beyond a limit; 0 where it does not tell."""
    value = value_of(limit.name, read_result(folder))
    return 0.0 if value is None else limit.violation(value)
