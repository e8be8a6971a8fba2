"""Too few completed trials for the number of parameters searched."""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import duplicates
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import more_trials, unfinished
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.selection import scored

CODE = "few_trials"
CHECK = "there are enough completed trials for the number of parameters"
# completed trials per parameter that varies; TPE alone draws its first 10 at random
ALARM, WARNING, LEAST = 1, 4, 10


def judge(findings: Findings) -> list[Verdict] | None:
    study = findings.study
    complete = len({repr(sorted(t.params.items())) for t in scored(study)})
    varied = sum(not d.single() for d in study.space.values())
    wanted = max(LEAST, WARNING * varied)
    repeats = findings.get(duplicates.data)
    if repeats is not None and repeats.combinations is not None:
        wanted = min(wanted, repeats.combinations)  # a grid that was tried is known
    if complete >= wanted:
        return []
    severity = "alarm" if complete <= min(max(2, ALARM * varied), wanted) else "warning"
    missing, repeated = wanted - complete, len(scored(study)) - complete
    lost = sum(t.state == "complete" and not t.feasible for t in study.trials)
    kept = " within the constraints" if lost else ""
    thing = "completed configuration" if repeated else "completed trial"
    text = (
        f"{_number(complete, thing)}{kept} for {_number(varied, 'parameter')}: the "
        f"best one may be luck, and importances are guesses. At least {wanted} are needed."
    )
    if not complete:
        text = f"No trial has completed{kept}, so there is nothing to compare."
    return [
        Verdict(
            CODE,
            severity,
            text,
            None,
            {
                "completed": complete,
                "parameters": varied,
                "wanted": wanted,
                "unfinished": unfinished(study),
            },
            more_trials(study, missing, {})
            or f"complete {missing} more {'trial' if missing == 1 else 'trials'}",
        )
    ]


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
