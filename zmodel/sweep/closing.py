"""The last lines of a study: folder, best trial, verdict, next command."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from zmodel.study.cells import assignments
from zmodel.study.plain_text import in_lines, plain, terminal_width
from zmodel.study.records import StudyRecord, TrialRecord, load_study
from zmodel.study.storage.errors import StorageError
from zmodel.study.storage.opening import open_storage
from zmodel.study.storage.outage import StorageUnavailable
from zmodel.study.trial_attributes import state_of
from zmodel.sweep.launch.progress_lines import Labels

JUDGED_FROM = 20.0
"""Seconds of work in all trials."""
MOST_JUDGED = 2000
"""Trials."""
JUDGING = 10.0
"""Seconds that one diagnostic may take."""
INDENT = 9


def say_end(name: str, address: str, folder: Path, stopped: bool) -> None:
    """Print them; nothing when the study was refused before it was made, or cannot be read.

    Args:
        stopped: by a signal: the command that continues is known, and a prompt is waited for.
    """
    try:
        study = load_study(name, open_storage(address, create=False, read_only=True), folder)
    except (ValueError, StorageError, StorageUnavailable):
        return  # whoever met it before has said so
    shown = min(os.path.relpath(folder), str(folder), key=len)
    _say("study", [shown, *_counts(study)])
    report = _report_command(study, shown)
    judged = None if stopped or not _worth_judging(study) else _judged(study)
    if len(study.directions) == 1 and study.best_first:
        _say("best", _best(study, study.best_first[0], judged.error if judged else None))
    if stopped:
        return
    if judged is None:
        print(f"{'next':<{INDENT}}{report}")
        return
    _say("verdict", [judged.verdict])
    for head, command in (("report", report), ("next", judged.following)):
        if command:  # on one line, to be copied
            print(f"{head:<{INDENT}}{command}")


def _say(head: str, parts: list[str]) -> None:
    first, *further = parts
    width = terminal_width() - 1
    print("\n".join(in_lines([f"{head:<{INDENT}}{first}", *further], width, INDENT)))


def _counts(study: StudyRecord) -> list[str]:
    states = Counter(map(state_of, study.trials))
    return [f"{count:,} {state}" for state, count in states.most_common()]


def _best(study: StudyRecord, trial: TrialRecord, error: float | None) -> list[str]:
    value = Labels.of(study.attrs).values(trial.values or ())[0]
    spread = "" if error is None else f" ± {error:.2g}"
    return [f"trial {trial.number}: {value}{spread}", *assignments(trial.params)]


def _report_command(study: StudyRecord, folder: str) -> str:
    from zmodel.analysis.rules.suggested_commands import report_command

    usual = Path("logs", "studies", study.name)
    return report_command(study, study.name if Path(folder) == usual else folder)


def _worth_judging(study: StudyRecord) -> bool:
    """Not where judging takes longer than the study did, or than somebody waits for a prompt."""
    times = ((t.started, t.finished) for t in study.trials)
    seconds = sum((end - begin).total_seconds() for begin, end in times if begin and end)
    known = bool(study.best_first) and len(study.trials) <= MOST_JUDGED
    return known and seconds >= JUDGED_FROM


@dataclass(frozen=True)
class Conclusion:
    """What the study says.

    Attributes:
        verdict: what can be concluded.
        error: the standard error of the best value; None: not known.
        following: the command that the study asks for next.
    """

    verdict: str
    error: float | None
    following: str | None


def _judged(study: StudyRecord) -> Conclusion:
    # imports scipy: only where it is wanted
    from zmodel.analysis.findings import Findings
    from zmodel.analysis.headline import conclusion
    from zmodel.analysis.next_step import next_step
    from zmodel.analysis.rules.judge import judge
    from zmodel.analysis.statistics.noise import best_error

    findings = Findings(study, JUDGING)
    verdicts = judge(findings)
    command = next_step(findings, verdicts).command
    return Conclusion(
        conclusion(verdicts),
        best_error(study, study.best_first[0].value),
        None if command is None else plain(command),
    )
