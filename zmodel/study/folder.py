"""Where the files of a study lie: its folder, its journal, the folders of its runs."""

from __future__ import annotations

import shlex
from pathlib import Path

from zmodel.core.names import folder_name
from zmodel.core.suggestion import suggestion

JOURNAL = "study.journal"
WORKERS = "workers"
"""The folder of leases and of workers' logs."""
STUDY_JSON = "study.json"
STUDY_FILES = (JOURNAL, STUDY_JSON)
RUN_FILES = (".hydra", "result.json", "csv")
"""What tells a folder of a run from an empty one."""


def study_folder(log_dir: Path | str, name: str) -> Path:
    """`log_dir`/studies/`name`, not made; ValueError for a name that is not one folder there."""
    return Path(log_dir) / "studies" / folder_name(name, "a study's name")


def list_studies(log_dir: Path | str) -> list[str]:
    """Names of the studies that have a folder with a journal or a fingerprint, sorted."""
    folders = (Path(log_dir) / "studies").glob("*/")
    return sorted(f.name for f in folders if any((f / file).is_file() for file in STUDY_FILES))


def journal_of(log_dir: Path | str, name: str) -> Path:
    """The journal of an existing study; ValueError names the studies there are."""
    path = study_folder(log_dir, name) / JOURNAL
    lost = runs_without_journal(path.parent)
    if path.is_file() and not lost:
        return path
    if lost or path.with_name(STUDY_JSON).is_file():
        raise ValueError(
            f"study '{name}' must have its journal, but {path} is missing or empty. If it is kept "
            "elsewhere, name its storage; if the file was lost, make it anew from the runs: "
            f"python -m zmodel.study repair {shlex.quote(str(path.parent))}"
        )
    raise ValueError(unknown_study(log_dir, name))


def unknown_study(log_dir: Path | str, name: str) -> str:
    """What to say of a study that is not there."""
    return (
        f"there is no study '{name}' in {Path(log_dir) / 'studies'}; "
        f"{suggestion(name, list_studies(log_dir))} For another folder of logs give "
        "paths.log_dir=..., for a study kept elsewhere its storage."
    )


def run_folders(folder: Path) -> dict[int, Path]:
    """Number -> folder of each run below a study's folder, in order of their numbers."""
    found = {int(path.name): path for path in (folder / "trials").glob("*/") if _is_run(path)}
    return dict(sorted(found.items()))


def _is_run(path: Path) -> bool:
    name = path.name
    return name.isascii() and name.isdigit() and any((path / file).exists() for file in RUN_FILES)


def runs_without_journal(folder: Path) -> list[int]:
    """Numbers of the runs whose journal is missing or empty: a new study would overwrite them."""
    journal = folder / JOURNAL
    if journal.is_file() and journal.stat().st_size:
        return []
    return list(run_folders(folder))


def unrecorded_runs(folder: Path, recorded: int) -> list[int]:
    """Numbers of the runs that a study of so many trials does not know: it would overwrite them."""
    return [number for number in run_folders(folder) if number >= recorded]
