"""One round of `analyze.py`: the verdicts on studies, and the page that shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zmodel.analysis.comparison.compare import compare
from zmodel.analysis.comparison.comparison_page import folder_name, write_comparison
from zmodel.analysis.findings import Findings
from zmodel.analysis.live.so_far import running_lines, so_far
from zmodel.analysis.page.report import write_report
from zmodel.analysis.page.terminal import overview, side_by_side, verdict_lines
from zmodel.analysis.rules.judge import judge, judge_late
from zmodel.analysis.rules.verdict import Verdict
from zmodel.study.folder import study_folder
from zmodel.study.notes import notes_of
from zmodel.study.records import StudyRecord, find_study
from zmodel.study.trial_attributes import attr

Say = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """A study's records, the verdicts on it, worst first, and the page that shows both."""

    study: StudyRecord
    verdicts: list[Verdict]
    report: Path


def report_once(
    cfg: Mapping[str, Any],
    names: Sequence[str],
    say: Say,
    refresh: int | None = None,
    on: bool = False,
) -> tuple[bool, list[Judged]]:
    """Judge and report once; returns whether all of the studies are finished.

    `refresh`: seconds between two rounds, None for the only one; `on`: further ones come even when
    the studies are finished.
    """
    log_dir = Path(cfg["paths"]["log_dir"])
    studies = [find_study(name, log_dir, cfg["storage"]) for name in names]
    empty = [study.name for study in studies if not study.trials]
    if empty and refresh is None:
        raise ValueError(
            f"a study must have at least one trial to report on, {empty[0]!r} has none yet; "
            "start it, or wait for its first trial"
        )
    done = all(map(finished, studies))
    if empty:
        say(f"waiting for the first trial of {', '.join(empty)}")
        return done, []
    again = refresh if on or not done else None
    if len(studies) == 1:
        return done, [_report(cfg, studies[0], say, again, done)]
    return done, _compare(cfg, studies, say, again)


def _report(
    cfg: Mapping[str, Any], study: StudyRecord, say: Say, refresh: int | None, done: bool
) -> Judged:
    """A study that is watched while it runs gets its verdicts so far."""
    findings, running = Findings(study), refresh is not None and not done
    verdicts = judge(findings)
    if running:
        verdicts = so_far(verdicts, study)
    # the verdicts are ready long before the figures: a reader need not wait for these
    say(overview(findings, verdicts))
    if running:
        say("\n".join(running_lines(study)))
    late = judge_late(findings)
    folder = folder_of_report(cfg, study)
    index = write_report(findings, [*verdicts, *late], folder, refresh)
    say("\n".join(["", *verdict_lines(late), f"report   {index}"]))
    return Judged(study, [*verdicts, *late], index)


def folder_of_report(cfg: Mapping[str, Any], study: StudyRecord) -> Path:
    return Path(cfg["report_dir"] or _own_folder(cfg, study) / "report").absolute()


def _compare(
    cfg: Mapping[str, Any], studies: list[StudyRecord], say: Say, refresh: int | None
) -> list[Judged]:
    record = compare(studies)
    judged = [(findings := Findings(study), judge(findings)) for study in studies]
    say(side_by_side(record, judged))
    usual = Path(cfg["paths"]["log_dir"]) / "comparisons" / folder_name([s.name for s in studies])
    folder = Path(cfg["report_dir"] or usual).absolute()
    index = write_comparison(judged, record, folder, refresh)
    say(f"\nreport   {index}")
    return [Judged(findings.study, verdicts, index) for findings, verdicts in judged]


def news_of(study: StudyRecord) -> Any:
    """Another value whenever a report would be another one."""
    trials = [(t.number, t.state, len(t.curve)) for t in study.trials]
    return trials, len(study.interrupted), notes_of(study), study.attrs.get("n_trials")


def finished(study: StudyRecord) -> bool:
    """Whether a study has spent its budget; one without a budget never has."""
    budget, epochs = study.attrs.get("n_trials"), study.attrs.get("epochs")
    ended = [t for t in study.trials if t.state not in ("running", "waiting")]
    used_up = isinstance(budget, int) and len(ended) >= budget
    if isinstance(epochs, int):
        most = max((attr(t, "max_epochs", 0) for t in ended), default=0)
        used_up |= epochs - sum(len(t.curve) for t in ended) < max(1, most)
    stop = study.attrs.get("ended")
    used_up |= isinstance(stop, dict) and str(stop.get("by")).startswith("stop.")
    return used_up and len(ended) == len(study.trials)


def _own_folder(cfg: Mapping[str, Any], study: StudyRecord) -> Path:
    if study.folder is not None:
        return study.folder
    try:
        return study_folder(Path(cfg["paths"]["log_dir"]), study.name)
    except ValueError as error:
        where = str(error).rsplit(";", 1)[0]
        raise ValueError(f"{where}; say where its report goes: report_dir=FOLDER") from None
