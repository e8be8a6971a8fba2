"""A study by its name, for reading; an unknown name is answered with the nearest ones."""

from __future__ import annotations

import difflib
from pathlib import Path

from zmodel.study.records import StudyRecord, load_study
from zmodel.study.storage.opening import JOURNAL, list_studies, open_storage, study_folder


def load(name: str, storage: str | None = None, log_dir: str | Path = "logs") -> StudyRecord:
    """A study by name: from `storage`, else from its own journal under `log_dir`."""
    log_dir = Path(log_dir)
    folder = None if storage else study_folder(log_dir, name)
    if folder is not None:
        journal = folder / JOURNAL
        if not journal.exists():
            raise ValueError(_unknown(name, log_dir))
        storage = str(journal)
    opened = open_storage(str(storage), create=False, read_only=True)
    return load_study(name, opened, _folder(log_dir, name) if folder is None else folder)


def _folder(log_dir: Path, name: str) -> Path | None:
    """The folder of runs of a study kept in another storage, when there is one."""
    try:
        folder = study_folder(log_dir, name)
    except ValueError:
        return None
    return folder if folder.is_dir() else None


def _unknown(name: str, log_dir: Path) -> str:
    known = list_studies(log_dir)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    others = [other for other in known if other not in near]
    listed = ", ".join([*near, *others][:10]) or "none yet"
    return (
        f"study must name a study in {log_dir / 'studies'}, received {name!r}; existing: {listed}. "
        "For a study kept elsewhere give storage=... too"
    )
