"""Renders a record: to PNG for files, to themed inline SVG for the page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zmodel.analysis.page import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Rendered:
    png: bytes
    svg: str


def draw(module: ModuleType, record: Any) -> Figure:
    """A figure of the record, in this project's style."""
    size = getattr(module, "size", None)
    width, height = size(record) if size else getattr(module, "SIZE", (style.WIDTH, style.HEIGHT))
    with _styled():
        figure, ax = style.new_figure(width, height)
        module.draw(record, ax)
    return figure


def render(module: ModuleType, record: Any, name: str) -> Rendered:
    """Both forms of the figure; `name` makes the ids inside the SVG unique on the page.

    The canvases print directly: savefig would draw the figure once more for each form.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with _styled():
        figure = draw(module, record)
        png, svg = io.BytesIO(), io.StringIO()
        figure.set_facecolor("white")
        FigureCanvasAgg(figure).print_png(png)
        figure.set_facecolor("none")
        # the layout is settled by now; solving it again would take as long again
        figure.set_layout_engine("none")
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Creator": None})
    return Rendered(png.getvalue(), inline(svg.getvalue(), name))


@contextmanager
def _styled() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context({**style.RC, "svg.hashsalt": "zmodel"}), warnings.catch_warnings():
        # scripts that the font lacks: the browser has them, the PNG shows boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def inline(svg: str, name: str) -> str:
    """An SVG document as an element of a page: unique ids, theme colours, no fixed size."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="(trials|depth|axis) ([^"]*)"', r'data-\1="\2"', svg)
    svg = _shorter(svg)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'(<svg[^>]*?) width="([\d.]+)pt" height="[\d.]+pt"', r"\1", svg, count=1)
    svg = re.sub(r"\n\s*", "\n", svg)
    # matplotlib laid the text out in DejaVu Sans; these are no wider
    svg = svg.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, system-ui, sans-serif")
    for color, (variable, _, _) in style.THEMED.items():
        svg = svg.replace(color, f"var(--{variable})")
    return svg.strip()


def _shorter(svg: str) -> str:
    """Without digits that no screen shows, and with a style that all dots share said once."""

    def rounded(found: re.Match[str]) -> str:
        return re.sub(r"(\.\d\d)\d+", r"\1", found[0])

    svg = re.sub(r' (d|x|y|transform|width|height)="[^"]*"', rounded, svg)

    def once(found: re.Match[str]) -> str:
        styles = set(re.findall(r'<use [^>]*?style="([^"]*)"', found[2]))
        if len(styles) != 1:
            return found[0]
        dots = re.sub(r'(<use [^>]*?) style="[^"]*"', r"\1", found[2])
        return f'<g style="{styles.pop()}"{found[1]}>{dots}</g>'

    return re.sub(r"<g( clip-path=[^>]*)>((?:\s*<use [^>]*/>)+)\s*</g>", once, svg)
