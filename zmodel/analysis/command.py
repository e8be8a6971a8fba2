"""What `python analyze.py` does: find the study, judge it, write its report."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zmodel.study.records import StudyRecord, load_study
from zmodel.study.storage import JOURNAL, list_studies, open_storage, study_folder


def analyze(cfg: Mapping[str, Any]) -> None:
    """Report on the study that the configuration names; ValueError says what the user must mend."""
    study = load(str(cfg["study"]), cfg["storage"], Path(cfg["paths"]["log_dir"]))
    from zmodel.analysis.examine import Findings
    from zmodel.analysis.report import write_report
    from zmodel.analysis.terminal import overview
    from zmodel.analysis.verdicts import judge

    findings = Findings(study)
    verdicts = judge(findings)
    print(overview(findings, verdicts), flush=True)
    index = write_report(findings, verdicts, report_folder(cfg, study.name))
    print(f"\nreport   {index}")


def report_folder(cfg: Mapping[str, Any], name: str) -> Path:
    """Where the report goes: report_dir, else the study's own folder."""
    if cfg["report_dir"]:
        return Path(cfg["report_dir"]).absolute()
    return (study_folder(Path(cfg["paths"]["log_dir"]), name) / "report").absolute()


def load(name: str, storage: str | None, log_dir: Path) -> StudyRecord:
    """The study `name` of a storage, by default of its own journal in the log folder."""
    folder = study_folder(log_dir, name)
    if storage is None:
        journal = folder / JOURNAL
        if not journal.exists():
            raise ValueError(_unknown(name, log_dir))
        storage = str(journal)
    opened = open_storage(storage, create=False, read_only=True)
    study = load_study(name, opened, folder if folder.is_dir() else None)
    if not study.trials:
        raise ValueError(
            f"the study must have at least one trial to report on, {name!r} has none yet; "
            "wait for its first trial, or start it"
        )
    return study


def _unknown(name: str, log_dir: Path) -> str:
    known = list_studies(log_dir)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    others = [other for other in known if other not in near]
    listed = ", ".join([*near, *others][:10]) or "none yet"
    return (
        f"study must name a study in {log_dir / 'studies'}, received {name!r}; existing: {listed}. "
        "For a study kept elsewhere give storage=... too"
    )
