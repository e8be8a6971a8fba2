"""The sentences at the top of page and terminal: what to make of a study."""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import final, noise
from zmodel.analysis.diagnostics.space import values
from zmodel.analysis.final_stage import winner_of
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import final_command
from zmodel.analysis.rules.verdict import SEVERITIES, Verdict
from zmodel.analysis.statistics.noise import best_error
from zmodel.analysis.statistics.selection import (
    baseline_of,
    best,
    count_states,
    listed,
    objective_name,
    scored,
    short,
    structural,
)
from zmodel.study.cells import value_label


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
    spread = "" if error is None else f" ± {error:.2g} (standard error)"
    text = tested(findings)
    where = " of the search" if text else ""
    value = f"{objective_name(study)} {winner.value:.4g}{spread}"
    text += f"Best{where or ' so far' * unfinished}: {value}{what} "
    who = f"trial {winner.number}{_baseline(findings, winner.number)}"
    text += "(the same trial)." if text and winner_of(study) == winner.number else f"({who})."
    near = findings.get(noise.data)
    if near is not None and len(near.alike) > 1:
        text += f" {len(near.alike)} of {len(near.trials)} trials cannot be distinguished from it."
    if len(study.directions) > 1:
        text += (
            f" Only {objective_name(study)}, the first of {len(study.directions)} objectives, is "
            "judged; for the others see the Pareto front."
        )
    if not tested(findings) and final_command(study):
        text += " Not tested yet."
    worst = max((v.rank for v in verdicts), default=0)
    lead = _lead(findings) if worst < 2 and _is_judged(verdicts) else ""
    return f"{text} {conclusion(verdicts)}{lead}"


def tested(findings: Findings) -> str:
    """What the final stage found of its winner; empty where there was none."""
    found = findings.get(final.data)
    if found is None:
        return ""
    number = winner_of(findings.study)
    over = f"over {len(found.scores)} runs" if len(found.scores) > 1 else "in one run"
    if found.interval is not None:
        low, high = found.interval
        over += f", 95 % interval {low:.4f} to {high:.4f}"
    trial = f"trial {number}{_baseline(findings, number)}"
    return f"Final model: test {found.word} {found.mean:.4f} {over} ({trial}). "


def _baseline(findings: Findings, number: int | None) -> str:
    """Says of the baseline that it is: then the search has found nothing better."""
    own = baseline_of(findings.study)
    return ", the baseline" if own is not None and own.number == number else ""


def conclusion(verdicts: list[Verdict]) -> str:
    """What the verdicts let a reader conclude, naming the ones that speak against it."""
    worst = max((v.rank for v in verdicts), default=0)
    if worst < 2:
        return "All checks passed." if _is_judged(verdicts) else "The study is not judged yet."
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
        together = listed([leader.label, *(cell.label for cell in depth.rivals)])
        return f" By all trials of each value, {name} = {together} are level."
    return f" {name} = {leader.label} is ahead in {leader.wins:.0%} of bootstrap rounds."
