"""Building blocks of the HTML page.

Everything that comes from a study goes through `text`.
"""

from __future__ import annotations

import html
import math
import os
import re
import urllib.parse
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from zmodel.analysis.page.css import asset, style_sheet
from zmodel.analysis.rules.suggested_commands import is_command
from zmodel.analysis.rules.verdict import IN_WORDS, Verdict
from zmodel.study.plain_text import plain

SIGNS = {"ok": "✓ ok", "note": "ℹ note", "warning": "▲ warning", "alarm": "■ alarm"}
MOST_ROWS = 60
SCRIPTS = ("page.js", "live.js")
TOUCH = ("trials.js", "explore.js", "serve.js")
REFRESH = '<noscript><meta http-equiv="refresh" content="{}"></noscript>'
LONG = 40


def text(value: Any) -> str:
    """Any value as HTML text."""
    return html.escape(plain(value), quote=True)


def document(
    title: str,
    head: str,
    nav: Iterable[tuple[str, str]],
    body: str,
    footer: str,
    refresh: int | None = None,
    data: str = "",
) -> str:
    """The whole page; `nav` are anchors and their names, `refresh` seconds between reloads; `data`
    a script element with the trials, of a page whose figures can be touched."""
    scripts = (*SCRIPTS[:1], *TOUCH, *SCRIPTS[1:]) if data else SCRIPTS
    script = "\n".join(map(asset, scripts))
    every = f' data-refresh="{int(refresh)}"' if refresh else ""
    reload = REFRESH.format(refresh) if refresh else ""
    made = datetime.now().isoformat(timespec="seconds")
    links = "".join(f'<a href="#{text(anchor)}">{text(name)}</a>' for anchor, name in nav)
    return f"""<!DOCTYPE html>
<html lang="en"{every} data-made="{made}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
{reload}<title>{text(title)}</title>
<style>{style_sheet()}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the verdicts</a>
<header class="top">{head}<p id="live" class="soft" role="status"></p></header>
<nav class="sections" aria-label="Sections"><div>{links}
<button id="theme" type="button" hidden>light / dark</button></div></nav>
<main id="main">{body}</main>
<footer>{footer}</footer>
{data}<script>{script}</script>
</body>
</html>
"""


def settled(page: str) -> str:
    """The page without its refreshing: nobody will write it again."""
    page = re.sub(r'<html lang="en" data-refresh="\d+"', '<html lang="en"', page, count=1)
    return re.sub(REFRESH.format(r"\d+"), "", page, count=1)


def verdict_list(verdicts: Sequence[Verdict], shown: str | None = None) -> str:
    """Cards of verdicts; the command that the page has `shown` before is not repeated."""
    return f'<ul class="verdicts">{"".join(_verdict(v, shown) for v in verdicts)}</ul>'


def _verdict(verdict: Verdict, shown: str | None) -> str:
    param = f' <code class="param">{text(verdict.param)}</code>' if verdict.param else ""
    return (
        f'<li class="verdict {verdict.severity}"><span class="tag">{SIGNS[verdict.severity]}: '
        f"{text(verdict.code)}</span>{param}{_changes(verdict)}<p>{text(verdict.message)}</p>"
        f"{_action(verdict.action, shown)}{_evidence(verdict.evidence)}</li>"
    )


def _changes(verdict: Verdict) -> str:
    """What a warning or an alarm could change in the conclusion."""
    said = IN_WORDS.get(verdict.changes) if verdict.rank >= 2 else None
    return f' <span class="soft">could change {said}</span>' if said else ""


def _action(action: str | None, shown: str | None) -> str:
    if not action:
        return ""
    if action == shown:
        return "<p><strong>Next:</strong> the command at the top of the page.</p>"
    if is_command(action):
        return command(action)
    return f"<p><strong>Next:</strong> {text(action)}.</p>"


def command(line: str) -> str:
    """A command to copy."""
    return (
        f'<div class="command"><code>{text(line)}</code>'
        '<button type="button" class="copy" hidden>copy</button></div>'
    )


