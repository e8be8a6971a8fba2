"""Writes a study's report: index.html, summary.json, trials.csv, figures/*.png, data/*.csv."""

from __future__ import annotations

import os
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from zmodel.analysis import catalog
from zmodel.analysis.findings import Findings
from zmodel.analysis.page import html as page
from zmodel.analysis.page import trial_table as trials
from zmodel.analysis.page.best_card import best_card
from zmodel.analysis.page.figures import Rendered, render
from zmodel.analysis.page.files import to_csv, to_json
from zmodel.analysis.rules.judge import headline
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.selection import count_states, objective_name
from zmodel.analysis.summary import summarize
from zmodel.core.atomic_file import write
from zmodel.study.run_folder import run_folder

# a table of ten thousand rows helps nobody and makes the page heavy; the CSV has them all
MOST_TRIALS = 1000


@dataclass(frozen=True)
class Part:
    """One diagnostic on the page: a figure with its numbers, or the reason why there is none."""

    name: str
    module: ModuleType
    reason: str | None
    rendered: Rendered | None = None
    caption: str = ""
    rows: tuple[dict[str, Any], ...] = ()
    details: tuple[str, list[dict[str, Any]]] | None = None


def write_report(
    findings: Findings, verdicts: list[Verdict], folder: Path, refresh: int | None = None
) -> Path:
    """Write all files of the report, index.html last; returns its path."""
    parts = {module: _part(findings, module) for module in catalog.modules()}
    summary = summarize(findings, verdicts)
    write(folder / "summary.json", to_json(summary))
    table = trials.rows(findings.study)
    write(folder / "trials.csv", to_csv(table))
    for module, part in parts.items():
        _write_part(part or Part(catalog.name_of(module), module, "nothing to show"), folder)
    index = folder / "index.html"
    write(index, _page(findings, verdicts, parts, table, folder, refresh))
    return index


def _write_part(part: Part, folder: Path) -> None:
    extra = part.details[1] if part.details else None
    for path, content in (
        (folder / "figures" / f"{part.name}.png", part.rendered.png if part.rendered else None),
        (folder / "data" / f"{part.name}.csv", to_csv(part.rows) if part.rows else None),
        (folder / "data" / f"{part.name}_details.csv", to_csv(extra) if extra else None),
    ):
        _write_or_remove(path, content)


def _write_or_remove(path: Path, content: str | bytes | None) -> None:
    """A figure that an earlier report had and this one has not must not stay behind."""
    if content is None:
        path.unlink(missing_ok=True)
    else:
        write(path, content)


def _part(findings: Findings, module: ModuleType) -> Part | None:
    name = catalog.name_of(module)
    record = findings.get(module.data)
    if record is None and module in catalog.OPTIONAL:
        return None
    if record is None:
        return Part(name, module, findings.reason(module.data))
    wanted = catalog.ONLY_IF.get(module)
    if wanted and not wanted(record):
        return None
    details = getattr(module, "details", None)
    return Part(
        name,
        module,
        None,
        render(module, record, name),
        module.caption(record),
        tuple(trials.mark_forced(findings.study, module.rows(record))),
        _marked(findings, *details(record)) if details else None,
    )


def _marked(
    findings: Findings, title: str, rows: list[dict[str, Any]]
) -> tuple[str, list[dict[str, Any]]]:
    return title, trials.mark_forced(findings.study, rows)


def _page(
    findings: Findings,
    verdicts: list[Verdict],
    parts: dict[ModuleType, Part | None],
    table: list[dict[str, Any]],
    folder: Path,
    refresh: int | None,
) -> str:
    sections = [
        (title, "".join(_section(part) for m in group if (part := parts[m]) is not None))
        for title, group in catalog.SECTIONS
    ]
    body = [
        '<h2 id="verdicts">Verdicts</h2>',
        page.verdict_list(verdicts),
        best_card(findings.study, folder),
    ]
    body += [
        f'<h2 id="{page.anchor(title)}">{page.text(title)}</h2>{content}'
        for title, content in sections
        if content
    ]
    body.append(_trials_section(findings, table, folder))
    nav = [("verdicts", "Verdicts")]
    nav += [(page.anchor(title), title) for title, content in sections if content]
    nav.append(("trials", "Trials"))
    title = f"{findings.study.name}: report"
    return page.document(
        title, _head(findings, verdicts), nav, "".join(body), page.footer(), refresh
    )


def _head(findings: Findings, verdicts: list[Verdict]) -> str:
    study = findings.study
    counts = count_states(study.trials)
    facts = [f"{n:,} {state}" for state, n in counts.items() if n]
    facts.append(f"{' / '.join(study.directions)} {objective_name(study)}")
    facts += [f"{key}: {study.attrs[key]}" for key in ("sampler", "pruner") if study.attrs.get(key)]
    if study.interrupted:
        facts.append(f"{len(study.interrupted)} interrupted attempts, given again")
    if counts["running"] or counts["waiting"]:
        facts.append("still running")
    items = "".join(f"<li>{page.text(fact)}</li>" for fact in facts)
    return (
        f"<h1>Study {page.text(study.name)}</h1>"
        f'<p class="headline">{page.text(headline(findings, verdicts))}</p>'
        f'<ul class="facts">{items}</ul>'
    )


def _section(part: Part) -> str:
    heading = (
        f'<section id="{part.name}"><h3>{page.text(part.module.TITLE)}</h3>'
        f'<p class="question">{page.text(part.module.QUESTION)}</p>'
    )
    if part.reason is not None or part.rendered is None:
        return f"{heading}{page.missing(part.reason or 'no data')}</section>"
    alt = f"{part.module.TITLE}. {part.caption}"
    shown = page.figure(part.name, part.rendered.svg, alt, part.caption)
    return heading + shown + _numbers(part) + "</section>"


def _numbers(part: Part) -> str:
    files = f'<a href="figures/{part.name}.png">PNG</a>'
    if not part.rows:
        return f'<p class="soft no-print">{files}</p>'
    return (
        f'<details class="no-print"><summary>Numbers</summary>'
        f'<p>{files}, <a href="data/{part.name}.csv">CSV</a></p>'
        f"{page.table(part.rows, label=part.module.TITLE + ', numbers')}{_details(part)}</details>"
    )


def _details(part: Part) -> str:
    if not part.details or not part.details[1]:
        return ""
    title, rows = part.details
    file = f'<a href="data/{part.name}_details.csv">CSV</a>'
    return f"<p>{page.text(title)} ({file}):</p>" + page.table(rows, label=title)


def _trials_section(findings: Findings, table: list[dict[str, Any]], folder: Path) -> str:
    study = findings.study
    links = {}
    for row, trial in enumerate(trials.ordered(study)[:MOST_TRIALS]):
        run = run_folder(study, trial)
        if run is not None:
            links[row] = link(run, folder)
    note = "Completed trials come first, the best on top. "
    if len(table) > MOST_TRIALS:
        note += f"Shown: {MOST_TRIALS:,} of {len(table):,}. "
    return (
        f'<h2 id="trials">Trials</h2><p>{note}A number links to the run\'s folder. '
        '<a href="trials.csv">trials.csv</a> has every trial, '
        '<a href="summary.json">summary.json</a> the verdicts and the main numbers.</p>'
        + page.table(table, links, "All trials", MOST_TRIALS, tall=True)
    )


def link(target: Path, folder: Path) -> str:
    """A relative address from the report's folder, safe to put into a page."""
    relative = os.path.relpath(target.resolve(), folder.resolve())
    return urllib.parse.quote(relative.replace(os.sep, "/")) + "/"
