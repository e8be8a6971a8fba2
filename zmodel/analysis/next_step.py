"""The one command that a study recommends next, and why.

As in `analyze.py study=NAME next=true`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.analysis.diagnostics.search import final, further_trials
from zmodel.analysis.findings import Findings
from zmodel.analysis.open_space import open_space
from zmodel.analysis.rules.suggested_commands import (
    final_command,
    more_trials,
    sweep_command,
    unfinished,
)
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.selection import count_states, scored
from zmodel.core.command_text import command_text
from zmodel.study.records import StudyRecord

FIRST = (
    "zombies", "failures", "never_learned", "no_better_than_trivial", "small_validation",
    "pruning_bias", "early_stopping_bias", "underexplored", "boundary", "few_trials",
)  # fmt: skip
"""Among verdicts of one severity: what spoils the judgement of all else comes before it."""
PROGRAMS = ("python ", "zmodel-")
SMALL = 0.25
"""A next round is worth its start when at most this part of the space is left open."""


@dataclass(frozen=True)
class NextStep:
    """`command` is None where nothing can be run."""

    command: str | None
    why: str


def next_step(findings: Findings, verdicts: list[Verdict]) -> NextStep:
    """What to run next, by the verdicts, the noise and what further trials would gain."""
    study = findings.study
    if "command" not in study.attrs:
        return NextStep(None, "the study was not made by a sweep of zmodel, which has no command")
    counts = count_states(study.trials)
    stopped = isinstance(study.attrs.get("ended"), dict)
    if counts["running"] or (unfinished(study) and not stopped) or not scored(study):
        return NextStep(
            sweep_command(study, {}), f"its budget is not used up: {unfinished(study)} trials left"
        )
    asked = [v for v in verdicts if v.rank >= 2 and (v.action or "").startswith(PROGRAMS)]
    if asked:
        worst = min(asked, key=lambda v: (-v.rank, _place(v.code)))
        return NextStep(worst.action, f"{worst.severity} {worst.code}: {worst.message}")
    return _search_on(findings) or _confirm(findings)


def _place(code: str) -> int:
    return FIRST.index(code) if code in FIRST else len(FIRST)


def _search_on(findings: Findings) -> NextStep | None:
    """More trials, here or in a next round, when they may gain what can be seen."""
    study, found = findings.study, findings.get(further_trials.data)
    if found is None or found.error is None or (found.study.high or 0.0) <= found.error:
        return None
    why = (
        f"{found.ahead} more trials may gain up to {found.study.high:.2g} (90 %), more than the "
        f"standard error of the best value, {found.error:.2g}"
    )
    part = part_left(study.space, open_space(study))
    if part > SMALL:
        return NextStep(more_trials(study, found.ahead, {}), why)
    return NextStep(next_round_command(study), f"{why}; {part:.1%} of the space is left open")


def _confirm(findings: Findings) -> NextStep:
    study = findings.study
    if findings.get(final.data) is None:
        return NextStep(
            final_command(study),
            "the search has no open problem, and further trials would hardly gain more than noise: "
            "the final stage retrains the best with new seeds and tests the winner",
        )
    command = command_text(["python", "train.py", f"from_study={study.name}"])
    return NextStep(command, "the search and its final stage are done: this trains the best again")


def next_round_command(study: StudyRecord) -> str | None:
    """The study that searches what this one left open."""
    base, _, number = study.name.rpartition("-")
    count = int(number) + 1 if base and number.isdigit() else 2
    name = f"{base if count > 2 else study.name}-{count}"
    return sweep_command(study, {"study_name": name, "hydra.sweeper.next_of": study.name})


def part_left(space: dict[str, BaseDistribution], left: dict[str, BaseDistribution]) -> float:
    """The part of a space that is left, as a product over its parameters."""
    return math.prod(_width(left[name]) / _width(now) for name, now in space.items())


def _width(distribution: BaseDistribution) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = float(distribution.low), float(distribution.high)
    half = (distribution.step or 0) / 2
    if distribution.log:
        return math.log((high + half) / (low - half)) or 1.0
    return high - low + 2 * half or 1.0
