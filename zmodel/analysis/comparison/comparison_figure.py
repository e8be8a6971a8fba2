"""Figures that compare several studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zmodel.analysis.comparison.compare import Comparison
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.page.value_axis import error_floor, value_axis
from zmodel.analysis.statistics.selection import listed, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Comparison"
QUESTION = "Which study reached more, at which cost, and did each give every depth its chance?"
SIZE = (style.WIDTH, 9.0)


def draw(record: Comparison, ax: Axes) -> None:
    by_trials, by_epochs, depths, scores = style.panels(ax, 4, 1, height_ratios=[3, 3, 3, 2])
    looks = [(color, dash) for dash in ("-", "--", ":", "-.") for color in style.SERIES]
    for i, entry in enumerate(record.entries):
        color, dash = looks[i % len(looks)]
        # a line that lies on another one shows on both sides of it
        wide = 1.4 + 1.6 * min(3, len(record.entries) - 1 - i)
        look: style.Look = {"color": color, "linestyle": dash, "linewidth": wide}
        trials, epochs, best = zip(*entry.steps, strict=True) if entry.steps else ((), (), ())
        for panel, cost in ((by_trials, trials), (by_epochs, epochs)):
            marks.steps(panel, cost, best, label=entry.name, **look)
            marks.dots(panel, cost[-1:], best[-1:], color, 22, alpha=1, zorder=3)
    by_trials.set_xlabel("trials that ended")
    by_epochs.set_xlabel("epochs spent")
    for panel in (by_trials, by_epochs):
        values = [value for entry in record.entries for *_, value in entry.steps]
        if error_floor(values, record.maximize) is None:
            _clip_start(record, panel)
        value_axis(panel, f"best {record.objective}", values, record.maximize)
    axes.legend_above(by_trials, 3)
    _draw_depths(record, depths)
    _draw_scores(record, scores)


def _clip_start(record: Comparison, ax: Axes) -> None:
    """The first trials of a study are far off and would squeeze the rest: begin at the value that
    the slowest had after a quarter of its trials."""
    settled = [e.steps[len(e.steps) // 4][2] for e in record.entries if len(e.steps) >= 8]
    ends = [e.steps[-1][2] for e in record.entries if e.steps]
    low, high = min([*settled, *ends], default=0.0), max([*settled, *ends], default=0.0)
    if settled and low < high:
        ax.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))


def _draw_depths(record: Comparison, ax: Axes) -> None:
    if not record.labels:
        ax.set_axis_off()
        return
    colors = [style.SERIES[i % len(style.SERIES)] for i in range(len(record.entries))]
    for alpha, counts in ((0.35, "trials"), (1.0, "completed")):
        groups = [
            [getattr(e, counts).get(label, 0) for label in record.labels] for e in record.entries
        ]
        marks.grouped(ax, groups, colors, alpha=alpha)
    ax.set_ylabel("trials (full colour: completed)")
    axes.whole_numbers(ax)
    axes.categories(ax, list(record.labels), short(record.param or ""))


def _draw_scores(record: Comparison, ax: Axes) -> None:
    for i, entry in enumerate(record.entries):
        color = style.SERIES[i % len(style.SERIES)]
        if entry.best is not None:
            marks.dots(ax, [entry.best], [i], color, 44, alpha=1, zorder=3)
            error = entry.best_error or 0.0
            ax.hlines(i, entry.best - error, entry.best + error, color=color, linewidth=1)
        if entry.baseline is not None:
            marks.dots(ax, [entry.baseline], [i], color, 44, hollow=True, alpha=1, zorder=3)
        if entry.test_interval:
            ax.hlines(i + 0.18, *entry.test_interval, color=color, linewidth=1.6)
        if entry.test is not None:
            marks.dots(ax, [entry.test], [i + 0.18], color, 36, alpha=1, zorder=3, marker="D")
    marks.dots(ax, [], [], style.MUTED, 44, label="best validation")
    if any(e.baseline is not None for e in record.entries):
        marks.dots(ax, [], [], style.MUTED, 44, hollow=True, label="baseline")
    if any(e.test is not None for e in record.entries):
        marks.dots(ax, [], [], style.MUTED, 36, marker="D", label="final test")
    names = [axes.clipped(e.name, 22) for e in record.entries]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(False, axis="y")
    found = [v for e in record.entries for v in (e.best, e.baseline, e.test)]
    value_axis(ax, record.objective, found, record.maximize, "x")
    axes.legend_above(ax, 3)


def size(record: Comparison) -> tuple[float, float]:
    return SIZE[0], SIZE[1] + 0.2 * max(0, len(record.entries) - 4)


def rows(record: Comparison) -> list[Row]:
    return [
        {
            "study": e.name,
            "best_validation": e.best,
            "standard_error": e.best_error,
            "baseline": e.baseline,
            f"at_{short(record.param)}" if record.param else "at": e.best_at,
            "final_test": e.test,
            "test_low": e.test_interval[0] if e.test_interval else None,
            "test_high": e.test_interval[1] if e.test_interval else None,
            "trials": sum(e.states.values()),
            "complete": e.states["complete"],
            "pruned": e.states["pruned"],
            "failed": e.states["failed"],
            "forced": sum(e.forced.values()),
            "epochs": e.epochs,
            "minutes": e.seconds / 60,
            **{
                f"{short(record.param or '')}={label}": (
                    f"{e.completed.get(label, 0)} of {e.trials.get(label, 0)}"
                    + (f", {e.forced[label]} forced" if e.forced.get(label) else "")
                )
                for label in record.labels
            },
        }
        for e in record.entries
    ]


def details(record: Comparison) -> tuple[str, list[Row]]:
    """The lines of the figure."""
    return "Best so far against trials and epochs", [
        {"study": e.name, "trials": n, "epochs": epochs, "best_so_far": value}
        for e in record.entries
        for n, epochs, value in e.steps
    ]


def conclusion(record: Comparison) -> str:
    """Who is ahead, or that nobody is."""
    leaders = record.leaders
    if not leaders:
        return "No study has a completed trial yet."
    if record.apart:
        return f"The values of these studies cannot be compared: {record.apart}."
    if len(leaders) == 1:
        return f"Best validation: {leaders[0].name} with {leaders[0].best:.4g}."
    told = listed([f"{e.name} ({e.best:.4g})" for e in leaders])
    same = len({e.best for e in leaders}) == 1
    return f"A tie: {told} {'are equal' if same else 'differ by less than their noise'}."


def caption(record: Comparison) -> str:
    known = [e for e in record.entries if e.best is not None]
    text = conclusion(record)
    if not known:
        return text
    for one, other in record.coinciding[:4]:
        text += f" The lines of {one} and {other} coincide."
    spent = min(e.epochs for e in known)
    equal = record.value_at_epochs(spent)
    if spent and not record.apart and any(v is not None for v in equal.values()):
        costs = ", ".join(
            f"{k} {'no trial yet' if v is None else f'{v:.4g}'}" for k, v in equal.items()
        )
        text += f" At equal cost ({spent:,} epochs, the least that any spent): {costs}."
    return text
