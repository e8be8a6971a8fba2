"""Learning curves of the tested runs, one per seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.diagnostics.training.curves import LOSS, SCORES
from zmodel.analysis.page import axes, style
from zmodel.analysis.page.value_axis import value_axis
from zmodel.final.summary import FinalResult
from zmodel.study.run_folder import read_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Learning curves"
QUESTION = "Did every seed learn alike?"
SIZE = (style.WIDTH, 2.9)


@dataclass(frozen=True)
class Learning:
    """`curves`: seed -> metric -> epoch, counted from 1 -> value. `retrained`: validation samples
    were trained on, so their curve is no estimate of anything."""

    curves: dict[int, dict[str, dict[int, float]]]
    retrained: bool
    objective: str = "acc"

    @property
    def score(self) -> tuple[str, str, str]:
        """What is drawn beside the loss: its name, and the metrics of training and validation."""
        logged = {metric for curves in self.curves.values() for metric in curves}
        own = (self.objective, f"train/{self.objective}", f"val/{self.objective}")
        return next((pair for pair in SCORES if logged & set(pair[1:])), own)


def data(result: FinalResult) -> Learning:
    curves = {
        t.run.seed: {
            metric: {epoch + 1: value for epoch, value in sorted(curve.items())}
            for metric, curve in read_metrics(t.run.folder).items()
        }
        for t in result.tested
    }
    objective = result.plan.metric.removeprefix("val/").removesuffix("_best")
    return Learning(curves, result.retrained, objective)


def draw(record: Learning, ax: Axes) -> None:
    pairs = (LOSS, record.score)
    for panel, (name, train, val) in zip(style.panels(ax, 1, 2), pairs, strict=True):
        for i, curves in enumerate(record.curves.values()):
            lines = ((train, "training", style.TRAIN), (val, "validation", style.ACCENT))
            for metric, label, color in lines:
                curve = curves.get(metric, {})
                look: style.Look = {"color": color, "linewidth": 1.1, "alpha": 0.8}
                panel.plot(list(curve), list(curve.values()), label=None if i else label, **look)
        axes.whole_numbers(panel, "x")
        panel.set_xlabel("epoch")
        known = (
            v for c in record.curves.values() for m in (train, val) for v in c.get(m, {}).values()
        )
        value_axis(panel, name, known, "loss" not in name and "mse" not in name)
        axes.legend_above(panel, 1)


def rows(record: Learning) -> list[dict[str, Any]]:
    return [
        {"seed": seed, "metric": metric, "epoch": epoch, "value": value}
        for seed, curves in record.curves.items()
        for metric, curve in curves.items()
        for epoch, value in curve.items()
    ]


def caption(record: Learning) -> str:
    text = f"The winner's {len(record.curves)} runs, a line for each seed."
    if record.retrained:
        text += " They were trained on the validation samples too, whose curve shows nothing new."
    return text
