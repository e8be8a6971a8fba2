"""There are too few validation samples for differences to mean much."""

from __future__ import annotations

from statistics import fmean

from zmodel.analysis.diagnostics.search import noise
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import new_study
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.noise import standard_error
from zmodel.analysis.statistics.selection import fixed
from zmodel.study.trial_attributes import attr

CODE = "small_validation"
CHECK = "enough samples validate the trials"
# from this standard error on, the 95 % interval of an accuracy is wider than .2
WARNING = 0.05
# and where one sample more or less changes an accuracy by more than this, ties are common
STEP = 0.02


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(noise.data)
    if found is None:
        return None
    value = found.trials[0].value
    # the best of many values is too good, and so would its error be
    error = standard_error(fmean(trial.value for trial in found.alike), found.samples)
    if error <= WARNING and 1 / found.samples <= STEP:
        return []
    ties = sum(trial.value == value for trial in found.trials)
    text = (
        f"Only {found.samples} samples validate a trial: values like the best, {value:.4g}, have a "
        f"standard error of {error:.3f}, and one sample more or less is {1 / found.samples:.3f}."
    )
    if ties > 1:
        text += f" {ties} trials share this value."
    evidence = {"samples": found.samples, "standard_error": error, "ties": ties}
    return [Verdict(CODE, "warning", text, None, evidence, _action(findings))]


def _action(findings: Findings) -> str:
    known = findings.study.attrs.get("fixed")
    split = (
        isinstance(known, dict)
        and "data.folds" in known
        and fixed(findings.study, "data.folds") in (None, "auto")
        and not any(attr(trial, "folds") for trial in findings.study.trials)
    )
    command = new_study(findings.study, "folds", {"data.folds": 5}) if split else None
    return command or "validate on more samples: all of them by data.folds=5, or collect more"
