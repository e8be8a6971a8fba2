"""Axes of figures: names, ticks and legends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zmodel.analysis.statistics.scale import Scale
from zmodel.analysis.statistics.selection import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LABELS = 16
# letters that fit beside each other in a legend, and those that a sign takes
ROW, SIGN = 64, 6
# ticks within a decade, the most of them first
STEPS = ((1, 2, 5), (1, 3), (1,))


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
    ax.set_xlabel(clipped(name, 48))
    ax.grid(False, axis="x")


def clipped(label: str, most: int = 24) -> str:
    """A label short enough for a figure; tables have it whole."""
    return label if len(label) <= most else label[: most - 2] + "…"


def legend(ax: Axes, **options: Any) -> None:
    """The legend; of very many entries the first ones, or it would leave no room for data."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        shown = [clipped(label, 30) for label in labels[:MOST_LABELS]]
        ax.legend(handles[:MOST_LABELS], shown, **options)


def legend_above(ax: Axes, columns: int = 5, height: float = 1.0, **options: Any) -> None:
    """The legend above the axes, where it hides no data."""
    labels = [clipped(label, 30) for label in ax.get_legend_handles_labels()[1]]
    if labels:
        legend(
            ax,
            loc="lower left",
            bbox_to_anchor=(0, height),
            ncols=fitting_columns(labels[:MOST_LABELS], columns),
            borderaxespad=0.2,
            handlelength=1.6,
            columnspacing=1.3,
            **options,
        )


def fitting_columns(labels: Sequence[str], most: int) -> int:
    """How many columns of a legend fit; it is filled column by column."""
    for columns in range(min(most, len(labels)), 1, -1):
        rows = math.ceil(len(labels) / columns)
        parts = [labels[i : i + rows] for i in range(0, len(labels), rows)]
        if sum(SIGN + max(map(len, part)) for part in parts) <= ROW:
            return columns
    return 1


def shares(
    ax: Axes, label: str, *, top: float = 1.0, ticks: Sequence[float] = (0, 0.25, 0.5, 0.75, 1)
) -> None:
    """A y axis of shares in percent; `top` above 1 leaves room for notes."""
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
    ax.set_yticks(ticks)
    ax.set_ylim(0, top)
    ax.set_ylabel(label)


def whole_numbers(ax: Axes, axis: str = "y") -> None:
    """Ticks of counts: no half trials."""
    from matplotlib.ticker import MaxNLocator

    getattr(ax, f"{axis}axis").set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def time_unit(seconds: float) -> tuple[float, str]:
    """Seconds of the unit in which a span of time is easily read, and its name."""
    if seconds < 180:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")


def in_words(seconds: float) -> str:
    """A span of time for a sentence: 12.3 minutes."""
    unit, name = time_unit(seconds)
    return f"{seconds / unit:,.{0 if unit == 1 else 1}f} {name}"


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


def log_ticks(
    low: float, high: float, most: int = 5, steps: Sequence[Sequence[float]] = STEPS
) -> list[float]:
    """Round numbers in a range of positive ones: of the first `steps` within a decade that are
    not too many, by default 1-2-5; where powers of ten are, every so many of these."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
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


def parameter_name(scale: Scale) -> str:
    """The label of a parameter's axis; a logarithmic one is marked."""
    return f"{clipped(short(scale.param))}{' (log scale)' if scale.log else ''}"


def parameter_ticks(ax: Axes, scale: Scale, axis: str = "x", most: int = 4) -> None:
    """Ticks of a parameter on an axis that runs from 0 to 1 along its range."""
    names = {scale.unit(value): label for value, label in tick_marks(scale, most)}
    getattr(ax, f"{axis}axis").set_ticks(list(names), list(names.values()))


def tick_marks(scale: Scale, most: int) -> list[tuple[Any, str]]:
    """Values of a parameter that are worth a tick, and how they are written."""
    from matplotlib.ticker import MaxNLocator

    low, high = scale.low, scale.high
    if scale.cells is not None:
        every = math.ceil(len(scale.cells) / 12)
        return [(cell.target, clipped(cell.label, 14)) for cell in scale.cells[::every]]
    if scale.log:
        values = log_ticks(low, high, most)
    elif scale.integer and high - low < 2 * most:
        values = [low + step for step in range(int(high - low) + 1)]
    else:
        ticks = MaxNLocator(most, steps=[1, 2, 5, 10], integer=scale.integer).tick_values(low, high)
        near = 1e-9 * (high - low)  # a tick may come as .30000000000000004
        values = [float(tick) for tick in ticks if low - near <= tick <= high + near]
    return [(value, plain_number(value)) for value in values]
