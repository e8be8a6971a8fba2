"""Removes a study that never began.

Decided and done under its lock, while nobody works on it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from zmodel.study.budget.lease import Lease, others_at_work
from zmodel.study.fingerprint import has_begun
from zmodel.study.folder import JOURNAL, WORKERS
from zmodel.study.storage.address import scheme
from zmodel.study.storage.file_lock import LOCK_FILE
from zmodel.study.study_json import STUDY_JSON


def remove_unbegun(
    study: optuna.Study,
    storage: BaseStorage,
    address: str,
    folder: Path,
    lock: Callable[[], AbstractContextManager[Any]],
    mine: Lease,
) -> bool:
    """Remove a study without trials, and of its folder what this program writes.

    Nothing is removed while another command or worker is at work on it, one that rehearses say;
    nor from a server, which machines may use that do not see this folder.

    Args:
        address: what names the storage.
        mine: the lease of the calling command, which does not count.

    Returns:
        whether it was removed.
    """
    if scheme(address) not in ("journal", "sqlite"):
        return False
    with lock():
        if any(others_at_work(folder / WORKERS, mine)) or has_begun(study):
            return False
        optuna.delete_study(study_name=study.study_name, storage=storage)
        mine.release()
        for file in (STUDY_JSON, JOURNAL, LOCK_FILE):
            (folder / file).unlink(missing_ok=True)
        shutil.rmtree(folder / WORKERS, ignore_errors=True)
        with suppress(OSError):  # something of the user's is in it
            folder.rmdir()
        return True
