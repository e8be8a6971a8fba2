"""Writes the report that compares several studies."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from zmodel.analysis.comparison import figure
from zmodel.analysis.comparison.studies import Comparison
from zmodel.analysis.findings import Findings
from zmodel.analysis.page import html as page
from zmodel.analysis.page.figures import render
from zmodel.analysis.page.files import to_csv, to_json
from zmodel.analysis.rules.judge import headline
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.summary import verdict_json
from zmodel.core.atomic_file import write
from zmodel.core.plain_text import plain

MOST_LETTERS = 80


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
    """Write index.html, summary.json, comparison.csv, figure and lines; returns the page."""
    rendered = render(figure, record, "comparison")
    rows = figure.rows(record)
    write(folder / "figures" / "comparison.png", rendered.png)
    write(folder / "comparison.csv", to_csv(rows))
    write(folder / "data" / "best_so_far.csv", to_csv(figure.steps(record)))
    verdicts = {f.study.name: [verdict_json(v) for v in found] for f, found in judged}
    write(
        folder / "summary.json",
        to_json({"studies": rows, "differences": record.differences, "verdicts": verdicts}),
    )
    caption = figure.caption(record)
    body = [
        f"<p>{page.text(figure.QUESTION)}</p>",
        page.figure("comparison", rendered.svg, f"{figure.TITLE}. {caption}", caption),
        '<p class="no-print"><a href="comparison.csv">CSV</a>, '
        '<a href="data/best_so_far.csv">best so far as CSV</a>, '
        '<a href="figures/comparison.png">PNG</a></p>',
        page.table(rows, label="Studies side by side"),
        _differences(record),
        '<h2 id="verdicts">Verdicts</h2>',
        *(_study(findings, found, folder) for findings, found in judged),
    ]
    names = ", ".join(e.name for e in record.entries)
    head = f"<h1>Comparison</h1><p class='headline'>{page.text(names)}</p>"
    index = folder / "index.html"
    nav = [("main", "Comparison"), ("verdicts", "Verdicts")]
    title = f"Comparison of {names}"
    write(index, page.document(title, head, nav, "".join(body), page.footer(), refresh))
    return index


def _differences(record: Comparison) -> str:
    if not record.differences:
        return "<p>Space and fixed settings are the same in all of them, as far as recorded.</p>"
    items = "".join(f"<li>{page.text(d)}</li>" for d in record.differences)
    return (
        "<details open><summary>The studies also differ in these settings</summary>"
        f"<ul>{items}</ul></details>"
    )


def _study(findings: Findings, verdicts: list[Verdict], folder: Path) -> str:
    study = findings.study
    own = study.folder / "report" / "index.html" if study.folder else None
    link = ""
    if own and own.exists():
        relative = os.path.relpath(own.resolve(), folder.resolve()).replace(os.sep, "/")
        link = f' <a href="{page.text(urllib.parse.quote(relative))}">its own report</a>'
    return (
        f"<h3>{page.text(plain(study.name))}</h3>"
        f"<p>{page.text(headline(findings, verdicts))}{link}</p>"
        + page.verdict_list([v for v in verdicts if v.severity != "note"])
    )
