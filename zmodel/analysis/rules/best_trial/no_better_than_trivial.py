"""The best trial is no better than always naming the most frequent class."""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import noise
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import new_study
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.noise import Validation, chance_to_reach
from zmodel.core.never_learned import never_learned

CODE = "no_better_than_trivial"
CHECK = "the best trial beats the most frequent class"
CHANCE = 0.05


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(noise.data)
    if found is None or findings.study.directions[0] != "maximize":
        return None
    value, n = found.trials[0].value, found.samples
    known = Validation(n, found.majority)
    chance = chance_to_reach(value, known, len(found.trials))
    if chance < CHANCE:
        return []
    level = found.majority * n + 0.5
    at_level = sum(round(t.value * n) <= level for t in found.trials)
    most = round(found.majority * n)
    alarm = never_learned(value, [most, n - most])
    text = (
        f"Always predicting the most frequent class gives {found.majority:.4g}. The best trial "
        f"reaches {value:.4g} on {n} samples. Chance alone would give the best of "
        f"{len(found.trials)} trials as much with a probability of {chance:.2g}."
    )
    if at_level:
        text += f" {at_level} trials are not better than that."
    evidence = {"majority": found.majority, "best": value, "samples": n, "chance": chance}
    return [
        Verdict(
            CODE,
            "alarm" if alarm else "warning",
            text,
            None,
            evidence | {"at_majority": at_level},
            new_study(
                findings.study,
                "balanced",
                {"optimized_metric": "val/f1_best", "model.class_weights": "balanced"},
            )
            or "judge by the macro average of F1, and weight the classes",
        )
    ]
