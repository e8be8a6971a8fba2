"""What real pruners would have done to this study's curves.

See replay.py for how, and for the limits. Hyperband draws its brackets from the study's name and
the trial's number, so it is replayed under several names and its figures are means over them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optuna.exceptions import ExperimentalWarning

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.replay.audit import Audit, audit, by_value
from zmodel.analysis.replay.pruners import pruners_of, steps_are_instances
from zmodel.analysis.replay.replay import events, replay, replayable
from zmodel.analysis.statistics.selection import (
    drawn,
    need_objective_curves,
    score,
    short,
    structural,
)
from zmodel.study.cells import Cells, cells_of
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Pruning audit"
QUESTION = "Which of these trials would a pruner have killed, at which depths, and at what price?"
MOST = 1000
LEAST = 5
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
    param: str | None
    labels: tuple[str, ...]
    trials: int
    trials_by_value: dict[str, int]
    sampled: bool
    already_pruned: int
    epochs_run: int
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
    return Pruning(
        param,
        cells.labels if cells else (),
        len(trials),
        by_value(trials, cells),
        sampled,
        sum(t.state == "pruned" for t in trials),
        sum(len(t.curve) for t in trials),
        tuple(audits),
        skipped,
    )


def _audits(
    study: StudyRecord, trials: list[TrialRecord], cells: Cells | None
) -> tuple[list[Audit], dict[str, str]]:
    ordered = events(trials)
    audits, skipped = [], {}
    for name, (make, replays) in pruners_of(study, trials).items():
        if name == "wilcoxon" and not steps_are_instances(study, trials):
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


def draw(record: Pruning, ax: Axes) -> None:
    if not _lost(record):
        _draw_killed(record, ax)
        return
    upper, lower = style.panels(ax, 2, 1)
    _draw_killed(record, upper)
    for i, one in enumerate(record.audits):
        if one.regret is not None and one.regret_range is not None:
            saved = one.epochs_saved / max(1, record.epochs_run)
            marks.interval(lower, saved, *one.regret_range, color=style.MUTED, linewidth=1.2)
            look: style.Look = {"marker": style.MARKERS[i], "label": SHORT[one.pruner]}
            marks.dots(lower, [saved], [one.regret], style.INK, 50, alpha=1, zorder=3, **look)
    lower.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    lower.set_xlim(0, 1)
    most = max((one.regret_range[1] for one in record.audits if one.regret_range), default=0.0)
    lower.set_ylim(-0.05 * most, 1.1 * most)
    lower.set_xlabel("epochs saved")
    lower.set_ylabel("value lost")
    axes.legend_above(lower, 4)


def _lost(record: Pruning) -> bool:
    """Whether some pruner would have lost the best value in some replay."""
    return any(one.regret_range and one.regret_range[1] > 0 for one in record.audits)


def size(record: Pruning) -> tuple[float, float]:
    return style.WIDTH, 4.8 if _lost(record) else 2.9


def _draw_killed(record: Pruning, ax: Axes) -> None:
    killed = [
        [a.killed_by_value[label] / max(1, total) for a in record.audits]
        for label, total in record.trials_by_value.items()
    ]
    marks.grouped(ax, killed, style.ramp(len(killed)), record.labels)
    axes.shares(ax, "trials killed")
    saved = [a.epochs_saved / max(1, record.epochs_run) for a in record.audits]
    names = zip(record.audits, saved, strict=True)
    axes.categories(ax, [f"{SHORT[a.pruner]}\n{share:.0%}" for a, share in names], "epochs saved")
    if record.param:
        axes.legend_above(ax, 6, title=short(record.param))


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
    if record.already_pruned:
        parts.append(
            f"{record.already_pruned} of the curves were pruned in the study itself and end there."
        )
    parts.append("The sampler's reaction to pruned trials is not replayed.")
    parts += [f"{LABELS[name]} left out: {reason}." for name, reason in record.skipped.items()]
    return " ".join(parts)
