"""Parses the address of a storage, and hides its password."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Sequence

SUPPORTED = "a path or journal://PATH, sqlite:///PATH, postgresql://, mysql:// or grpc://HOST:PORT"

# A password may itself contain ':', '/' or '@': everything up to the last '@' is hidden.
_USER_PASSWORD = re.compile(r"(://[^\s:/@'\"]*:)[^\s'\"]*(?=@)")
_NAMED_PASSWORD = re.compile(r"\b(password|passwd|pwd|passfile|sslpassword)(=)[^\s&'\"]+", re.I)


def redact(text: object) -> str:
    """`str(text)` with the passwords of all URLs and connection strings in it replaced."""
    return _NAMED_PASSWORD.sub(r"\1\2***", _USER_PASSWORD.sub(r"\1***", str(text)))


def scheme(storage: str) -> str:
    """`journal`, `sqlite`, `postgresql`, `mysql` or `grpc`; ValueError for anything else."""
    if "://" not in storage:
        if not storage.strip():
            raise ValueError(f"a storage must be {SUPPORTED}; received an empty text")
        return "journal"
    name = storage.split("://", 1)[0].split("+", 1)[0].lower()
    name = {"postgres": "postgresql", "mariadb": "mysql"}.get(name, name)
    if name not in ("journal", "sqlite", "postgresql", "mysql", "grpc"):
        raise ValueError(f"a storage must be {SUPPORTED}; received {redact(storage)!r}")
    return name


def journal_path(storage: str) -> str:
    """The absolute path: a process that changes its directory must not change its journal."""
    assert scheme(storage) == "journal", storage
    return os.path.abspath(os.path.expanduser(storage.removeprefix("journal://")))


def database_url(storage: str) -> str | None:
    """The SQLAlchemy URL with an installed driver and an absolute path; None for no database."""
    kind = scheme(storage)
    if kind in ("journal", "grpc"):
        return None
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(storage)
    except (ArgumentError, ValueError) as error:
        raise ValueError(f"{redact(storage)!r} is not a database URL: {redact(error)}") from None
    if url.host and "@" in url.host:  # the rest of a password: it must not reach a message
        raise ValueError(
            "the user and password in a database URL must be percent-encoded: write %40 for '@', "
            f"%2F for '/', %3A for ':'; received {redact(storage)!r}"
        )
    if kind == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ValueError(
                f"a study must outlive its process, but {storage!r} is a database in memory; "
                "name a file: sqlite:///PATH"
            )
        if not url.database.startswith("file:"):
            url = url.set(database=os.path.abspath(url.database))
    elif kind == "postgresql":
        driver = _driver(url.drivername, ("psycopg2", "psycopg"), "pip install 'zmodel[postgres]'")
        url = url.set(drivername=f"postgresql+{driver}")
    else:
        driver = _driver(url.drivername, ("pymysql", "MySQLdb"), "pip install pymysql")
        url = url.set(drivername=f"mysql+{driver.lower()}")
    return url.render_as_string(hide_password=False)


def _driver(drivername: str, known: Sequence[str], remedy: str) -> str:
    if "+" in drivername:
        return drivername.split("+", 1)[1]
    for module in known:
        if importlib.util.find_spec(module) is not None:
            return module
    raise ValueError(
        f"a {drivername}:// storage needs one of the drivers {', '.join(known)}, "
        f"but none is installed; run: {remedy}"
    )
