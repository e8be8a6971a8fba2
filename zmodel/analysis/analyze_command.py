"""The work of `python analyze.py`: find, judge and report studies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zmodel.analysis.comparison.compare import compare
from zmodel.analysis.comparison.comparison_page import folder_name, write_comparison
from zmodel.analysis.findings import Findings
from zmodel.analysis.next_step import next_step
from zmodel.analysis.page.report import write_report
from zmodel.analysis.page.terminal import overview, side_by_side, verdict_lines
from zmodel.analysis.rules.judge import judge, judge_late
from zmodel.analysis.rules.verdict import Verdict
from zmodel.study.folder import list_studies, study_folder
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord, find_study
from zmodel.study.trial_attributes import attr

STOPPED = 130


@dataclass(frozen=True)
class Judged:
    """A study's records, the verdicts on it, worst first, and the page that shows both."""

    study: StudyRecord
    verdicts: list[Verdict]
    report: Path


def analyze(cfg: Mapping[str, Any]) -> list[Judged]:
    """Report on what the configuration names; ValueError says what the user must mend."""
    names = _names(cfg["study"], Path(cfg["paths"]["log_dir"]))
    if _flag(cfg.get("next")):
        _say_next(cfg, names)
        return []
    every = _seconds(cfg["watch"])
    if every is None:
        return _once(cfg, names)[1]
    try:
        return _watch(cfg, names, every)
    except KeyboardInterrupt:
        _say("\nno longer watching; the report stays as it is")
        raise SystemExit(STOPPED) from None


def _names(study: Any, log_dir: Path) -> list[str]:
    if study is None or study == [] or study == "":
        listed = ", ".join(list_studies(log_dir)[:10]) or "none yet"
        raise ValueError(
            f"study must name what to report on, received nothing: analyze.py study=NAME; studies "
            f"in {log_dir / 'studies'}: {listed}"
        )
    names = [str(study)] if isinstance(study, str | int | float) else [str(s) for s in study]
    return list(dict.fromkeys(names))


def _say(text: str) -> None:
    """Print, also when the reader has gone away (`| head`): the report is still to be written."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _flag(given: Any) -> bool:
    if not isinstance(given, bool | None):
        raise ValueError(f"next must be true or false, received {given!r}; for example next=true")
    return bool(given)


def _say_next(cfg: Mapping[str, Any], names: Sequence[str]) -> None:
    """The one command that a study asks for, and why; no report is written."""
    if len(names) != 1:
        raise ValueError(f"next=true takes one study, received {len(names)}: {', '.join(names)}")
    findings = Findings(find_study(names[0], Path(cfg["paths"]["log_dir"]), cfg["storage"]))
    step = next_step(findings, judge(findings))
    _say(plain(step.command) if step.command else "no command")
    _say(f"why: {plain(step.why)}")


def _seconds(watch: Any) -> int | None:
    if watch is None or watch is False:
        return None
    if isinstance(watch, bool) or not isinstance(watch, int | float) or watch < 1:
        raise ValueError(
            f"watch must be null or a number of seconds of at least 1, received {watch!r}; "
            "for example watch=10"
        )
    return int(watch)


def _once(
    cfg: Mapping[str, Any], names: Sequence[str], refresh: int | None = None
) -> tuple[bool, list[Judged]]:
    """Judge and report once; returns whether all of the studies are finished."""
    log_dir = Path(cfg["paths"]["log_dir"])
    studies = [find_study(name, log_dir, cfg["storage"]) for name in names]
    empty = [study.name for study in studies if not study.trials]
    if empty and refresh is None:
        raise ValueError(
            f"a study must have at least one trial to report on, {empty[0]!r} has none yet; "
            "start it, or wait for its first trial"
        )
    done = all(map(_finished, studies))
    if empty:
        _say(f"waiting for the first trial of {', '.join(empty)}")
        return done, []
    if len(studies) == 1:
        return done, [_report(cfg, studies[0], None if done else refresh)]
    return done, _compare(cfg, studies, None if done else refresh)


def _report(cfg: Mapping[str, Any], study: StudyRecord, refresh: int | None) -> Judged:
    findings = Findings(study)
    verdicts = judge(findings)
    # the verdicts are ready long before the figures: a reader need not wait for these
    _say(overview(findings, verdicts))
    late = judge_late(findings)
    folder = Path(cfg["report_dir"] or _own_folder(cfg, study) / "report").absolute()
    index = write_report(findings, [*verdicts, *late], folder, refresh)
    _say("\n".join(["", *verdict_lines(late), f"report   {index}"]))
    return Judged(study, [*verdicts, *late], index)


def _compare(
    cfg: Mapping[str, Any], studies: list[StudyRecord], refresh: int | None
) -> list[Judged]:
    record = compare(studies)
    judged = [(findings := Findings(study), judge(findings)) for study in studies]
    _say(side_by_side(record, judged))
    usual = Path(cfg["paths"]["log_dir"]) / "comparisons" / folder_name([s.name for s in studies])
    folder = Path(cfg["report_dir"] or usual).absolute()
    index = write_comparison(judged, record, folder, refresh)
    _say(f"\nreport   {index}")
    return [Judged(findings.study, verdicts, index) for findings, verdicts in judged]


def _watch(cfg: Mapping[str, Any], names: Sequence[str], every: int) -> list[Judged]:
    """Report again and again until the studies have spent their budgets."""
    while True:
        if sys.stdout.isatty():
            print("\033[H\033[2J", end="")
        done, judged = _once(cfg, names, every)
        if done:
            return judged
        _say(f"again in {every} seconds; Ctrl-C ends watching, not the study")
        time.sleep(every)


def _finished(study: StudyRecord) -> bool:
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
