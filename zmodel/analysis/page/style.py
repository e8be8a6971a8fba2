"""Colours and style of figures, also for colour-blind readers.

A colour means one thing on the whole page: a trial has the colour of its depth, SECOND is the best,
TRAIN what was measured on training data, STATE the state of trials, grey the rest. Shapes and
hatches tell methods apart. Colours are the light theme's; `THEMED` names those that the page swaps
for its dark theme. The states follow Okabe & Ito (2008), with a hatch on top so that no meaning
rests on colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Look = dict[str, Any]
"""Keyword arguments of a matplotlib call."""

INK = "#1f2328"
MUTED = "#6a737d"
GRID = "#d8dee4"
STATE = {
    "complete": "#0072b2",
    "pruned": "#e69f00",
    "failed": "#a4133c",
    "running": "#56b4e8",
    "waiting": "#b6bec7",
    "paused": "#cc79a8",
}
HATCH = {"complete": "", "pruned": "//", "failed": "xx", "running": ".."}
LOOKS = {state: (color, HATCH.get(state, "")) for state, color in STATE.items()}
"""State of a trial -> colour and hatch of its bars."""
ACCENT = "#0072b1"
"""What trials reached on validation data, where it is not split by depth."""
SECOND = "#d55e01"
"""The best: the best trial, the best so far, the front."""
TRAIN = "#8a94a0"
"""What was measured on training data."""
PALE = "#b6bec8"
"""The other trials, behind those that matter."""
# an ordered ramp for depths, dark to bright in light mode, bright to pale in dark mode
RAMP = ("#3b1f6b", "#35489a", "#23739e", "#1f958b", "#4ba852", "#a09a1d", "#c07a12", "#b8472a")
DARK_RAMP = ("#a78bda", "#8098e8", "#5bb0dd", "#4cc9bb", "#7fd286", "#d9d25c", "#f0b256", "#f08a6c")
SERIES = ("#0072b3", "#d55e02", "#009e73", "#cc79a7", "#8a6d00", "#4f5b66", "#7b52ab", "#56b4e7")
DARK_SERIES = (
    "#4ba3dc", "#f0803c", "#2fc59a", "#e59cc5", "#d3b03a", "#aab4be", "#b394dd", "#8fd0f5",
)  # fmt: skip
MARKERS = "osD^vPX*"


def _swaps(name: str, light: Sequence[str], dark: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    pairs = zip(light, dark, strict=True)
    return {day: (f"{name}{i}", day, night) for i, (day, night) in enumerate(pairs)}


THEMED = {
    INK: ("ink", INK, "#e6edf3"),
    MUTED: ("muted", "#57606a", "#9da7b1"),
    GRID: ("grid", GRID, "#30363d"),
    STATE["complete"]: ("complete", STATE["complete"], "#4ba3dc"),
    STATE["failed"]: ("failed", STATE["failed"], "#ff6b8b"),
    STATE["waiting"]: ("waiting", STATE["waiting"], "#59636f"),
    ACCENT: ("accent", ACCENT, "#4ba3dc"),
    SECOND: ("second", SECOND, "#ff9d4d"),
    TRAIN: ("train", TRAIN, "#8a94a1"),
    PALE: ("pale", PALE, "#59636e"),
    **_swaps("ramp", RAMP, DARK_RAMP),
    **_swaps("series", SERIES, DARK_SERIES),
}
"""Colour in a figure -> (CSS variable, value in the light theme, value in the dark theme)."""

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    # names and messages are text, not formulas
    "text.parse_math": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "figure.dpi": 130,
}
WIDTH, HEIGHT = 5.0, 3.2
"""Inches. Narrow, so that the text stays readable on a telephone; wide screens show several."""


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """A figure of this style with one set of axes, free of pyplot's global state."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.subplots()


def panels(ax: Axes, rows: int, columns: int, **grid: Any) -> list[Axes]:
    """Divide one set of axes into a grid of panels, row by row; `ax` is gone afterwards."""
    import matplotlib

    spec = ax.get_subplotspec()
    assert spec is not None, "panels divide axes made by subplots"
    figure = ax.figure
    ax.remove()
    inner = spec.subgridspec(rows, columns, **grid)
    with matplotlib.rc_context(RC):
        return [figure.add_subplot(inner[r, c]) for r in range(rows) for c in range(columns)]


def ramp(count: int) -> list[str]:
    """`count` ordered colours for depths; repeats only beyond the length of the ramp."""
    if count <= len(RAMP):
        step = (len(RAMP) - 1) / max(1, count - 1)
        return [RAMP[round(i * step)] for i in range(count)]
    return [RAMP[i % len(RAMP)] for i in range(count)]


def colors_of(labels: Sequence[str]) -> dict[str, str]:
    """A colour per depth. Give all declared depths, so that each has its colour in every figure."""
    return dict(zip(labels, ramp(len(labels)), strict=True))
