"""The best trial fits training data much better than validation data."""

from __future__ import annotations

from zmodel.analysis.diagnostics.training import overfitting
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict

CODE = "overfitting"
CHECK = "the best trial does about as well on validation as on training data"
WARNING, NOTE = 0.10, 0.05
LOSS_RISE = 0.5


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(overfitting.data)
    if found is None:
        return None
    fit = found.best
    rises = fit.loss_rise is not None and fit.loss_rise >= LOSS_RISE
    if fit.gap < NOTE and not rises:
        return []
    text = (
        f"The best trial ({fit.trial}) reaches {fit.train_acc:.3f} on training and "
        f"{fit.val_acc:.3f} on validation data: a gap of {fit.gap:.3f}."
    )
    if rises:
        text += f" Its validation loss ended {fit.loss_rise:.0%} above its least."
    return [
        Verdict(
            CODE,
            "warning" if fit.gap >= WARNING else "note",
            text,
            None,
            {
                "train_acc": fit.train_acc,
                "val_acc": fit.val_acc,
                "gap": fit.gap,
                "val_loss_rise": fit.loss_rise,
            },
            "search over more regularisation: dropout, weight decay, augmentation, smaller width"
            if fit.gap >= WARNING
            else None,
        )
    ]
