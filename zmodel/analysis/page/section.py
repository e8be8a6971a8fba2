"""One diagnostic on a page: heading, figure, numbers and files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from zmodel.analysis.page import html
from zmodel.analysis.page.files import to_csv
from zmodel.analysis.page.render import Rendered, render
from zmodel.analysis.page.rows import Row
from zmodel.core.atomic_file import write


@dataclass(frozen=True)
class Section:
    """`name` is that of the files and the anchor. `figure` is None where a table says it all."""

    name: str
    title: str
    question: str
    caption: str
    figure: Rendered | None
    rows: list[Row]
    details: tuple[str, list[Row]] | None


def make(module: ModuleType, record: Any, name: str) -> Section:
    """The section of a record; `module` keeps to the contract in diagnostics/__init__.py."""
    return Section(
        name,
        module.TITLE,
        module.QUESTION,
        module.caption(record),
        render(module, record, name) if hasattr(module, "draw") else None,
        module.rows(record),
        module.details(record) if hasattr(module, "details") else None,
    )


def write_files(name: str, section: Section | None, folder: Path) -> None:
    """figures/NAME.png, data/NAME.csv and data/NAME_details.csv of the report in `folder`.

    What an earlier report had and this one has not must not stay behind.
    """
    figure = section.figure if section else None
    rows = section.rows if section else []
    details = section.details[1] if section and section.details else []
    for path, content in (
        (folder / "figures" / f"{name}.png", figure.png if figure else None),
        (folder / "data" / f"{name}.csv", to_csv(rows) if rows else None),
        (folder / "data" / f"{name}_details.csv", to_csv(details) if details else None),
    ):
        if content is None:
            path.unlink(missing_ok=True)
        else:
            write(path, content)


def to_html(section: Section, opened: bool = False) -> str:
    """The section as part of a page, its numbers `opened` or not; its files lie beside the page."""
    name, title = section.name, section.title
    if section.figure:
        shown = html.figure(
            name, section.figure.svg, f"{title}. {section.caption}", section.caption
        )
        look = " open" if opened else ' class="no-print"'
        numbers = f"<details{look}><summary>Numbers</summary>{_numbers(section)}</details>"
    else:
        shown, numbers = f"<p>{html.text(section.caption)}</p>", _numbers(section)
    return (
        f'<section id="{name}"><h3>{html.text(title)}</h3>'
        f'<p class="question">{html.text(section.question)}</p>{shown}{numbers}</section>'
    )


def _numbers(section: Section) -> str:
    name, title = section.name, section.title
    links = [f'<a href="figures/{name}.png">PNG</a>'] if section.figure else []
    links += [f'<a href="data/{name}.csv">CSV</a>'] if section.rows else []
    text = f"<p class='no-print'>{', '.join(links)}</p>"
    text += html.table(section.rows, label=f"{title}, numbers")
    if section.details and section.details[1]:
        heading, rows = section.details
        file = f'<p><a href="data/{name}_details.csv">CSV</a></p>'
        table = html.table(rows, label=heading)
        text += f"<details><summary>{html.text(heading)}</summary>{file}{table}</details>"
    return text
