"""Applies all rules to a study, and adds `believable` if it passes."""

from __future__ import annotations

from types import ModuleType

from zmodel.analysis.diagnostics.search import noise
from zmodel.analysis.diagnostics.space import values
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
from zmodel.analysis.rules.verdict import SEVERITIES, Verdict
from zmodel.analysis.statistics.noise import best_error
from zmodel.analysis.statistics.selection import (
    best,
    count_states,
    listed,
    objective_name,
    scored,
    short,
    structural,
)
from zmodel.study.cells import value_label
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

    It names the checks that passed, not those that could not be made.
    """
    judged = {rule: rule.judge(findings) for rule in rules}
    found = [verdict for verdicts in judged.values() for verdict in verdicts or ()]
    if scored(findings.study) and all(v.rank < 2 for v in found):
        passed = [rule.CHECK for rule, verdicts in judged.items() if verdicts == []]
        found.append(_believable(findings.study, passed))
    return sorted(found, key=lambda v: (-v.rank, v.code))


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
        f"This study can be believed{first}: {'; '.join(passed)}.",
        evidence={"checks": passed},
    )


def headline(findings: Findings, verdicts: list[Verdict]) -> str:
    """One sentence for the top of page and terminal: what to make of the best trial."""
    study = findings.study
    counts = count_states(study.trials)
    unfinished = counts["running"] + counts["waiting"] > 0
    if not scored(study):
        yet = " yet" if unfinished else ""
        if not all(t.feasible for t in study.trials if t.state == "complete"):
            return f"No completed trial keeps the constraints{yet}: there is no best trial."
        return f"No trial has completed{yet}: there is nothing to conclude."
    winner = best(study)
    names = [n for n in structural(study) if n in winner.params][:1]
    what = "".join(f" at {short(n)} = {value_label(winner.params[n])}" for n in names)
    error = best_error(study, winner.value)
    spread = "" if error is None else f" ± {error:.2g}"
    text = f"Best{' so far' if unfinished else ''}: {winner.value:.4g}{spread}{what} "
    text += f"(trial {winner.number})."
    near = findings.get(noise.data)
    if near is not None and len(near.alike) > 1:
        text += f" {len(near.alike)} of {len(near.trials)} trials cannot be distinguished from it."
    if len(study.directions) > 1:
        text += (
            f" Only {objective_name(study)}, the first of {len(study.directions)} objectives, is "
            "judged; for the others see the Pareto front."
        )
    worst = max((v.rank for v in verdicts), default=0)
    lead = _lead(findings) if worst < 2 and _is_judged(verdicts) else ""
    return f"{text} {conclusion(verdicts)}{lead}"


def conclusion(verdicts: list[Verdict]) -> str:
    """What the verdicts let a reader conclude, naming the ones that speak against it."""
    worst = max((v.rank for v in verdicts), default=0)
    if worst < 2:
        return "All checks passed." if _is_judged(verdicts) else "It is not judged yet."
    codes = list(dict.fromkeys(v.code for v in verdicts if v.rank == worst))
    named = f"{SEVERITIES[worst]}{'s' if len(codes) > 1 else ''} {listed(codes)}"
    return f"{'Do not draw conclusions yet' if worst == 3 else 'Conclude with care'}: {named}."


def _is_judged(verdicts: list[Verdict]) -> bool:
    """A study that runs and is watched has no verdict `believable` yet."""
    return any(v.code == "believable" or v.rank >= 2 for v in verdicts)


def _lead(findings: Findings) -> str:
    """How surely the best depth is ahead, when that can be said."""
    found = findings.get(values.data)
    depth = found.depth if found else None
    if depth is None or not depth.leader.wins:
        return ""
    name, leader = short(depth.param), depth.leader
    if depth.rivals:
        rivals = ", ".join(cell.label for cell in depth.rivals)
        return f" {name} = {leader.label} and {rivals} cannot be distinguished."
    return f" {name} = {leader.label} is ahead in {leader.wins:.0%} of bootstrap rounds."
