"""Table and picture of benchmarks/studies.py, from studies on disk and rows of earlier ones."""

from __future__ import annotations

import csv
import io
import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scipy.stats import ttest_ind

from zmodel.analysis import compare, load
from zmodel.analysis.page import render, style
from zmodel.analysis.page.files import to_csv
from zmodel.core.atomic_file import write
from zmodel.final.scores import mean_and_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (7.6, 6.6)
LEAST_SHARE = 0.05
"""A depth with a smaller share of the trials counts as left behind."""
OURS = ("zlayers", "halving")
REPEATED = ("defaults",)
"""Their trials are the same in every study, and so mostly is the winner. The final stages of most
studies on record trained it with the same seeds: the same networks again, without an interval."""


class Case(Protocol):
    setting: str
    method: str
    seed: int
    log_dir: Path

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Row:
    """A study and the test of its winner. `left_behind`: depths of its own space with under 5 % of
    the trials, or none completed. None: no record is left of it."""

    setting: str
    method: str
    seed: int | None
    test: float
    validation: float | None = None
    trials: int | None = None
    completed: int | None = None
    epochs: int | None = None
    left_behind: str | None = None


def read_rows(path: Path) -> list[Row]:
    """The rows of a studies.csv; a study without a number of trials has no record of its depths."""
    with path.open(newline="") as file:
        return [
            Row(
                setting=line["setting"],
                method=line["method"],
                seed=_whole(line["seed"]),
                test=float(line["test"]),
                validation=float(line["validation"]) if line["validation"] else None,
                trials=_whole(line["trials"]),
                completed=_whole(line["completed"]),
                epochs=_whole(line["epochs"]),
                left_behind=line["left_behind"] if line["trials"] else None,
            )
            for line in csv.DictReader(file)
        ]


def _whole(text: str) -> int | None:
    return int(text) if text else None


def write_table(cases: Iterable[Case], known: Iterable[Row], out: Path) -> None:
    """studies.csv (a row per study), summary.md and studies.png in `out`."""
    rows = [*known, *(row(case) for case in cases)]
    if not rows:
        return
    write(out / "studies.csv", to_csv([vars(row) for row in rows]))
    write(out / "summary.md", summary(rows))
    png = io.BytesIO()
    render.draw(sys.modules[__name__], rows).savefig(png, facecolor="white")
    write(out / "studies.png", png.getvalue())


def row(case: Case) -> Row:
    study = compare([load(case.name, log_dir=case.log_dir)]).entries[0]
    assert study.test is not None and study.best is not None
    total = sum(study.states.values())
    return Row(
        setting=case.setting,
        method=case.method,
        seed=case.seed,
        test=study.test,
        validation=study.best,
        trials=total,
        completed=study.states["complete"],
        epochs=study.epochs,
        left_behind=" ".join(
            depth
            for depth, n in study.trials.items()
            if n < LEAST_SHARE * total or not study.completed.get(depth, 0)
        ),
    )


def interval(values: Sequence[float], method: str | None = None) -> tuple[float, float | None]:
    """Mean and half of its 95 % interval; None: the method has one value, or repeats networks."""
    mean, _, ends = mean_and_interval(values, -math.inf, math.inf)
    return mean, None if ends is None or method in REPEATED else (ends[1] - ends[0]) / 2


# --- words ---


def summary(rows: Sequence[Row]) -> str:
    """The table of all methods and settings, then by how much ours are ahead of the others."""
    settings = list(dict.fromkeys(row.setting for row in rows))
    methods = list(dict.fromkeys(row.method for row in rows))
    head = ("method", *settings, "trials", "studies with a depth left behind")
    table = [
        (method, *(_cell(rows, setting, method) for setting in settings), *_shape(rows, method))
        for method in methods
    ]
    pairs = [
        (ours, other, *(_difference(rows, setting, ours, other) for setting in settings))
        for ours in OURS
        for other in methods
        if other != ours and other not in REPEATED and ours in methods
    ]
    return (
        "Test accuracy, mean and half of its 95 % interval, number of seeds.\n\n"
        f"{_markdown(head, table)}\n"
        "Difference of means in 1e-4, and half of its 95 % interval (Welch).\n\n"
        f"{_markdown(('method', 'against', *settings), pairs)}"
    )


def _of(rows: Sequence[Row], setting: str, method: str) -> list[float]:
    return [r.test for r in rows if (r.setting, r.method) == (setting, method)]


def _cell(rows: Sequence[Row], setting: str, method: str) -> str:
    tests = _of(rows, setting, method)
    if not tests:
        return "-"
    mean, half = interval(tests, method)
    spread = "" if half is None else f" ± {half:.4f}"
    return f"{mean:.4f}{spread} ({len(tests)})"


def _shape(rows: Sequence[Row], method: str) -> tuple[str, str]:
    known = [(r.trials, r.left_behind) for r in rows if r.method == method and r.trials is not None]
    if not known:
        return "-", "-"
    trials, left = zip(*known, strict=True)
    return f"{statistics.fmean(trials):.0f}", f"{sum(map(bool, left))} of {len(left)}"


def _difference(rows: Sequence[Row], setting: str, ours: str, other: str) -> str:
    """Not in pairs: equal seeds of two methods share the split of the data, as all studies do."""
    a, b = _of(rows, setting, ours), _of(rows, setting, other)
    if min(len(a), len(b)) < 2:
        return "-"
    low, high = ttest_ind(a, b, equal_var=False).confidence_interval()
    return f"{1e4 * (low + high) / 2:+.0f} ± {1e4 * (high - low) / 2:.0f}"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# --- picture ---


def draw(rows: Sequence[Row], ax: Axes) -> None:
    """A panel per setting: a dot per seed, the mean and its 95 % interval, a line per method."""
    settings = list(dict.fromkeys(row.setting for row in rows))
    methods = list(dict.fromkeys(row.method for row in rows))
    for panel, setting in zip(style.panels(ax, 2, 2), settings, strict=False):
        for place, method in enumerate(methods):
            tests = _of(rows, setting, method)
            if not tests:
                continue
            color = style.SECOND if method in OURS else style.MUTED
            panel.scatter(tests, [place] * len(tests), s=18, color=color, alpha=0.5, linewidth=0)
            mean, half = interval(tests, method)
            panel.errorbar(
                mean,
                place,
                xerr=half,
                color=color,
                fmt="|",
                markersize=14,
                capsize=3,
                linewidth=1.6,
            )
        panel.set_yticks(range(len(methods)), methods)
        panel.set_ylim(len(methods) - 0.5, -0.5)
        panel.set_title(setting)
        panel.set_xlabel("test accuracy")
        panel.locator_params(axis="x", nbins=5)
