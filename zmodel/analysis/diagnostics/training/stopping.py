"""Audit of early stopping: what patience saved and cost per depth.

Control trials (trial attribute `control`) ran to the full allowance; stopping their curves as
early stopping would have shows what patience cost. Other trials can answer only for patience
smaller than theirs: their curves end where they were stopped. Where the learning rate cooled down
before the end, no other patience can be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.replay.patience import (
    Patience,
    allowance,
    late_gain,
    late_noise,
    no_replay,
    own_allowance,
    patience_regrets,
    try_patiences,
    used_patience,
    was_cut,
    was_stopped,
)
from zmodel.analysis.statistics.intervals import bootstrap, mean
from zmodel.analysis.statistics.selection import (
    by_depth,
    need_curves,
    recorded_epochs,
    score,
    short,
    structural,
    top,
)
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Early stopping audit"
QUESTION = "What did patience cost at each depth, and how little of it would have sufficed?"
ENDS = ((style.MUTED, ""), (style.PALE, ".."), (style.SERIES[4], "xx"))
LEAST = 3
TOP_SHARE, TOP_LEAST = 0.1, 5


@dataclass(frozen=True)
class Depth:
    """How the trials of a depth ended.

    `stopped`: by patience; `cut`: at the end of the allowance while still improving;
    `leaders_cut` of `leaders`: the same among the depth's best quarter; `leaders_gain`: what these
    gained on average in the last part of their epochs, with its standard error;
    `control_regret`: mean loss of the control trials to the study's patience, with interval."""

    label: str
    trials: int
    stopped: int
    cut: int
    leaders: int
    leaders_cut: int
    leaders_gain: float
    gain_error: float
    controls: int
    control_regret: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Stopping:
    param: str | None
    trials: int
    epochs_run: int
    epochs_allowed: int
    stopped_early: int
    patience: int | None
    controls: int
    control_regret: float | None
    top: int
    depths: tuple[Depth, ...]
    patiences: tuple[Patience, ...]
    sufficient: int | None
    no_replay: str | None


def data(study: StudyRecord) -> Stopping:
    trials = need_curves(study, LEAST)
    most = allowance(study, trials)
    patience = used_patience(study, trials)
    controls = [t for t in trials if attr(t, "control")]
    leaders = [t for t in top(study, TOP_SHARE, TOP_LEAST) if len(t.curve) > 1]
    param = structural(study)[0] if structural(study) else None
    groups = by_depth(study, trials)
    noise = late_noise(study, trials)
    patiences = try_patiences(study, trials, leaders, groups, patience, most)
    regrets = patience_regrets(study, controls, patience)
    enough = [p.patience for p in patiences if p.kept == len(leaders)]
    return Stopping(
        param=param,
        trials=len(trials),
        epochs_run=sum(map(recorded_epochs, trials)),
        epochs_allowed=sum(own_allowance(t, most) for t in trials),
        stopped_early=sum(was_stopped(t, most) for t in trials),
        patience=patience,
        controls=len(controls),
        control_regret=float(np.mean(regrets)) if regrets else None,
        top=len(leaders),
        depths=tuple(_depth(study, k, g, patience, most, noise) for k, g in groups.items()),
        patiences=patiences,
        sufficient=min(enough) if enough else None,
        no_replay=no_replay(trials),
    )


