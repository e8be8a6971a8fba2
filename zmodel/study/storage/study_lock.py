"""The lock of a study: one process changes the budget at a time.

Both kinds of lock die with their holder: the kernel frees a flock with the last descriptor, also
after kill -9, and a database frees an advisory lock with the session.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zmodel.study.storage.address import database_url
from zmodel.study.storage.file_lock import folder_lock, make_folder, warning_when_slow
from zmodel.study.storage.outage import patiently

if TYPE_CHECKING:
    import sqlalchemy

log = logging.getLogger(__name__)

LOCK_CLASS = 0x7A6D6F64  # "zmod": keeps our advisory locks apart from those of other programs


@contextmanager
def study_lock(storage: str, folder: Path) -> Iterator[None]:
    """Exclude every other process that works on the study in `folder` of the storage `storage`.

    PostgreSQL and MySQL: an advisory lock named like the folder, so machines that share the
    database exclude each other. All else: the lock of the folder, which must be shared if the
    storage is. Makes the folder. Not reentrant. Waits as long as it takes, with a warning every
    ten seconds; StorageError when the folder or its file system refuses.
    """
    url = database_url(storage)
    if url is None or url.startswith("sqlite"):
        with folder_lock(folder):
            yield
    else:
        make_folder(folder)
        with advisory_lock(url, folder.name):
            yield


@contextmanager
def advisory_lock(url: str, name: str, outage: float = 60.0) -> Iterator[None]:
    """Hold the lock `name` of the database at `url`, on a connection of its own."""
    from sqlalchemy.exc import DBAPIError

    connection = patiently(lambda: _connect_and_lock(url, name), outage)
    try:
        yield
    finally:
        # A session that broke in the meantime has already lost its lock with the connection.
        try:
            connection.execute(*_statement(connection, "unlock", name))
        except DBAPIError as error:
            log.warning("the connection that held the lock %r broke: %s", name, error.orig)
            connection.invalidate()
        connection.close()


def _connect_and_lock(url: str, name: str) -> sqlalchemy.Connection:
    connection = _engine(url).connect()
    try:
        with warning_when_slow(f"the lock {name!r} of the database"):
            connection.execute(*_statement(connection, "lock", name))
    except BaseException:
        connection.invalidate()  # a lock may have been granted: only closing is sure to free it
        connection.close()
        raise
    return connection


def _statement(
    connection: sqlalchemy.Connection, verb: str, name: str
) -> tuple[sqlalchemy.TextClause, dict[str, Any]]:
    from sqlalchemy import text

    if connection.dialect.name == "postgresql":
        statement = f"SELECT pg_advisory_{verb}(:lock_class, hashtext(:name))"
        return text(statement), {"lock_class": LOCK_CLASS, "name": name}
    assert connection.dialect.name in ("mysql", "mariadb"), connection.dialect.name
    # MySQL limits the name to 64 characters and shares it between all databases of a server.
    key = hashlib.sha256(f"{connection.engine.url.database}/{name}".encode()).hexdigest()
    function = "GET_LOCK(:name, -1)" if verb == "lock" else "RELEASE_LOCK(:name)"
    return text(f"SELECT {function}"), {"name": f"zmodel-{key[:48]}"}


@functools.lru_cache(maxsize=8)
def _engine(url: str) -> sqlalchemy.Engine:
    """Kept, because connecting takes longer than what is done under the lock."""
    from sqlalchemy import create_engine, event

    from zmodel.study.storage.connection import engine_options, forget_after_fork

    engine = create_engine(url, isolation_level="AUTOCOMMIT", **engine_options(url, 30.0))
    forget_after_fork(engine)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _notice_a_dead_machine)
    return engine


def _notice_a_dead_machine(connection: Any, _record: Any) -> None:
    """Let the server end our session half a minute after this machine has lost power.

    By default it would keep the session, and with it the lock, for two hours.
    """
    with connection.cursor() as cursor:
        for name, value in (("idle", 10), ("interval", 5), ("count", 3)):
            cursor.execute(f"SET tcp_keepalives_{name} = {value}")
