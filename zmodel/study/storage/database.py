"""Optuna's database storage, made safe for many processes.

Schema, connections, claims.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from zmodel.study.storage.address import redact
from zmodel.study.storage.connection import engine_options, forget_after_fork
from zmodel.study.storage.file_lock import file_lock
from zmodel.study.storage.outage import is_outage
from zmodel.study.storage.study_lock import advisory_lock


class Database(RDBStorage):
    """RDBStorage whose connections are not inherited by a fork and whose claims are atomic.

    Heartbeats are off: they do not cover ask and tell, and the study keeps its own.
    """

    def __init__(self, url: str, *, timeout: float, writable: bool, create: bool) -> None:
        self._writable = writable
        super().__init__(url, engine_options(url, timeout), skip_table_creation=not create)
        self._prepare_engine()

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._prepare_engine()

    def _prepare_engine(self) -> None:
        forget_after_fork(self.engine)
        if self.engine.name == "sqlite" and self._writable:
            # SQLite ignores FOR UPDATE: two workers read WAITING and both claim the trial. With
            # the write lock taken before the read, the second one waits and sees RUNNING.
            # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#serializable-isolation
            event.listen(self.engine, "connect", _leave_transactions_to_us)
            event.listen(self.engine, "begin", _begin_immediate)
            self.engine.dispose()  # connections made so far know nothing of this


def open_database(
    url: str, *, timeout: float = 30.0, create: bool = True, read_only: bool = False
) -> Database:
    """Open the database at the full `url`; make its tables under a lock when they are missing.

    ValueError: no tables (or no file) and not to be made, or the server refuses.
    """
    create = create and not read_only
    try:
        if not create:
            _require_file(url)
            return Database(url, timeout=timeout, writable=not read_only, create=False)
        with _creation_lock(url):
            return Database(url, timeout=timeout, writable=True, create=True)
    except (DBAPIError, StorageInternalError, OSError) as error:
        if is_outage(error) or isinstance(error, ConnectionError):
            raise
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        reason = redact(getattr(cause, "orig", None) or cause).strip()
        raise ValueError(
            f"the storage {redact(url)} must be a database that we may "
            f"{'write to' if create else 'read and that holds studies'}; it answers: {reason}"
        ) from None


def _sqlite_file(url: str) -> Path | None:
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite":
        return None
    assert parts.database, url
    return Path(parts.database.removeprefix("file:"))


def _require_file(url: str) -> None:
    path = _sqlite_file(url)
    if path is not None and not path.exists():
        raise ValueError(f"the database must exist, but there is no file {path}")


def _creation_lock(url: str) -> AbstractContextManager[None]:
    """Several processes that make the tables at once fail with "table already exists"."""
    path = _sqlite_file(url)
    if path is None:
        return advisory_lock(url, "schema", outage=0)  # the caller waits out
    # Not the database itself: closing any descriptor of it would free SQLite's own locks.
    return file_lock(path.with_name(path.name + ".lock"))


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


def _begin_immediate(connection: sqlalchemy.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