def _depth(
    study: StudyRecord,
    label: str,
    group: list[TrialRecord],
    patience: int | None,
    most: int,
    noise: float,
) -> Depth:
    controls = [t for t in group if attr(t, "control")]
    order = sorted(group, key=lambda t: -(score(study, t) or 0.0))
    leaders = order[: max(LEAST, len(group) // 4)]
    regrets = patience_regrets(study, controls, patience)
    low, high = bootstrap(regrets, mean) or (None, None)
    return Depth(
        label,
        len(group),
        sum(was_stopped(t, most) for t in group),
        sum(was_cut(study, t, most) for t in group),
        len(leaders),
        sum(was_cut(study, t, most) for t in leaders),
        *late_gain(study, leaders, most, noise),
        len(controls),
        float(np.mean(regrets)) if regrets else None,
        low,
        high,
    )


def draw(record: Stopping, ax: Axes) -> None:
    name = short(record.param) if record.param else "trials"
    if record.no_replay:
        _draw_ends(record, ax, name)
        return
    upper, lower = style.panels(ax, 2, 1)
    _draw_ends(record, upper, name)
    _draw_patiences(record, lower, name)


def size(record: Stopping) -> tuple[float, float]:
    return style.WIDTH, 2.8 if record.no_replay else 5.0


def _draw_ends(record: Stopping, left: Axes, name: str) -> None:
    parts = {
        "stopped by patience": [d.stopped for d in record.depths],
        "ran to the allowance": [d.trials - d.stopped - d.cut for d in record.depths],
        "cut while improving": [d.cut for d in record.depths],
    }
    marks.stacked(left, parts, ENDS)
    left.set_ylabel("completed trials")
    axes.whole_numbers(left)
    axes.categories(left, [d.label for d in record.depths], name)
    axes.legend_above(left, 1)


def _draw_patiences(record: Stopping, right: Axes, name: str) -> None:
    colors = style.colors_of([d.label for d in record.depths])
    for label, color in colors.items():
        known = [p for p in record.patiences if label in p.loss_by_value]
        losses = [p.loss_by_value[label] for p in known]
        look: style.Look = {"color": color, "marker": "o", "markersize": 3.5}
        right.plot([p.patience for p in known], losses, label=label if known else None, **look)
    if record.sufficient is not None:
        edge: style.Look = {"color": style.MUTED, "linewidth": 1, "linestyle": ":"}
        right.axvline(record.sufficient, label="keeps the top", **edge)
    axes.whole_numbers(right, "x")
    right.set_ylim(bottom=0)
    right.set_xlabel("patience (epochs)")
    right.set_ylabel("mean loss in value")
    axes.legend_above(right, 5, title=name)


def nothing(record: Stopping) -> str | None:
    if record.stopped_early or any(depth.cut for depth in record.depths):
        return None
    used = f" of {record.patience}" if record.patience else ""
    text = f"Patience{used} stopped none of {record.trials} trials, and none was still improving."
    enough = f" {record.sufficient} would have kept the top {record.top} results."
    return text + (enough if record.sufficient is not None else "")


def rows(record: Stopping) -> list[Row]:
    depths = [{"kind": "depth", "value": d.label, **flat(d, "label")} for d in record.depths]
    patiences = [
        {
            "kind": "patience",
            "value": str(p.patience),
            **flat(p, "patience"),
            **{f"mean_loss_at_{label}": loss for label, loss in p.loss_by_value.items()},
        }
        for p in record.patiences
    ]
    return depths + patiences


def caption(record: Stopping) -> str:
    share = 1 - record.epochs_run / max(1, record.epochs_allowed)
    text = (
        f"{record.stopped_early} of {record.trials} completed trials stopped early, which saved "
        f"{share:.0%} of the {record.epochs_allowed:,} epochs allowed."
    )
    if record.sufficient is not None:
        used = f" (used: {record.patience})" if record.patience else ""
        kept = next(p for p in record.patiences if p.patience == record.sufficient)
        text += (
            f" A patience of {record.sufficient} would have kept the top {record.top} results"
            f"{used} with {kept.share:.0%} of the epochs that ran."
        )
    if record.no_replay:
        text += f" What another patience would have done cannot be told: {record.no_replay}."
    elif not record.stopped_early:
        text += " No trial was stopped, so patience has cost nothing."
    elif record.control_regret is not None:
        text += (
            f" {record.controls} control trials ran to the end: patience {record.patience} would "
            f"have cost them {record.control_regret:.4f} on average."
        )
    else:
        text += (
            " No control trial ran to the end, so what the patience used has cost is unknown: "
            "hydra.sweeper.control=5% makes some."
        )
    return text
