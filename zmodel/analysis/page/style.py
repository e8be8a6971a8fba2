"""How figures look: colours that colour-blind readers can tell apart, quiet axes, real text.

Colours are the light theme's; `THEMED` names those that the page swaps for its dark theme. The
states follow Okabe & Ito (2008), with a hatch on top so that no meaning rests on colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2328"
MUTED = "#6a737d"
GRID = "#d8dee4"
STATE = {
    "complete": "#0072b2",
    "pruned": "#e69f00",
    "failed": "#d55e00",
    "running": "#56b4e8",
    "waiting": "#b6bec8",
}
HATCH = {"complete": "", "pruned": "//", "failed": "xx", "running": "..", "waiting": ""}
ACCENT = "#0072b2"
SECOND = "#d55e01"
# an ordered ramp for depths, dark to bright in light mode, bright to pale in dark mode
RAMP = ("#3b1f6b", "#35489a", "#23739e", "#1f958b", "#4ba852", "#a09a1d", "#c07a12", "#b8472a")
SERIES = ("#0072b3", "#d55e02", "#009e73", "#cc79a7", "#8a6d00", "#4f5b66", "#7b52ab", "#56b4e7")
MARKERS = "osD^vPX*"

# colour in the figure -> (CSS variable, value in the light theme, value in the dark theme)
THEMED = {
    INK: ("ink", INK, "#e6edf3"),
    MUTED: ("muted", "#57606a", "#9da7b1"),
    GRID: ("grid", GRID, "#30363d"),
    STATE["complete"]: ("complete", STATE["complete"], "#4ba3dc"),
    STATE["failed"]: ("failed", STATE["failed"], "#f0803c"),
    STATE["waiting"]: ("waiting", STATE["waiting"], "#59636e"),
    SECOND: ("second", SECOND, "#f0803c"),
    **{
        c: (f"ramp{i}", c, d)
        for i, (c, d) in enumerate(
            zip(
                RAMP,
                (
                    "#a78bda",
                    "#8098e8",
                    "#5bb0dd",
                    "#4cc9bb",
                    "#7fd286",
                    "#d9d25c",
                    "#f0b256",
                    "#f08a6c",
                ),
                strict=True,
            )
        )
    },
    **{
        c: (f"series{i}", c, d)
        for i, (c, d) in enumerate(
            zip(
                SERIES,
                (
                    "#4ba3dc",
                    "#f0803c",
                    "#2fc59a",
                    "#e59cc5",
                    "#d3b03a",
                    "#aab4be",
                    "#b394dd",
                    "#8fd0f5",
                ),
                strict=True,
            )
        )
    },
}

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
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
    "legend.fontsize": 8.5,
    "hatch.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "figure.dpi": 130,
}
WIDTH, HEIGHT = 7.2, 3.5
MOST_LABELS = 16
# letters of a legend's labels that fit beside each other with their signs
ROW = 80


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


def categories(ax: Axes, labels: Sequence[str], name: str) -> None:
    """Label an x axis of cells 0, 1, 2, ...; long labels are turned, of very many some shown."""
    shown = [clipped(label) for label in labels]
    every = math.ceil(len(shown) / MOST_LABELS)
    long = max(map(len, shown), default=0) * len(shown) > 60
    ax.set_xticks(
        range(0, len(shown), every),
        shown[::every],
        rotation=30 if long else 0,
        ha="right" if long else "center",
    )
    ax.set_xlabel(name)
    ax.grid(False, axis="x")


def clipped(label: str, most: int = 24) -> str:
    """A label short enough for a figure; tables have it whole."""
    return label if len(label) <= most else label[: most - 2] + "…"


def legend_above(ax: Axes, columns: int = 5, **options: Any) -> None:
    """The legend above the axes, where it hides no data; of very many entries the first ones."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        longest = max(map(len, labels))
        ax.legend(
            handles[:MOST_LABELS],
            [clipped(label, 30) for label in labels[:MOST_LABELS]],
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=columns if sum(map(len, labels)) < ROW else max(1, ROW // longest),
            borderaxespad=0.2,
            handlelength=1.6,
            columnspacing=1.3,
            **options,
        )


def note_above(ax: Axes, at: float, height: float, note: str) -> None:
    """A small note centred just above a bar."""
    ax.annotate(
        note,
        (at, height),
        (0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8,
    )


def shares(ax: Axes, label: str, *, top: float) -> None:
    """A y axis of shares in percent; `top` above 1 leaves room for notes."""
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    ax.set_ylim(0, top)
    ax.set_ylabel(label)


def colors_of(labels: Sequence[str]) -> dict[str, str]:
    """A colour per depth. Give all declared depths, so that each has its colour in every figure."""
    return dict(zip(labels, ramp(len(labels)), strict=True))


def whole_numbers(ax: Axes, axis: str = "y") -> None:
    """Ticks of counts: no half trials."""
    from matplotlib.ticker import MaxNLocator

    getattr(ax, f"{axis}axis").set_major_locator(MaxNLocator(integer=True))


def log_axis(ax: Axes, axis: str = "x", most: int = 5) -> None:
    """A logarithmic axis with few plain labels: 0.001, 20, 50k."""
    from matplotlib.ticker import NullFormatter

    getattr(ax, f"set_{axis}scale")("log")
    low, high = sorted(getattr(ax, f"get_{axis}lim")())
    one = getattr(ax, f"{axis}axis")
    ticks = log_ticks(low, high, most)
    one.set_ticks(ticks, [plain_number(t) for t in ticks])
    one.set_minor_formatter(NullFormatter())
    getattr(ax, f"set_{axis}lim")(low, high)


def log_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers in a range of positive ones: 1-2-5 steps, or powers of ten where these are
    too many, every so many where these are."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = ((1, 2, 5), (1, 3), (1,))
    for digits in steps:
        ticks = [d * 10.0**e for e in decades for d in digits if low <= d * 10.0**e <= high]
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]


def plain_number(value: float) -> str:
    """A tick label without powers of ten where that is short."""
    for unit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * unit or (abs(value) >= unit and value % unit == 0):
            return f"{value / unit:g}{sign}"
    return f"{value:g}"
