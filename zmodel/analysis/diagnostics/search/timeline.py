"""Which worker trained what and when, and how busy workers were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import Stretch, attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Timeline of workers"
QUESTION = "Were the workers busy, and did any of them wait or die?"
# longer silence than this between two trials is a pause of the whole study, not waiting
PAUSE_FACTOR = 5.0
PAUSE_LEAST = 600.0
# workers that are busy this share of their time need no picture
ALWAYS = 0.95


@dataclass(frozen=True)
class Bar:
    """One trial, or a stretch of it until it paused; `start` and `end` are seconds since the
    study's first start."""

    trial: int
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
    """When each worker was busy.

    `span`: seconds from the first start to the last end, less pauses in which nothing ran;
    `busy_fraction`: of workers x span; `inferred`: trials name no worker, lanes are a guess."""

    lanes: tuple[Lane, ...]
    span: float
    pauses: tuple[tuple[float, float], ...]
    busy_fraction: float
    inferred: bool


def data(study: StudyRecord) -> Timeline:
    began = [t for t in (*study.trials, *study.interrupted) if t.started]
    ends = [t.finished for t in began if t.finished]
    if not ends:
        raise Unavailable("no trial has a start and an end yet")
    # how long a running trial has run is known only up to the last sign of life of the study
    worked = sorted(
        (one for t in began for one in _worked(t, max(ends))),
        key=lambda one: (one.stretch.start, one.trial),
    )
    origin = worked[0].stretch.start
    bars = [
        Bar(
            trial,
            state,
            (stretch.start - origin).total_seconds(),
            (stretch.end - origin).total_seconds(),
        )
        for trial, state, stretch in worked
    ]
    inferred = not all(one.stretch.worker for one in worked)
    lanes = _guess(bars) if inferred else _by_worker([one.stretch.worker for one in worked], bars)
    pauses = _pauses(bars)
    span = max(b.end for b in bars) - sum(b - a for a, b in pauses)
    busy = sum(lane.busy for lane in lanes)
    total = sum(_present(lane, pauses) for lane in lanes)
    return Timeline(tuple(lanes), span, pauses, min(1.0, busy / total) if total else 0.0, inferred)


class _Worked(NamedTuple):
    trial: int
    state: str
    stretch: Stretch


def _worked(trial: TrialRecord, now: datetime) -> Iterator[_Worked]:
    """When workers worked on a trial; one that is paused has no end of its own."""
    stretches = attr(trial, "stretches", [])
    for stretch in stretches:
        yield _Worked(trial.number, "paused", stretch)
    started, worker = trial.started, plain(attr(trial, "worker", ""))
    assert started is not None
    if trial.state != "paused":
        end = trial.finished or max(now, started)
        yield _Worked(trial.number, trial.state, Stretch(started, end, worker))
    elif not stretches:  # of a study that did not note them
        end = started + timedelta(seconds=attr(trial, "seconds", 0.0))
        yield _Worked(trial.number, trial.state, Stretch(started, end, worker))


def _present(lane: Lane, pauses: tuple[tuple[float, float], ...]) -> float:
    """Seconds from a worker's first start to its last end, less the pauses within."""
    start, end = lane.bars[0].start, max(bar.end for bar in lane.bars)
    return end - start - sum(b - a for a, b in pauses if start <= a and b <= end)


def _by_worker(workers: list[str], bars: list[Bar]) -> list[Lane]:
    lanes: dict[str, list[Bar]] = {}
    for worker, bar in zip(workers, bars, strict=True):
        lanes.setdefault(worker, []).append(bar)
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


def nothing(record: Timeline) -> str | None:
    always = record.busy_fraction > ALWAYS and not record.pauses
    ended = all(bar.state == "complete" for lane in record.lanes for bar in lane.bars)
    return caption(record) if always and ended else None


def draw(record: Timeline, ax: Axes) -> None:
    unit, name = axes.time_unit(max(b.end for lane in record.lanes for b in lane.bars))
    dense = sum(len(lane.bars) for lane in record.lanes) > marks.MANY
    for state, color in style.STATE.items():
        look: style.Look = {"facecolor": color, "edgecolor": "white", "label": state}
        for row, lane in enumerate(record.lanes):
            bars = [b for b in lane.bars if b.state == state]
            spans = [(b.start / unit, (b.end - b.start) / unit) for b in bars]
            if spans:
                thin = 0 if dense else 0.6
                ax.broken_barh(spans, (row - 0.36, 0.72), linewidth=thin, rasterized=dense, **look)
                look["label"] = None
    for start, end in record.pauses:
        ax.axvspan(start / unit, end / unit, color=style.GRID, alpha=0.6, linewidth=0)
    few = len(record.lanes) <= axes.MOST_LABELS
    names = [axes.clipped(lane.worker) if few else "" for lane in record.lanes]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(record.lanes) - 0.4, -0.6)
    ax.grid(False, axis="y")
    ax.set_xlabel(f"{name} since the first trial started")
    if not few:
        ax.set_ylabel(f"{len(record.lanes)} workers")
    axes.legend_above(ax)


def size(record: Timeline) -> tuple[float, float]:
    return style.WIDTH, min(6.0, 1.2 + 0.34 * len(record.lanes))


def rows(record: Timeline) -> list[Row]:
    return [{"worker": lane.worker, **flat(bar)} for lane in record.lanes for bar in lane.bars]


def caption(record: Timeline) -> str:
    who = "lanes (trials name no worker)" if record.inferred else "workers"
    text = (
        f"{len(record.lanes)} {who}, busy {record.busy_fraction:.0%} of the time between their "
        f"first start and last end; the study took {axes.in_words(record.span)}"
    )
    if record.pauses:
        text += f" without the {len(record.pauses)} pauses shown in grey"
    return text + "."
