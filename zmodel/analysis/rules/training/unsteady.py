"""The best trials differ by less than a lucky epoch adds to a value."""

from __future__ import annotations

from zmodel.analysis.diagnostics.training import late_epochs
from zmodel.analysis.diagnostics.training.late_epochs import LateTrials
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict

CODE = "unsteady"
CHECK = "the best trials end steadily"
# a lucky epoch that adds less, as a part of the best value, is no matter: selection_optimism counts
# from there too; figures: docs/measured/verdicts.md
MATTERS = 0.02
# a high quantile of the gradient norm this many times its median: single steps jump
SPIKES = 5.0


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(late_epochs.data)
    if found is None:
        return None
    text = [*_noise(found), *_gradient(found)]
    if not text:
        return []
    best = found.trials[0]
    evidence = {
        "noise": found.noise,
        "luck": found.luck,
        "gap": found.gap,
        "gradient_median": best.gradient_median,
        "gradient_high": best.gradient_high,
        "clipped_at": found.clipped_at,
    }
    return [Verdict(CODE, "note", " ".join(text), None, evidence)]


def _noise(found: LateTrials) -> list[str]:
    if found.luck <= max(found.gap, MATTERS * abs(found.trials[0].value)):
        return []
    return [
        f"In their last epochs the {len(found.trials)} best trials vary by {found.noise:.2g} from "
        f"epoch to epoch. The best of such epochs adds {found.luck:.2g} to a value by luck, and "
        f"the trials differ by {found.gap:.2g}: their order is that of lucky epochs. Let the "
        "learning rate fall towards the end (callbacks=cool_down), average weights, or validate on "
        "more samples."
    ]


def _gradient(found: LateTrials) -> list[str]:
    best = found.trials[0]
    if best.gradient_high is None or not best.gradient_median:
        return []
    if found.clipped_at is not None and best.gradient_median > found.clipped_at:
        return [
            f"Gradients of the best trial are clipped at {found.clipped_at:g} in most epochs "
            f"(median norm {best.gradient_median:.2g}): clipping then only scales the learning "
            "rate. Clip near a high quantile of the norm."
        ]
    if found.clipped_at is None and best.gradient_high > SPIKES * best.gradient_median:
        return [
            f"The gradient norm of the best trial jumps: its 90 % quantile is "
            f"{best.gradient_high:.2g}, its median {best.gradient_median:.2g}. Clip it near the "
            "quantile, trainer.gradient_clip_val, or warm the learning rate up."
        ]
    return []
