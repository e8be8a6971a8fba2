"""Paths of the files of a study.

Its folder, its journal, the folders of its runs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zmodel.core.names import folder_name
from zmodel.core.suggestion import suggestion
from zmodel.study.study_json import STUDY_JSON, read_study_json

JOURNAL = "study.journal"
WORKERS = "workers"
"""The folder of leases and of workers' logs."""
STUDY_FILES = (JOURNAL, STUDY_JSON)
NUMBER = "${hydra.job.num}"
SUBDIR = f"trials/{NUMBER}"
"""Where a run lies below its study's folder, unless ``hydra.sweep.subdir`` says otherwise."""
RUN_FILES = (".hydra", "result.json", "csv")
"""What tells a folder of a run from an empty one."""


def study_folder(log_dir: Path | str, name: str) -> Path:
    """`log_dir`/studies/`name`, not made; ValueError for a name that is not one folder there."""
    return Path(log_dir) / "studies" / folder_name(name, "a study's name")


def existing_folder(log_dir: Path | str, name: str) -> Path:
    """The folder of a study, by its name in the log folder or by its path.

    Programs with their own folders have paths: ``multirun/2026-11-26/12-30-00``."""
    path = Path(name)
    if _is_study(path) and (len(path.parts) > 1 or not _is_study(Path(log_dir, "studies", name))):
        return path.absolute()
    return study_folder(log_dir, name)


def _is_study(folder: Path) -> bool:
    return any((folder / file).is_file() for file in STUDY_FILES)


def list_studies(log_dir: Path | str) -> list[str]:
    """Names of the studies that have a folder with a journal or a fingerprint, sorted."""
    folders = (Path(log_dir) / "studies").glob("*/")
    return sorted(folder.name for folder in folders if _is_study(folder))


def journal_of(log_dir: Path | str, name: str) -> Path:
    """The journal of an existing study; ValueError names the studies there are."""
    path = existing_folder(log_dir, name) / JOURNAL
    lost = runs_without_journal(path.parent)
    if path.is_file() and not lost:
        return path
    if lost or path.with_name(STUDY_JSON).is_file():
        raise ValueError(
            f"study '{name}' must have its journal, but {path} is missing or empty. If it is kept "
            "elsewhere, name its storage; if the file was lost, restore it from the runs: "
            f"python -m zmodel.study repair {shlex.quote(str(path.parent))}"
        )
    raise ValueError(unknown_study(log_dir, name))


def unknown_study(log_dir: Path | str, name: str) -> str:
    """What to say of a study that is not there."""
    return (
        f"there is no study '{name}' in {Path(log_dir) / 'studies'}; "
        f"{suggestion(name, list_studies(log_dir))} For another folder of logs give "
        "paths.log_dir=..., for a folder elsewhere its path, for another storage its address."
    )


def layout(folder: Path) -> str:
    """``hydra.sweep.subdir`` of the study in a folder, as it was written."""
    noted = read_study_json(folder).get("subdir")
    return noted if isinstance(noted, str) else SUBDIR


def run_folders(folder: Path, subdir: str | None = None) -> dict[int, Path]:
    """Number -> folder of each run below a study's folder, in order of their numbers.

    Only those of a layout in which the number alone tells runs apart.

    Args:
        subdir: the layout; ``None``: of the study that is there.
    """
    before, number, after = (subdir or layout(folder)).partition(NUMBER)
    if not number or "${" in before + after:
        return {}
    pattern = re.compile(f"{re.escape(before)}([0-9]+){re.escape(after)}")
    names = (path.relative_to(folder).as_posix() for path in folder.glob(f"{before}*{after}"))
    numbers = (int(match[1]) for name in names if (match := pattern.fullmatch(name)))
    found = {n: folder / f"{before}{n}{after}" for n in sorted(numbers)}
    return {n: path for n, path in found.items() if any((path / f).exists() for f in RUN_FILES)}


def runs_without_journal(folder: Path, subdir: str | None = None) -> list[int]:
    """Numbers of the runs whose journal is missing or empty: a new study would overwrite them."""
    journal = folder / JOURNAL
    if journal.is_file() and journal.stat().st_size:
        return []
    return list(run_folders(folder, subdir))


def unrecorded_runs(folder: Path, recorded: int, subdir: str | None = None) -> list[int]:
    """Numbers of the runs that a study of so many trials does not know: it would overwrite them."""
    return [number for number in run_folders(folder, subdir) if number >= recorded]


def another_study(objective: Any) -> str:
    """The override that makes a start a study of its own.

    Args:
        objective: ``optimized_metric``; programs that know nothing of zmodel have none, and Hydra
            names the folders of theirs.
    """
    return "study_name=..." if objective else "hydra.sweep.dir=..."


def of_another_program(attrs: Mapping[str, Any]) -> bool:
    """Whether a study, by its attributes, is one of a task without ``optimized_metric``."""
    return attrs.get("optimized_metric", "") is None
