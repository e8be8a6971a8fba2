"""Writes a study's report.

Its files: index.html, summary.json, trials.csv, figures/*.png, data/*.csv.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

from zmodel.analysis import catalog
from zmodel.analysis.findings import Findings
from zmodel.analysis.next_step import next_step
from zmodel.analysis.page import html, trial_table
from zmodel.analysis.page.best_card import best_card
from zmodel.analysis.page.files import to_csv, to_json
from zmodel.analysis.page.head import head_of
from zmodel.analysis.page.rows import Row, mark_origin
from zmodel.analysis.page.section import Section, make, to_html, write_files
from zmodel.analysis.page.trial_data import trial_data
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.summary import summarize
from zmodel.core.atomic_file import write
from zmodel.study.run_folder import run_folder

# a table of ten thousand rows helps nobody and makes the page heavy; the CSV has them all
MOST_TRIALS = 1000
NOT_YET = "Too few trials have ended to judge anything."


def write_report(
    findings: Findings, verdicts: list[Verdict], folder: Path, refresh: int | None = None
) -> Path:
    """Write all files of the report, index.html last; returns its path."""
    parts = {module: _part(findings, module) for module in catalog.modules()}
    write(folder / "summary.json", to_json(summarize(findings, verdicts)))
    table = trial_table.rows(findings.study)
    write(folder / "trials.csv", to_csv(table))
    for module, part in parts.items():
        section = part if isinstance(part, Section) else None
        write_files(catalog.name_of(module), section, folder)
    index = folder / "index.html"
    write(index, _page(findings, verdicts, parts, table, folder, refresh))
    return index


def _part(findings: Findings, module: ModuleType) -> Section | str:
    """A diagnostic's section, or the sentence that stands for it."""
    record = findings.get(module.data)
    if record is None:
        return f"{findings.reason(module.data)}."
    nothing = module.nothing(record) if hasattr(module, "nothing") else None
    if nothing is not None:
        return str(nothing)
    section = make(module, record, catalog.name_of(module))
    study, details = findings.study, section.details
    return replace(
        section,
        rows=mark_origin(study, section.rows),
        details=(details[0], mark_origin(study, details[1])) if details else None,
    )


def _page(
    findings: Findings,
    verdicts: list[Verdict],
    parts: dict[ModuleType, Section | str],
    table: list[Row],
    folder: Path,
    refresh: int | None,
) -> str:
    step = next_step(findings, verdicts)
    nav = [("verdicts", "Verdicts")]
    body = [
        '<h2 id="verdicts">Verdicts</h2>',
        html.verdict_list(verdicts, step.command) if verdicts else f"<p>{NOT_YET}</p>",
        best_card(findings.study, folder),
    ]
    for title, group in catalog.SECTIONS:
        shown = "".join(to_html(p) for m in group if isinstance(p := parts[m], Section))
        said = [f"{m.TITLE}: {p}" for m in group if isinstance(p := parts[m], str)]
        anchor = html.anchor(title)
        nav.append((anchor, title))
        body.append(
            f'<h2 id="{anchor}">{html.text(title)}</h2>{html.figures(shown)}{html.soft_list(said)}'
        )
    nav.append(("trials", "Trials"))
    body.append(_trials(findings, table, folder))
    title = f"{findings.study.name}: report"
    head = head_of(findings, verdicts, step, folder, refresh)
    data = trial_data(findings, folder, MOST_TRIALS)
    return html.document(title, head, nav, "".join(body), html.footer(), refresh, data)


def _trials(findings: Findings, table: list[Row], folder: Path) -> str:
    study = findings.study
    links = {}
    for row, trial in enumerate(trial_table.ordered(study)[:MOST_TRIALS]):
        run = run_folder(study, trial)
        if run is not None:
            links[row] = html.address(run, folder)
    note = "Completed trials come first, the best on top. "
    if len(table) > MOST_TRIALS:
        note += f"Shown: {MOST_TRIALS:,} of {len(table):,}. "
    return (
        '<div id="trials-section"><h2 id="trials">Trials</h2>'
        f"<p>{note}A number links to the run's folder. "
        '<a href="trials.csv">trials.csv</a> has every trial, '
        '<a href="summary.json">summary.json</a> the verdicts and the main numbers.</p>'
        + html.table(table, links, "All trials", MOST_TRIALS, "trials-table", "trial")
        + "</div>"
    )
