"""Writes the report that compares several studies."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from zmodel.analysis.comparison import comparison_figure
from zmodel.analysis.comparison.compare import Comparison
from zmodel.analysis.findings import Findings
from zmodel.analysis.headline import headline
from zmodel.analysis.page import html
from zmodel.analysis.page.files import to_json
from zmodel.analysis.page.section import make, to_html, write_files
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.summary import verdict_json
from zmodel.core.atomic_file import write
from zmodel.study.plain_text import plain

MOST_LETTERS = 80
FEW = 8
"""Differences that are read at once."""


def folder_name(names: Sequence[str]) -> str:
    """A folder for the comparison of these studies: their names, shortened when there are many."""
    joined = "+".join(names)
    # studies of other storages may have any name, `../../x` too
    safe = re.sub(r"[^\w+.,=@ -]", "_", joined)
    if safe == joined and len(joined) <= MOST_LETTERS and not joined.startswith((".", "-", " ")):
        return joined
    digest = hashlib.sha256(joined.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{safe[:MOST_LETTERS].strip('.- ')}-{digest}"


def write_comparison(
    judged: Sequence[tuple[Findings, list[Verdict]]],
    record: Comparison,
    folder: Path,
    refresh: int | None = None,
) -> Path:
    """Write index.html, summary.json, the figure and its numbers; returns the page."""
    section = make(comparison_figure, record, "comparison")
    write_files("comparison", section, folder)
    verdicts = {f.study.name: [verdict_json(v) for v in found] for f, found in judged}
    summary = {"studies": section.rows, "differences": record.differences, "verdicts": verdicts}
    write(folder / "summary.json", to_json(summary))
    verdicts_of = "".join(_study(findings, found, folder) for findings, found in judged)
    beside = (
        f'<section><h3 id="verdicts">Verdicts</h3>{_differences(record)}{verdicts_of}</section>'
    )
    body = [html.figures(to_html(section, opened=True) + beside)]
    names = ", ".join(e.name for e in record.entries)
    head = f"<h1>Comparison of studies</h1><p class='soft'>{html.text(names)}</p>"
    told = comparison_figure.conclusion(record)
    head += f'<p class="headline">{html.text(told)}</p>'
    head += f'<h2 class="unseen">{html.text(section.title)}</h2>'
    index = folder / "index.html"
    nav = [("comparison", "Comparison"), ("verdicts", "Verdicts")]
    title = f"Comparison of {names}"
    write(index, html.document(title, head, nav, "".join(body), html.footer(), refresh))
    return index


def _differences(record: Comparison) -> str:
    if not record.differences:
        return "<p>Space and fixed settings are the same in all of them, as far as recorded.</p>"
    opened = " open" if len(record.differences) <= FEW else ""
    return (
        f"<details{opened}><summary>The studies also differ in these settings</summary>"
        f"{html.soft_list(record.differences)}</details>"
    )


def _study(findings: Findings, verdicts: list[Verdict], folder: Path) -> str:
    study = findings.study
    own = study.folder / "report" / "index.html" if study.folder else None
    link = ""
    if own and own.exists():
        link = f' <a href="{html.text(html.address(own, folder))}">its own report</a>'
    return (
        f"<h4>{html.text(plain(study.name))}</h4>"
        f"<p>{html.text(headline(findings, verdicts))}{link}</p>"
        + html.verdict_list([v for v in verdicts if v.severity != "note"])
    )
