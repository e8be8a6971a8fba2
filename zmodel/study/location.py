"""Finds an existing study by its name or the path of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zmodel.study.folder import existing_folder, journal_of
from zmodel.study.storage.address import scheme
from zmodel.study.study_json import read_study_json


def address_of(name: str, log_dir: Path, storage: str | None = None) -> str:
    """Where the study is kept: `storage`, else what its folder says, else its journal."""
    folder = runs_of(name, log_dir)
    noted = _elsewhere(read_study_json(folder)) if folder else None
    return storage or noted or str(journal_of(log_dir, name))


def runs_of(name: str, log_dir: Path) -> Path | None:
    """The folder of its runs; a study of another storage need not have one."""
    try:
        folder = existing_folder(log_dir, name)
    except ValueError:
        return None
    return folder if folder.is_dir() else None


def _elsewhere(noted: Mapping[str, Any]) -> str | None:
    """The storage that a study notes, if it is none of a file in its folder and has no password."""
    address = noted.get("storage")
    if not isinstance(address, str) or "***" in address or scheme(address) == "journal":
        return None
    return address
