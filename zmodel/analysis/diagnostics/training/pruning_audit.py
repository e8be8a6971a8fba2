"""The pruning audit: what real pruners would have done to the learning curves of this study.

See replay.py for how, and for the limits. Hyperband draws its brackets from the study's name and
the trial's number, so it is replayed under several names and its figures are means over them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import (
    BasePruner,
    MedianPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    WilcoxonPruner,
)

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.replay.audit import Audit, audit, by_value
from zmodel.analysis.replay.patience import allowance, own_allowance
from zmodel.analysis.replay.replay import events, replay, replayable
from zmodel.analysis.statistics.selection import (
    drawn,
    need_objective_curves,
    score,
    short,
    structural,
)
from zmodel.compat.optuna.hyperband import CachedHyperband
from zmodel.study.cells import Cells, cells_of
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Pruning audit"
QUESTION = "Which of these trials would a pruner have killed, at which depths, and at what price?"
MOST = 1000
LEAST = 5
BRACKET_NAMES = 5
LABELS = {
    "median": "median",
    "percentile": "percentile 25",
    "asha": "successive halving (ASHA)",
    "hyperband": "Hyperband",
    "wilcoxon": "Wilcoxon",
}

SHORT = {
    "median": "median",
    "percentile": "perc. 25",
    "asha": "ASHA",
    "hyperband": "Hyperband",
    "wilcoxon": "Wilcoxon",
}


@dataclass(frozen=True)
class Pruning:
    """`epochs_allowed`: what all trials might have used; the rest early stopping saved."""

    param: str | None
    labels: tuple[str, ...]
    trials: int
    trials_by_value: dict[str, int]
    sampled: bool
    already_pruned: int
    epochs_run: int
    epochs_allowed: int
    audits: tuple[Audit, ...]
    skipped: dict[str, str]


def data(study: StudyRecord) -> Pruning:
    if len(study.directions) > 1:
        raise Unavailable("pruners work on one objective, this study has several")
    need_objective_curves(study)
    trials = replayable(study)
    complete = [t for t in trials if score(study, t) is not None and t.state == "complete"]
    if len(complete) < LEAST:
        raise Unavailable(
            f"needs at least {LEAST} completed trials that reported a value per epoch, "
            f"the study has {len(complete)}"
        )
    sampled = len(trials) > MOST
    trials = drawn(trials, MOST)
    param = structural(study)[0] if structural(study) else None
    cells = cells_of(study, param) if param else None
    audits, skipped = _audits(study, trials, cells)
    most = allowance(study, trials)
    return Pruning(
        param,
        cells.labels if cells else (),
        len(trials),
        by_value(trials, cells),
        sampled,
        sum(t.state == "pruned" for t in trials),
        sum(len(t.curve) for t in trials),
        sum(own_allowance(t, most) for t in trials),
        tuple(audits),
        skipped,
    )


def _pruners(
    study: StudyRecord, trials: Sequence[TrialRecord]
) -> dict[str, tuple[Callable[[], BasePruner], int]]:
    """Name -> (a new pruner of Optuna's defaults, number of replays)."""
    resource = max(max(t.curve) for t in trials) + 1
    return {
        "median": (MedianPruner, 1),
        "percentile": (lambda: PercentilePruner(25.0), 1),
        "asha": (SuccessiveHalvingPruner, 1),
        "hyperband": (lambda: CachedHyperband(max_resource=resource), BRACKET_NAMES),
        "wilcoxon": (WilcoxonPruner, 1),
    }


def _audits(
    study: StudyRecord, trials: list[TrialRecord], cells: Cells | None
) -> tuple[list[Audit], dict[str, str]]:
    ordered = events(trials)
    audits, skipped = [], {}
    for name, (make, replays) in _pruners(study, trials).items():
        if name == "wilcoxon" and not _steps_are_instances(study, trials):
            skipped[name] = (
                "it presumes that a trial's value is the mean of what it reports, such as folds "
                "of a cross-validation; here the steps are epochs of one learning curve"
            )
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            pruners = [make() for _ in range(replays)]
        kills = [
            replay(pruner, trials, ordered, study.directions[0], _name(study, i))
            for i, pruner in enumerate(pruners)
        ]
        audits.append(audit(study, name, trials, cells, kills))
    return audits, skipped


def _name(study: StudyRecord, assignment: int) -> str:
    return study.name if assignment == 0 else f"{study.name}#{assignment}"


def _steps_are_instances(study: StudyRecord, trials: Sequence[TrialRecord]) -> bool:
    complete = [t for t in trials if score(study, t) is not None and t.state == "complete"]
    spread = np.ptp([t.value for t in complete]) or 1.0
    close = [abs(fmean(t.curve.values()) - t.value) <= 0.01 * spread for t in complete]  # type: ignore[operator]
    return fmean(close) >= 0.9


def draw(record: Pruning, ax: Axes) -> None:
    left, right = style.panels(ax, 1, 2, width_ratios=[3, 2])
    killed = [
        [a.killed_by_value[label] / max(1, total) for a in record.audits]
        for label, total in record.trials_by_value.items()
    ]
    marks.grouped(left, killed, style.ramp(len(killed)), record.labels)
    axes.shares(left, "share of trials killed")
    axes.categories(left, [SHORT[a.pruner] for a in record.audits], "pruner")
    if record.param:
        axes.legend_above(left, 6, title=short(record.param))
    for i, one in enumerate(record.audits):
        if one.regret is not None and one.regret_range is not None:
            saved, color = one.epochs_saved / max(1, record.epochs_run), style.SERIES[i]
            marks.interval(right, saved, *one.regret_range, color=color, linewidth=1.2)
            look: style.Look = {"marker": style.MARKERS[i], "label": SHORT[one.pruner]}
            marks.dots(right, [saved], [one.regret], color, 60, alpha=1, zorder=3, **look)
    right.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    right.set_xlim(0, 1)
    most = max((one.regret_range[1] for one in record.audits if one.regret_range), default=0.0)
    right.set_ylim(-0.05 * (most or 1), 1.1 * (most or 1))
    right.set_xlabel("epochs saved")
    right.set_ylabel("regret of the best survivor")
    axes.legend_above(right, 2)


def rows(record: Pruning) -> list[Row]:
    return [
        {
            **flat(a),
            "trials": record.trials,
            **{f"top_{share:.0%}_killed": f"{n:g} of {of}" for share, (n, of) in a.top.items()},
            "epochs_saved_share": a.epochs_saved / max(1, record.epochs_run),
            **{
                f"killed_at_{label}": f"{n:g} of {record.trials_by_value[label]}"
                for label, n in a.killed_by_value.items()
            },
        }
        for a in record.audits
    ]


def details(record: Pruning) -> tuple[str, list[Row]]:
    """The best tenth of the trials that a pruner would have killed: when, and at which rank."""
    complete = max((a.top[max(a.top)][1] for a in record.audits), default=0)
    return "Trials of the best tenth that would have died", [
        {
            "pruner": audited.pruner,
            "trial": kill.number,
            short(record.param) if record.param else "value": kill.label,
            "final_rank": kill.rank,
            "killed_at_epoch": kill.epoch + 1,
            "rank_then": f"{kill.rank_then} of {kill.of_then}",
        }
        for audited in record.audits
        for kill in audited.kills
        if kill.rank is not None and kill.rank <= complete
    ]


def caption(record: Pruning) -> str:
    worst = max(record.audits, key=lambda a: a.regret or 0.0)
    parts = [f"{record.trials:,} recorded curves replayed through Optuna's own pruners"]
    parts[0] += " (a random sample of the study)." if record.sampled else "."
    if worst.regret:
        parts.append(
            f"Most would have been lost by {LABELS[worst.pruner]}: its best survivor is "
            f"{worst.regret:.4f} worse than the best trial."
        )
    else:
        parts.append("None would have lost the best value.")
    kept = 1 - record.epochs_run / max(1, record.epochs_allowed)
    if kept > 0:
        parts.append(f"Early stopping had already saved {kept:.0%} of the epochs allowed.")
    if record.already_pruned:
        parts.append(
            f"{record.already_pruned} of the curves were pruned in the study itself and end there."
        )
    parts.append("The sampler's reaction to pruned trials is not replayed.")
    parts += [f"{LABELS[name]} left out: {reason}." for name, reason in record.skipped.items()]
    return " ".join(parts)
