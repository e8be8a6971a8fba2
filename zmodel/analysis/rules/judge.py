"""Applies all rules to a study, and adds `believable` if it passes."""

from __future__ import annotations

from types import ModuleType

from zmodel.analysis.findings import Findings
from zmodel.analysis.rules import (
    boundary,
    duplicates,
    early_stopping_bias,
    failures,
    few_trials,
    foreign_trials,
    further_trials,
    importance_agreement,
    never_learned,
    pruning_bias,
    underexplored,
    zombies,
)
from zmodel.analysis.rules.best_trial import (
    indistinguishable,
    no_better_than_trivial,
    overfitting,
    selection_optimism,
    small_validation,
    worse_than_baseline,
)
from zmodel.analysis.rules.space import batch_size_searched, constraint_binds, useless_region
from zmodel.analysis.rules.training import saturated, unsteady
from zmodel.analysis.rules.verdict import Verdict, by_consequence
from zmodel.analysis.statistics.selection import (
    objective_name,
    scored,
)
from zmodel.study.records import StudyRecord

# none of these replays or fits anything: they take a second or two for a thousand trials
RULES: tuple[ModuleType, ...] = (
    underexplored,
    pruning_bias,
    early_stopping_bias,
    never_learned,
    boundary,
    constraint_binds,
    useless_region,
    batch_size_searched,
    few_trials,
    further_trials,
    foreign_trials,
    failures,
    zombies,
    duplicates,
    overfitting,
    no_better_than_trivial,
    small_validation,
    indistinguishable,
    worse_than_baseline,
    selection_optimism,
    unsteady,
    saturated,
)


# needs forests to be fitted, so it comes with the report
LATE: tuple[ModuleType, ...] = (importance_agreement,)


def judge(findings: Findings, rules: tuple[ModuleType, ...] = RULES) -> list[Verdict]:
    """The verdicts of the rules, worst first; `believable` when none is a warning or worse.

    Among verdicts of one severity, what could change more in the conclusion comes first.

    It names the checks that passed, not those that could not be made.
    """
    judged = {rule: rule.judge(findings) for rule in rules}
    found = [verdict for verdicts in judged.values() for verdict in verdicts or ()]
    if scored(findings.study) and all(v.rank < 2 for v in found):
        passed = [rule.CHECK for rule, verdicts in judged.items() if verdicts == []]
        found.append(_believable(findings.study, passed))
    return sorted(found, key=by_consequence)


def judge_late(findings: Findings) -> list[Verdict]:
    """Verdicts that take seconds to find; notes only, so they never speak against `believable`."""
    found = [verdict for rule in LATE for verdict in rule.judge(findings) or ()]
    assert all(v.severity == "note" for v in found)
    return found


def _believable(study: StudyRecord, passed: list[str]) -> Verdict:
    first = f" as far as {objective_name(study)} goes" if len(study.directions) > 1 else ""
    return Verdict(
        "believable",
        "ok",
        f"This study can be believed{first}. {len(passed)} checks found nothing to say against it.",
        evidence={"checks": passed},
    )
