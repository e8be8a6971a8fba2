"""The first screen of a study's page: which one, how sure, what to run next."""

from __future__ import annotations

from pathlib import Path

from zmodel.analysis.final_stage import winner_of
from zmodel.analysis.findings import Findings
from zmodel.analysis.headline import headline
from zmodel.analysis.next_step import NextStep
from zmodel.analysis.page import html
from zmodel.analysis.rules.suggested_commands import budget
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.selection import (
    best,
    count_states,
    objective_name,
    scored,
    short,
)
from zmodel.study.cells import value_label
from zmodel.study.notes import OF_STUDY, notes_of
from zmodel.study.records import StudyRecord
from zmodel.study.trial_attributes import attr


def head_of(
    findings: Findings,
    verdicts: list[Verdict],
    step: NextStep,
    folder: Path,
    refresh: int | None = None,
) -> str:
    """HTML above the sections; `folder` is the report's, `refresh` as for the page."""
    study = findings.study
    facts = "".join(f"<li>{html.text(fact)}</li>" for fact in _facts(study, refresh))
    return (
        f"<h1>Study {html.text(study.name)}</h1>"
        f'<p class="headline">{html.text(headline(findings, verdicts))}'
        f"{_final_link(study, folder)}</p>{_configuration(study)}"
        f'<ul class="facts">{facts}</ul>{_next(study, step)}{_note(study)}'
    )


def _facts(study: StudyRecord, refresh: int | None) -> list[str]:
    counts = count_states(study.trials)
    facts = [f"{n:,} {state}" for state, n in counts.items() if n]
    facts.append(f"{' / '.join(study.directions)} {objective_name(study)}")
    facts += [f"{key}: {study.attrs[key]}" for key in ("sampler", "pruner") if study.attrs.get(key)]
    facts += _roles(study.attrs.get("roles"))
    if study.interrupted:
        facts.append(f"{len(study.interrupted)} interrupted attempts, repeated")
    ended = study.attrs.get("ended")
    if isinstance(ended, dict):
        key = str(ended.get("by"))
        number = ended.get(key.removeprefix("stop."))
        if isinstance(number, int | float):
            facts.append(f"ended by hydra.sweeper.{key}={number:g}")
    if refresh or counts["running"] or counts["waiting"]:
        done = sum(counts[state] for state in ("complete", "pruned", "failed"))
        facts.append(f"so far: {done:,} of {budget(study):,} trials have ended")
    return facts


def _configuration(study: StudyRecord) -> str:
    """Of the final model, or of the best trial."""
    if not scored(study):
        return ""
    winner = winner_of(study)
    return configuration(study, best(study).number if winner is None else winner)


def configuration(study: StudyRecord, number: int) -> str:
    """What a trial was searched to be, in one line of HTML."""
    found = next((t for t in study.trials if t.number == number), None)
    if found is None:
        return ""
    named = " ".join(f"{short(n)}={value_label(v)}" for n, v in found.params.items())
    weights = attr(found, "parameters")
    size = "" if weights is None else f", {weights:,} weights"
    said = f"Trial {found.number}: <code>{html.text(named)}</code>{size}"
    return f'<p class="configuration">{said}</p>'


def _next(study: StudyRecord, step: NextStep) -> str:
    """What to do now, and why."""
    if count_states(study.trials)["running"]:
        return f"<p><strong>Next:</strong> wait; {html.text(step.why)}.</p>"
    if step.command is None:
        return ""
    why = html.text(step.why)
    if step.verdict is not None:  # whose message stands right below
        why = html.text(f"answer the {step.verdict.severity} {step.verdict.code}")
    return (
        f'<div class="next"><p><strong>Next:</strong> {why}.</p>{html.command(step.command)}</div>'
    )


def _note(study: StudyRecord) -> str:
    note = notes_of(study).get(OF_STUDY)
    return f'<p class="note">Note: {html.text(note)}</p>' if note else ""


def _roles(roles: object) -> list[str]:
    """What was declared of the parameters."""
    if not isinstance(roles, dict):
        return []
    named = {role: [k for k, v in roles.items() if v == role] for role in roles.values()}
    return [f"{role}: {', '.join(map(str, names))}" for role, names in named.items()]


def _final_link(study: StudyRecord, folder: Path) -> str:
    """To the page of the final model, where there is one."""
    page = study.folder / "final" if study.folder else None
    if page is None or not (page / "index.html").is_file():
        return ""
    address = html.text(html.address(page, folder))
    return f' <a href="{address.rstrip("/")}/index.html">The final model</a>'
