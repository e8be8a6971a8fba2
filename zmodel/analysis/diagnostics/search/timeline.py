"""When each worker trained what, and how much of their time the workers were busy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.core.plain_text import plain
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Timeline of workers"
QUESTION = "Were the workers busy, and did any of them wait or die?"
# longer silence than this between two trials is a pause of the whole study, not waiting
PAUSE_FACTOR = 5.0
PAUSE_LEAST = 600.0


@dataclass(frozen=True)
class Bar:
    """Seconds since the study's first start."""

    number: int
    state: str
    start: float
    end: float


@dataclass(frozen=True)
class Lane:
    worker: str
    bars: tuple[Bar, ...]

    @property
    def busy(self) -> float:
        """Seconds with at least one trial: a worker may train several at once."""
        total, until = 0.0, 0.0
        for bar in sorted(self.bars, key=lambda bar: bar.start):
            total += max(0.0, bar.end - max(bar.start, until))
            until = max(until, bar.end)
        return total


@dataclass(frozen=True)
class Timeline:
    """`span`: seconds from the first start to the last end, less pauses in which nothing ran;
    `busy_fraction`: of workers x span; `inferred`: trials name no worker, lanes are a guess."""

    lanes: tuple[Lane, ...]
    span: float
    pauses: tuple[tuple[float, float], ...]
    busy_fraction: float
    inferred: bool


def data(study: StudyRecord, now: datetime | None = None) -> Timeline:
    trials = [t for t in (*study.trials, *study.interrupted) if t.started]
    if not any(t.finished for t in trials):
        raise Unavailable("no trial has a start and an end yet")
    last = max(t.finished for t in trials if t.finished)
    # how long a running trial has run is known only up to the last sign of life of the study
    end_of = {t.number: t.finished or max(last, t.started) for t in trials}  # type: ignore[type-var]
    trials.sort(key=lambda t: (t.started, t.number))  # type: ignore[arg-type,return-value]
    origin = trials[0].started
    assert origin is not None
    bars = [
        Bar(
            t.number,
            t.state,
            (t.started - origin).total_seconds(),  # type: ignore[operator]
            (end_of[t.number] - origin).total_seconds(),  # type: ignore[operator]
        )
        for t in trials
    ]
    inferred = not all(t.attrs.get("worker") for t in trials)
    lanes = _guess(bars) if inferred else _by_worker(trials, bars)
    pauses = _pauses(bars)
    span = max(b.end for b in bars) - sum(b - a for a, b in pauses)
    busy = sum(lane.busy for lane in lanes)
    total = sum(_present(lane, pauses) for lane in lanes)
    return Timeline(tuple(lanes), span, pauses, min(1.0, busy / total) if total else 0.0, inferred)


def _present(lane: Lane, pauses: tuple[tuple[float, float], ...]) -> float:
    """Seconds from a worker's first start to its last end, less the pauses within."""
    start, end = lane.bars[0].start, max(bar.end for bar in lane.bars)
    return end - start - sum(b - a for a, b in pauses if start <= a and b <= end)


def _by_worker(trials: list[TrialRecord], bars: list[Bar]) -> list[Lane]:
    lanes: dict[str, list[Bar]] = {}
    for trial, bar in zip(trials, bars, strict=True):
        lanes.setdefault(plain(trial.attrs["worker"]), []).append(bar)
    return [Lane(worker, tuple(found)) for worker, found in sorted(lanes.items())]


def _guess(bars: list[Bar]) -> list[Lane]:
    """The fewest lanes in which no two trials overlap."""
    lanes: list[list[Bar]] = []
    for bar in bars:
        free = next((lane for lane in lanes if lane[-1].end <= bar.start), None)
        if free is None:
            lanes.append([bar])
        else:
            free.append(bar)
    return [Lane(f"lane {i + 1}", tuple(lane)) for i, lane in enumerate(lanes)]


def _pauses(bars: list[Bar]) -> tuple[tuple[float, float], ...]:
    """Stretches in which no trial ran, much longer than any trial."""
    longest = max(bar.end - bar.start for bar in bars)
    found, until = [], 0.0
    for bar in bars:
        if bar.start - until > max(PAUSE_FACTOR * longest, PAUSE_LEAST):
            found.append((until, bar.start))
        until = max(until, bar.end)
    return tuple(found)


def draw(record: Timeline, ax: Axes) -> None:
    unit, name = _unit(max(b.end for lane in record.lanes for b in lane.bars))
    dense = sum(len(lane.bars) for lane in record.lanes) > 300
    for state in style.STATE:
        label: str | None = state
        for row, lane in enumerate(record.lanes):
            spans = [
                (b.start / unit, (b.end - b.start) / unit) for b in lane.bars if b.state == state
            ]
            if spans:
                ax.broken_barh(
                    spans,
                    (row - 0.36, 0.72),
                    facecolor=style.STATE[state],
                    edgecolor="white",
                    linewidth=0 if dense else 0.6,
                    label=label,
                    rasterized=dense,
                )
                label = None
    for start, end in record.pauses:
        ax.axvspan(start / unit, end / unit, color=style.GRID, alpha=0.6, linewidth=0)
    few = len(record.lanes) <= 16
    ax.set_yticks(
        range(len(record.lanes)),
        [lane.worker for lane in record.lanes] if few else ["" for _ in record.lanes],
    )
    ax.set_ylim(len(record.lanes) - 0.4, -0.6)
    ax.grid(False, axis="y")
    ax.set_xlabel(f"{name} since the first trial started")
    if not few:
        ax.set_ylabel(f"{len(record.lanes)} workers")
    style.legend_above(ax)


def _unit(seconds: float) -> tuple[float, str]:
    if seconds < 180:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")


def size(record: Timeline) -> tuple[float, float]:
    return 7.2, min(6.0, 1.1 + 0.34 * len(record.lanes))


def rows(record: Timeline) -> list[dict[str, Any]]:
    return [
        {
            "worker": lane.worker,
            "trial": b.number,
            "state": b.state,
            "start_s": b.start,
            "end_s": b.end,
        }
        for lane in record.lanes
        for b in lane.bars
    ]


def caption(record: Timeline) -> str:
    who = "lanes (trials name no worker)" if record.inferred else "workers"
    text = (
        f"{len(record.lanes)} {who}, busy {record.busy_fraction:.0%} of the time between their "
        f"first start and last end; the study took {record.span / 60:.1f} minutes"
    )
    if record.pauses:
        text += f" without the {len(record.pauses)} pauses shown in grey"
    return text + "."
