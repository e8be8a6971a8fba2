"""Makes database connections that notice dead peers.

They are not shared by a fork.
"""

from __future__ import annotations

import os
import weakref
from typing import Any

import sqlalchemy
from sqlalchemy.engine import make_url


def engine_options(url: str, timeout: float) -> dict[str, Any]:
    """Arguments of sqlalchemy.create_engine; `timeout` in seconds for one answer."""
    kind = make_url(url).get_backend_name()
    if kind == "sqlite":
        return {"connect_args": {"timeout": timeout}}
    connect: dict[str, Any] = {"connect_timeout": max(2, int(min(timeout, 10)))}
    if kind == "postgresql" and "psycopg" in make_url(url).get_driver_name():
        # A server that vanished without a word is noticed within half a minute, not in hours.
        connect |= {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
        connect |= {"tcp_user_timeout": int(timeout * 1000)}  # milliseconds
    # Two threads of a worker use the storage: the trial and the heartbeat.
    return {"connect_args": connect, "pool_pre_ping": True, "pool_size": 2, "max_overflow": 8}


_ENGINES: weakref.WeakSet[sqlalchemy.Engine] = weakref.WeakSet()


def forget_after_fork(engine: sqlalchemy.Engine) -> None:
    """Have a forked child make connections of its own: a shared one mixes up the answers."""
    _ENGINES.add(engine)


def _forget_connections() -> None:
    for engine in list(_ENGINES):
        engine.dispose(close=False)  # closing would end the parent's session


os.register_at_fork(after_in_child=_forget_connections)
