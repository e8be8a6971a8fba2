"""The best trial on training and validation data: the gap at its best epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.depths import Depths, depths_of
from zmodel.analysis.statistics.selection import by_depth, need_scored, ranked, structural
from zmodel.study.cells import Cells, cells_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.run_folder import metrics_of, read_metrics, run_folder
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Overfitting"
QUESTION = "Do the best trials know the training data better than the validation data?"
SIZE = (style.WIDTH, 3.6)
MOST = 30


@dataclass(frozen=True)
class Fit:
    """How much better a trial does on training than on validation data.

    Accuracies at the trial's best epoch; `loss_rise`: validation loss from its least to the
    end, as a share of its least."""

    trial: int
    depth: str | None
    train_acc: float
    val_acc: float
    loss_rise: float | None

    @property
    def gap(self) -> float:
        return self.train_acc - self.val_acc


@dataclass(frozen=True)
class Overfitting:
    """The best trial first, then the next best."""

    param: str | None
    labels: tuple[str, ...]
    trials: tuple[Fit, ...]
    palette: Depths

    @property
    def best(self) -> Fit:
        return self.trials[0]

    @property
    def best_of_depths(self) -> list[Fit]:
        """The best trial of each depth, in order of the depths."""
        fits = (next((f for f in self.trials if f.depth == z), None) for z in self.labels)
        return [fit for fit in fits if fit is not None]


def data(study: StudyRecord) -> Overfitting:
    param = next(iter(structural(study)), None)
    need_scored(study)
    cells = cells_of(study, param) if param else None
    order = ranked(study)
    first = [next(iter(group), None) for group in by_depth(study, order).values()]
    shown = [t for at, t in enumerate(order) if at < MOST or t in first]
    fits = [_fit(study, trial, cells) for trial in shown]
    if fits[0] is None:
        raise Unavailable(
            "the best trial recorded no train/acc and val/acc, neither as attributes nor in its "
            "run folder"
        )
    labels = cells.labels if cells else ()
    return Overfitting(param, labels, tuple(fit for fit in fits if fit), depths_of(study))


def _fit(study: StudyRecord, trial: TrialRecord, cells: Cells | None) -> Fit | None:
    folder = run_folder(study, trial)
    curves = read_metrics(folder) if folder else {}
    train, val = curves.get("train/acc", {}), curves.get("val/acc", {})
    depth = cells.label_of(trial) if cells else None
    common = sorted(train.keys() & val.keys())
    if common:
        kept = attr(trial, "best_epoch")
        epoch = kept if kept in common else max(common, key=lambda e: val[e])
        return Fit(trial.number, depth, train[epoch], val[epoch], _rise(curves.get("val/loss")))
    metrics = metrics_of(study, trial)
    if "train/acc" in metrics and "val/acc" in metrics:
        return Fit(trial.number, depth, metrics["train/acc"], metrics["val/acc"], None)
    return None


def _rise(losses: dict[int, float] | None) -> float | None:
    if not losses:
        return None
    least = min(losses.values())
    return losses[max(losses)] / least - 1 if least > 0 else None


def draw(record: Overfitting, ax: Axes) -> None:
    places = [f.train_acc for f in record.trials], [f.val_acc for f in record.trials]
    marks.trials(ax, *places, [f.trial for f in record.trials], record.palette, 26)
    marks.depth_legend(ax, record.palette)
    marks.ring(ax, record.best.train_acc, record.best.val_acc, "best trial")
    ends = [
        way(acc for f in record.trials for acc in (f.train_acc, f.val_acc)) for way in (min, max)
    ]
    ax.plot(ends, ends, color=style.MUTED, linewidth=1, linestyle=":", label="no gap")
    both = [acc for fit in record.trials for acc in (fit.train_acc, fit.val_acc)]
    value_axis(ax, "training accuracy", both, True, "x")
    value_axis(ax, "validation accuracy", both, True)
    axes.legend_above(ax)


def rows(record: Overfitting) -> list[Row]:
    return [flat(fit) | {"gap": fit.gap} for fit in record.trials]


def caption(record: Overfitting) -> str:
    fit = record.best
    text = (
        f"Best trial ({fit.trial}), at its best epoch: training accuracy {fit.train_acc:.3f}, "
        f"validation accuracy {fit.val_acc:.3f}, gap {fit.gap:+.3f}."
    )
    if fit.loss_rise is not None:
        text += f" Its validation loss ended {fit.loss_rise:.0%} above its least."
    return text
