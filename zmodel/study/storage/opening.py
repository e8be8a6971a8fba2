"""Opens a storage by its address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.storages.journal import JournalStorage

from zmodel.compat.optuna.studies import CachedStorage
from zmodel.study.journal.file import JournalFile
from zmodel.study.storage.address import database_url, journal_path, scheme
from zmodel.study.storage.errors import StorageError
from zmodel.study.storage.outage import patiently
from zmodel.study.storage.retry import RetryingStorage

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


def open_storage(
    spec: str,
    *,
    create: bool = True,
    read_only: bool = False,
    timeout: float = 30.0,
    outage: float = 60.0,
) -> BaseStorage:
    """Open the storage that `spec` names, from every process anew: it is not to be inherited.

    Args:
        spec: a path or journal://PATH, sqlite:///PATH, postgresql://..., mysql://...,
            grpc://HOST:PORT of Optuna's proxy server.
        create: make a missing journal, database file or schema; else ValueError.
        read_only: for analysis; nothing is ever made, and a journal cannot be written to.
        timeout: seconds for one answer of a server, and for it to be there at first.
        outage: seconds without connection that later calls survive; then StorageUnavailable.

    A text that names no storage, a missing driver or a refusal is a ValueError that says what to
    do. No message contains a password.
    """
    kind = scheme(spec)
    if kind == "journal":
        return _open_journal(journal_path(spec), create=create, read_only=read_only)
    if kind == "grpc":
        return RetryingStorage(_open_proxy(spec, timeout, warn=create), outage)
    from zmodel.study.storage.database import open_database

    url = database_url(spec)
    assert url is not None

    def connect() -> BaseStorage:
        database = open_database(url, timeout=timeout, create=create, read_only=read_only)
        return CachedStorage(database)

    return RetryingStorage(patiently(connect, timeout), outage)


def _open_journal(path: str, *, create: bool, read_only: bool) -> BaseStorage:
    journal = JournalFile(path, create=create, read_only=read_only)
    try:
        return JournalStorage(journal)
    except StorageError:
        raise
    except Exception as error:
        raise journal.inapplicable(error) from error


def _open_proxy(spec: str, timeout: float, *, warn: bool) -> BaseStorage:
    from zmodel.study.storage.proxy import open_proxy, warn_beyond_loopback

    if warn:  # once, where a study is started, not in every worker and reader
        warn_beyond_loopback(spec)
    return patiently(lambda: open_proxy(spec, deadline=timeout), timeout)
