"""The one command that a study recommends next, and why.

As in `analyze.py study=NAME next=true`.
"""

from __future__ import annotations

from dataclasses import dataclass

from zmodel.analysis.diagnostics.search import final, further_trials
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import (
    final_command,
    is_command,
    more_trials,
    predict_command,
    run_command,
    sweep_command,
    unfinished,
)
from zmodel.analysis.rules.verdict import Verdict, by_consequence
from zmodel.analysis.statistics.selection import count_states, scored


@dataclass(frozen=True)
class NextStep:
    """`command` is None where nothing can be run; `verdict` is the one that asks for it."""

    command: str | None
    why: str
    verdict: Verdict | None = None


def next_step(findings: Findings, verdicts: list[Verdict]) -> NextStep:
    """What to run next, by the verdicts, the noise and what further trials would gain."""
    study = findings.study
    if "command" not in study.attrs:
        return NextStep(None, "the study was not made by a sweep of zmodel, which has no command")
    counts = count_states(study.trials)
    stopped = isinstance(study.attrs.get("ended"), dict)
    if counts["running"] or (unfinished(study) and not stopped) or not scored(study):
        return NextStep(
            sweep_command(study, {}), f"its budget is not used up: {unfinished(study)} trials left"
        )
    asked = [v for v in verdicts if v.rank >= 2 and is_command(v.action)]
    if asked:
        worst = min(asked, key=by_consequence)
        return NextStep(worst.action, f"{worst.severity} {worst.code}: {worst.message}", worst)
    return _search_on(findings) or _confirm(findings)


def _search_on(findings: Findings) -> NextStep | None:
    """More trials in the same study, when they may gain what can be seen.

    A next round was measured to gain no more (docs/measured/verdicts.md).
    """
    study, found = findings.study, findings.get(further_trials.data)
    if found is None or found.error is None or (found.study.high or 0.0) <= found.error:
        return None
    why = (
        f"{found.ahead} more trials may gain up to {found.study.high:.2g} (90 %), more than the "
        f"standard error of the best value, {found.error:.2g}"
    )
    return NextStep(more_trials(study, found.ahead, {}), why)


def _confirm(findings: Findings) -> NextStep:
    study = findings.study
    if findings.get(final.data) is None:
        return NextStep(
            final_command(study),
            "the search has no open problem, and further trials would hardly gain more than noise: "
            "the final stage retrains the best with new seeds and tests the winner",
        )
    done = "the search and its final stage are done"
    model = predict_command(study)
    if model is not None:
        return NextStep(model, f"{done}: this uses the final model on new samples")
    return NextStep(run_command(study), f"{done}: this trains the best again")
