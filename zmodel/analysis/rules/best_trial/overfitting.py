"""The best trial fits training data much better than validation data."""

from __future__ import annotations

from zmodel.analysis.diagnostics.training import overfitting
from zmodel.analysis.diagnostics.training.overfitting import Overfitting
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.selection import listed, short
from zmodel.study.records import StudyRecord

CODE = "overfitting"
CHECK = "the best trial does about as well on validation as on training data"
WARNING, NOTE = 0.10, 0.05
LOSS_RISE = 0.5
REGULARISERS = ("dropout", "weight_decay", "label_smoothing", "max_shift")
"""Where one of them was searched, the search has had the choice of a smaller gap."""


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(overfitting.data)
    if found is None:
        return None
    fit = found.best
    rises = fit.loss_rise is not None and fit.loss_rise >= LOSS_RISE
    depths = _of_depths(found)
    if fit.gap < NOTE and not rises:
        return depths
    text = (
        f"The best trial ({fit.trial}) reaches {fit.train_acc:.3f} on training and "
        f"{fit.val_acc:.3f} on validation data: a gap of {fit.gap:.3f}."
    )
    if rises:
        text += f" Its validation loss ended {fit.loss_rise:.0%} above its least."
    searched = _searched(findings.study)
    if searched:
        text += f" The search was free to lessen it by {listed(searched)}."
    open_ = fit.gap >= WARNING and not searched
    return [
        Verdict(
            CODE,
            "warning" if open_ else "note",
            text,
            None,
            {
                "train_acc": fit.train_acc,
                "val_acc": fit.val_acc,
                "gap": fit.gap,
                "val_loss_rise": fit.loss_rise,
            },
            "search over more regularisation: dropout, weight decay, augmentation, smaller width"
            if open_
            else None,
        ),
        *depths,
    ]


def _searched(study: StudyRecord) -> list[str]:
    """The regularisers of the space, by their short names."""
    free = [name for name, distribution in study.space.items() if not distribution.single()]
    return [short(name) for name in free if short(name) in REGULARISERS]


def _of_depths(found: Overfitting) -> list[Verdict]:
    """The best trials of other depths than the best one's: a depth may look bad by that alone."""
    others = [f for f in found.best_of_depths if f.depth != found.best.depth and f.gap >= WARNING]
    if not others or found.param is None:
        return []
    told = ", ".join(f"{f.depth} (gap {f.gap:.2f}, trial {f.trial})" for f in others)
    text = (
        f"The best trials at {short(found.param)} = {told} over-fit: with more regularisation "
        "these values may reach more than they show."
    )
    gaps = {str(f.depth): f.gap for f in others}
    return [Verdict(CODE, "note", text, found.param, {"gaps": gaps})]
