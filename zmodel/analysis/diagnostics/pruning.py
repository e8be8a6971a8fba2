"""The pruning audit: what real pruners would have done to the learning curves of this study.

See replay.py for how, and for the limits. Hyperband draws its brackets from the study's name and
the trial's number, so it is replayed under several names and its figures are means over them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.pruners import (
    BasePruner,
    MedianPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    WilcoxonPruner,
)

from zmodel.analysis import style
from zmodel.analysis.cells import Cells, cells_of
from zmodel.analysis.replay import CachedHyperband, events, replay, replayable
from zmodel.analysis.selection import score, short, sign, structural
from zmodel.analysis.unavailable import Unavailable
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Pruning audit"
QUESTION = "Which of these trials would a pruner have killed, at which depths, and at what price?"
MOST = 1000
LEAST = 5
BRACKET_NAMES = 5
SHARES = (0.01, 0.05, 0.10)
LABELS = {
    "median": "median",
    "percentile": "percentile 25",
    "asha": "successive halving (ASHA)",
    "hyperband": "Hyperband",
    "wilcoxon": "Wilcoxon",
}


@dataclass(frozen=True)
class Kill:
    """A trial the pruner would have stopped. Ranks start at 1: `rank` among all completed trials
    in the end, `rank_then` among the trials with a value at `epoch`, both of `of`/`of_then`."""

    number: int
    label: str
    epoch: int
    rank: int | None
    rank_then: int
    of_then: int


@dataclass(frozen=True)
class Audit:
    """One pruner. Counts are means over `assignments` replays (1 but for Hyperband).

    `top`: share -> (killed, of); `regret`: the study's best value minus the best survivor's,
    never negative; `epochs_saved` of `epochs_run`; `best_killed`: share of the replays in which
    the best trial dies; `kills`: of the first replay.
    """

    pruner: str
    assignments: int
    killed: float
    killed_by_value: dict[str, float]
    top: dict[float, tuple[float, int]]
    best_survivor: float | None
    regret: float | None
    regret_range: tuple[float, float] | None
    best_killed: float
    epochs_saved: float
    kills: tuple[Kill, ...]


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
    epochs_allowed: int | None
    audits: tuple[Audit, ...]
    skipped: dict[str, str]


def data(study: StudyRecord) -> Pruning:
    if len(study.directions) > 1:
        raise Unavailable("pruners work on one objective, this study has several")
    trials = replayable(study)
    complete = [t for t in trials if score(study, t) is not None and t.state == "complete"]
    if len(complete) < LEAST:
        raise Unavailable(
            f"needs at least {LEAST} completed trials that reported a value per epoch, "
            f"the study has {len(complete)}"
        )
    sampled = len(trials) > MOST
    if sampled:
        chosen = np.random.default_rng(0).choice(len(trials), MOST, replace=False)
        trials = [trials[i] for i in sorted(chosen)]
    param = structural(study)[0] if structural(study) else None
    cells = cells_of(study, param) if param else None
    audits, skipped = _audits(study, trials, cells)
    return Pruning(
        param,
        cells.labels if cells else (),
        len(trials),
        _by_value(trials, cells),
        sampled,
        sum(t.state == "pruned" for t in trials),
        sum(len(t.curve) for t in trials),
        allowed(trials),
        tuple(audits),
        skipped,
    )


def allowed(trials: Sequence[TrialRecord]) -> int | None:
    """Epochs that all trials might have used; None when a trial did not record its allowance."""
    most = [t.attrs.get("max_epochs") for t in trials]
    if not all(isinstance(m, int) for m in most):
        known = [m for m in most if isinstance(m, int)]
        # pruned and failed trials may end before they record it; it is the same for all
        return max(known) * len(trials) if known else None
    return sum(most)  # type: ignore[arg-type]


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
        kills = [
            replay(make(), trials, ordered, study.directions[0], _name(study, i))
            for i in range(replays)
        ]
        audits.append(_audit(study, name, trials, cells, kills))
    return audits, skipped


def _name(study: StudyRecord, assignment: int) -> str:
    return study.name if assignment == 0 else f"{study.name}#{assignment}"


def _steps_are_instances(study: StudyRecord, trials: Sequence[TrialRecord]) -> bool:
    complete = [t for t in trials if score(study, t) is not None and t.state == "complete"]
    spread = np.ptp([t.value for t in complete]) or 1.0
    close = [abs(fmean(t.curve.values()) - t.value) <= 0.01 * spread for t in complete]  # type: ignore[operator]
    return fmean(close) >= 0.9


def _by_value(trials: Sequence[TrialRecord], cells: Cells | None) -> dict[str, int]:
    if cells is None:
        return {}
    return {
        label: len(group) for label, group in zip(cells.labels, cells.split(trials), strict=True)
    }


def _audit(
    study: StudyRecord,
    name: str,
    trials: list[TrialRecord],
    cells: Cells | None,
    replays: list[dict[int, int]],
) -> Audit:
    by_number = {t.number: t for t in trials}
    order = sorted(
        (t for t in trials if t.state == "complete" and score(study, t) is not None),
        key=lambda t: -(score(study, t) or 0.0),
    )
    survivors = [next((t for t in order if t.number not in k), None) for k in replays]
    regrets = [abs(order[0].value - t.value) for t in survivors if t is not None]  # type: ignore[operator]
    killed_by = [_by_value([by_number[n] for n in k], cells) for k in replays]
    tops = {share: order[: max(1, round(share * len(order)))] for share in SHARES}
    return Audit(
        pruner=name,
        assignments=len(replays),
        killed=fmean(len(k) for k in replays),
        killed_by_value={
            label: fmean(k[label] for k in killed_by) for label in (cells.labels if cells else ())
        },
        top={
            share: (fmean(sum(t.number in k for t in group) for k in replays), len(group))
            for share, group in tops.items()
        },
        best_survivor=fmean(t.value for t in survivors if t is not None) if regrets else None,  # type: ignore[misc]
        regret=fmean(regrets) if regrets else None,
        regret_range=(min(regrets), max(regrets)) if regrets else None,
        best_killed=fmean(order[0].number in k for k in replays),
        epochs_saved=fmean(_saved(by_number, k) for k in replays),
        kills=_kills(study, by_number, order, cells, replays[0]),
    )


def _saved(trials: dict[int, TrialRecord], killed: dict[int, int]) -> int:
    return sum(sum(s > step for s in trials[number].curve) for number, step in killed.items())


def _kills(
    study: StudyRecord,
    trials: dict[int, TrialRecord],
    order: list[TrialRecord],
    cells: Cells | None,
    killed: dict[int, int],
) -> tuple[Kill, ...]:
    rank = {t.number: i + 1 for i, t in enumerate(order)}
    at_epoch: dict[int, np.ndarray] = {}
    kills = []
    for number, epoch in killed.items():
        if epoch not in at_epoch:
            found = [sign(study) * t.curve[epoch] for t in trials.values() if epoch in t.curve]
            at_epoch[epoch] = np.asarray(found)
        own = sign(study) * trials[number].curve[epoch]
        at = (
            cells.index(trials[number].params[cells.param]) if _has(cells, trials[number]) else None
        )
        kills.append(
            Kill(
                number,
                cells.labels[at] if cells and at is not None else "",
                epoch,
                rank.get(number),
                1 + int(np.sum(at_epoch[epoch] > own)),
                len(at_epoch[epoch]),
            )
        )
    return tuple(sorted(kills, key=lambda k: (k.rank is None, k.rank, k.number)))


def _has(cells: Cells | None, trial: TrialRecord) -> bool:
    return cells is not None and cells.param in trial.params


def draw(record: Pruning, ax: Axes) -> None:
    names = [LABELS[a.pruner] for a in record.audits]
    left, right = style.panels(ax, 1, 2, width_ratios=[3, 2])
    colors = style.ramp(len(record.labels))
    width = 0.8 / max(1, len(record.labels))
    for i, label in enumerate(record.labels):
        total = record.trials_by_value[label]
        shares = [a.killed_by_value[label] / total if total else 0.0 for a in record.audits]
        places = [x + (i - (len(record.labels) - 1) / 2) * width for x in range(len(names))]
        left.bar(places, shares, width * 0.92, color=colors[i], linewidth=0, label=label)
    left.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
    left.set_ylim(0, 1)
    left.set_ylabel("share of trials killed")
    style.categories(left, [name.replace(" (", "\n(") for name in names], "pruner")
    if record.param:
        style.legend_above(left, 6, title=short(record.param))
    _draw_price(record, right)


def _draw_price(record: Pruning, ax: Axes) -> None:
    for i, audit in enumerate(record.audits):
        if audit.regret is None or audit.regret_range is None:
            continue
        saved = audit.epochs_saved / max(1, record.epochs_run)
        ax.vlines(saved, *audit.regret_range, color=style.SERIES[i], linewidth=1.2)
        ax.scatter(
            [saved],
            [audit.regret],
            s=60,
            color=style.SERIES[i],
            zorder=3,
            marker=style.MARKERS[i],
            label=LABELS[audit.pruner].split(" (")[0],
        )
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    ax.set_xlim(0, 1)
    ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
    ax.set_xlabel("epochs saved")
    ax.set_ylabel("regret of the best survivor")
    style.legend_above(ax, 2)


def rows(record: Pruning) -> list[dict[str, Any]]:
    return [
        {
            "pruner": a.pruner,
            "replays": a.assignments,
            "trials": record.trials,
            "killed": a.killed,
            **{f"top_{share:.0%}_killed": f"{n:g} of {of}" for share, (n, of) in a.top.items()},
            "best_trial_killed": a.best_killed,
            "best_survivor": a.best_survivor,
            "regret": a.regret,
            "epochs_saved": a.epochs_saved,
            "epochs_saved_share": a.epochs_saved / max(1, record.epochs_run),
            **{
                f"killed_at_{label}": f"{n:g} of {record.trials_by_value[label]}"
                for label, n in a.killed_by_value.items()
            },
        }
        for a in record.audits
    ]


def caption(record: Pruning) -> str:
    worst = max(record.audits, key=lambda a: a.regret or 0.0)
    parts = [f"{record.trials:,} recorded curves replayed through Optuna's own pruners"]
    parts[0] += " (a random sample of the study)." if record.sampled else "."
    if worst.regret:
        parts.append(
            f"{LABELS[worst.pruner]} would have cost most: {worst.regret:.4f} of the best value."
        )
    else:
        parts.append("None would have lost the best value.")
    if record.epochs_allowed:
        kept = 1 - record.epochs_run / record.epochs_allowed
        parts.append(f"Early stopping had already saved {kept:.0%} of the epochs allowed.")
    if record.already_pruned:
        parts.append(
            f"{record.already_pruned} of the curves were pruned in the study itself and end there."
        )
    parts.append("The sampler's reaction to pruned trials is not replayed.")
    parts += [f"{LABELS[name]} left out: {reason}." for name, reason in record.skipped.items()]
    return " ".join(parts)