def _evidence(evidence: dict[str, Any]) -> str:
    if not evidence:
        return ""
    items = "".join(f"<dt>{text(k)}</dt><dd>{text(_shown(v))}</dd>" for k, v in evidence.items())
    return f'<details><summary>Evidence</summary><dl class="card">{items}</dl></details>'


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_shown(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_shown(v) for v in value)
    return number(value)


def number(value: Any) -> str:
    """A value for a table cell: short floats, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    return str(value)


def table(
    rows: Sequence[dict[str, Any]],
    links: dict[int, str] | None = None,
    label: str = "table",
    most: int = MOST_ROWS,
    name: str = "",
    row_key: str = "",
) -> str:
    """A sortable table. `links`: row index -> address that the row's first cell points to; `name`
    of a table that scripts find, by the values of the column `row_key`."""
    if not rows:
        return ""
    shown = rows[:most]
    columns = [c for c in rows[0] if any(row.get(c) not in (None, "") for row in shown)]
    words = {c: any(isinstance(row.get(c), str) for row in shown) for c in columns}
    head = "".join(
        f'<th scope="col"{_left(words[c])}><button type="button">{_breakable(c)}</button></th>'
        for c in columns
    )
    body = "".join(
        _row(row, columns, words, (links or {}).get(i), row_key) for i, row in enumerate(shown)
    )
    cut = len(rows) - len(shown)
    more = f'<p class="soft">{cut:,} more rows are in the CSV file.</p>' if cut else ""
    return (
        f'<div class="scroll{" tall" if name else ""}"{f" id={name}" if name else ""} tabindex="0" '
        f'role="region" aria-label="{text(label)}"><table class="sortable">'
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>{more}"
    )


def _breakable(name: str) -> str:
    """A dotted name that may be broken behind its dots where there is no room (in print)."""
    return re.sub(r"([./_])", r"\1<wbr>", text(name))


def _left(word: bool) -> str:
    return ' class="text"' if word else ""


def _row(
    row: dict[str, Any], columns: Sequence[str], words: dict[str, bool], link: str | None, key: str
) -> str:
    cells = [_cell(row.get(c), words[c], None if n else link) for n, c in enumerate(columns)]
    known = f' data-row="{text(row[key])}"' if key else ""
    return f"<tr{known}>{''.join(cells)}</tr>"


def _cell(value: Any, word: bool, link: str | None) -> str:
    shown = text(number(value))
    if link:
        shown = f'<a href="{text(link)}">{shown}</a>'
    kind = " long" if word and len(str(value)) > LONG else ""
    key = f' data-key="{value!r}"' if isinstance(value, float) and math.isfinite(value) else ""
    classes = f' class="text{kind}"' if word else ""
    return f"<td{classes}{key}>{shown}</td>"


def figure(name: str, svg: str, alt: str, caption: str) -> str:
    """An inline SVG with its caption; the alternative text is the SVG's label."""
    match = re.search(r'viewBox="0 0 ([\d.]+)', svg)
    width = float(match.group(1)) * 4 / 3 if match else 700.0
    label = f'<svg role="img" aria-label="{text(alt)}" '
    return (
        f'<figure style="--natural: {width:.0f}px"><div class="plot" tabindex="0" role="group" '
        f'aria-label="Figure: {text(name)}">'
        f"{svg.replace('<svg ', label, 1)}</div><figcaption>{text(caption)}</figcaption></figure>"
    )


def figures(sections: str) -> str:
    """Sections beside each other where there is room."""
    return f'<div class="figures">{sections}</div>' if sections else ""


def soft_list(sentences: Sequence[str]) -> str:
    """Sentences about what is not shown; nothing when there are none."""
    items = "".join(f"<li>{text(sentence)}</li>" for sentence in sentences)
    return f'<ul class="soft">{items}</ul>' if items else ""


def address(target: Path, folder: Path) -> str:
    """A relative address from a page in `folder`, safe to put into it; folders end in a slash."""
    relative = os.path.relpath(target.resolve(), folder.resolve()).replace(os.sep, "/")
    return urllib.parse.quote(relative) + ("/" if target.is_dir() else "")


def anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def footer() -> str:
    made = datetime.now().isoformat(sep=" ", timespec="minutes")
    return f"Made by zmodel's analyze.py on {made}. Explained in docs/reference/verdicts.md."
