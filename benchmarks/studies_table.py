"""Table and plots of benchmarks/studies.py, from the studies on disk."""

from __future__ import annotations

import io
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from zmodel.analysis import compare, load
from zmodel.analysis.comparison.compare import ComparedStudy, Comparison
from zmodel.analysis.page import axes, render, style
from zmodel.analysis.page.files import to_csv
from zmodel.core.atomic_file import write
from zmodel.study.folder import JOURNAL, study_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (7.6, 6.0)
LEAST_SHARE = 0.05
"""A depth with a smaller share of the trials counts as left behind."""


class Case(Protocol):
    method: str
    seed: int

    @property
    def name(self) -> str: ...


Results = list[tuple[Case, ComparedStudy]]


def write_table(cases: Iterable[Case], log_dir: Path, out: Path, epochs: int) -> None:
    """studies.csv (a row per study), summary.md and studies.png in `out`, of those there are."""
    known = [c for c in cases if (study_folder(log_dir, c.name) / JOURNAL).is_file()]
    if not known:
        return
    record = compare([load(case.name, log_dir=log_dir) for case in known])
    results = list(zip(known, record.entries, strict=True))
    rows = [row(case, entry, epochs, record) for case, entry in results]
    write(out / "studies.csv", to_csv(rows))
    write(out / "summary.md", summary(results, rows, epochs))
    png = io.BytesIO()
    render.draw(sys.modules[__name__], results).savefig(png, facecolor="white")
    write(out / "studies.png", png.getvalue())


def row(case: Case, entry: ComparedStudy, epochs: int, record: Comparison) -> dict[str, Any]:
    total = sum(entry.states.values())
    return {
        "method": case.method,
        "seed": case.seed,
        "trials": total,
        "completed": entry.states["complete"],
        "pruned": entry.states["pruned"],
        "failed": entry.states["failed"],
        "epochs": entry.epochs,
        "minutes": round(entry.seconds / 60, 2),
        "best_validation": entry.best,
        "best_at_equal_epochs": best_within(entry, epochs),
        "best_depth": entry.best_at,
        "test": entry.test,
        "left_behind": " ".join(left_behind(entry, total)),
        **{f"z{label}_completed": entry.completed.get(label, 0) for label in record.labels},
        **{f"z{label}_trials": entry.trials.get(label, 0) for label in record.labels},
    }


def best_within(entry: ComparedStudy, epochs: int) -> float | None:
    """The best of the trials that ended before the study had spent so many epochs."""
    return next((v for _, spent, v in reversed(entry.steps) if spent <= epochs), None)


def left_behind(entry: ComparedStudy, total: int) -> list[str]:
    """Depths of the study's space with under 5 % of the trials, or none completed."""
    return [
        label
        for label, n in entry.trials.items()
        if n < LEAST_SHARE * total or not entry.completed.get(label, 0)
    ]


def summary(results: Results, rows: list[dict[str, Any]], epochs: int) -> str:
    """Two Markdown tables: a row per method, and who beats whom on how many seeds."""
    methods = list(dict.fromkeys(case.method for case, _ in results))
    head = ("method", "seeds", "validation at equal epochs", "test", "trials", "epochs", "minutes",
            "studies with a depth left behind")  # fmt: skip
    table = []
    for method in methods:
        mine = [r for r in rows if r["method"] == method]
        table.append(
            (
                method,
                str(len(mine)),
                mean_and_spread(r["best_at_equal_epochs"] for r in mine),
                mean_and_spread(r["test"] for r in mine),
                f"{statistics.fmean(r['trials'] for r in mine):.0f}",
                f"{statistics.fmean(r['epochs'] for r in mine):,.0f}",
                f"{statistics.fmean(r['minutes'] for r in mine):.1f}",
                f"{sum(bool(r['left_behind']) for r in mine)} of {len(mine)}",
            )
        )
    duels = [(a, *(wins(rows, a, b) for b in methods)) for a in methods]
    return (
        f"Means over seeds ± standard deviation. Equal epochs: {epochs:,} per study.\n\n"
        f"{markdown(head, table)}\n"
        "On how many seeds the method of the row has the higher test accuracy:\n\n"
        f"{markdown(('', *methods), duels)}"
    )


def mean_and_spread(values: Iterable[float | None]) -> str:
    known = [v for v in values if v is not None]
    if not known:
        return "-"
    spread = f" ± {statistics.stdev(known):.4f}" if len(known) > 1 else ""
    return f"{statistics.fmean(known):.4f}{spread}"


def wins(rows: list[dict[str, Any]], a: str, b: str) -> str:
    tests = {(r["method"], r["seed"]): r["test"] for r in rows if r["test"] is not None}
    pairs = [(v, tests[b, seed]) for (m, seed), v in tests.items() if m == a and (b, seed) in tests]
    return "" if a == b else f"{sum(x > y for x, y in pairs)} of {len(pairs)}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def draw(results: Results, ax: Axes) -> None:
    """Best so far against epochs and trials, test accuracies, completed trials per depth."""
    by_epochs, by_trials, tests, depths = style.panels(ax, 2, 2)
    methods = list(dict.fromkeys(case.method for case, _ in results))
    for i, method in enumerate(methods):
        mine = [entry for case, entry in results if case.method == method]
        color = style.SERIES[i]
        for panel, column in ((by_epochs, 1), (by_trials, 0)):
            for k, entry in enumerate(mine):
                panel.step(
                    [s[column] for s in entry.steps],
                    [s[2] for s in entry.steps],
                    where="post",
                    color=color,
                    linewidth=1.1,
                    alpha=0.8,
                    label=None if k else method,
                )
        scores = [e.test for e in mine if e.test is not None]
        tests.scatter(scores, [i] * len(scores), s=30, color=color, alpha=0.8)
        if scores:
            tests.scatter([statistics.fmean(scores)], [i], s=160, color=color, marker="|")
        _draw_depths(depths, mine, i, len(methods))
    for panel, name in ((by_epochs, "epochs trained"), (by_trials, "trials that ended")):
        panel.set_xlabel(name)
        panel.set_ylabel("best validation so far")
        ends = [e.steps[len(e.steps) // 4][2] for _, e in results if e.steps]
        panel.set_ylim(bottom=min(ends))
    axes.legend_above(by_epochs, 3)
    tests.set_yticks(range(len(methods)), methods)
    tests.set_ylim(len(methods) - 0.5, -0.5)
    tests.set_xlabel("test accuracy, a dot per seed")


def _draw_depths(ax: Axes, entries: Sequence[ComparedStudy], i: int, count: int) -> None:
    """Mean share of the completed trials that each depth got."""
    labels = sorted({label for e in entries for label in e.completed}, key=int)
    shares = [
        statistics.fmean(
            e.completed.get(label, 0) / max(1, sum(e.completed.values())) for e in entries
        )
        for label in labels
    ]
    width = 0.8 / count
    places = [int(label) + (i - (count - 1) / 2) * width for label in labels]
    ax.bar(places, shares, width * 0.9, color=style.SERIES[i], linewidth=0)
    ax.set_xlabel("z-layers")
    ax.set_ylabel("share of completed trials")
