"""Waits while a storage does not answer.

Which errors, and for how long.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from zmodel.study.storage.address import redact

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two attempts

# PostgreSQL: connection errors (class 08), shutdown and start-up, too many clients, and the two
# rollbacks that the manual asks clients to repeat. https://www.postgresql.org/docs/current/errcodes-appendix.html
POSTGRES_CODES = ("08", "57P01", "57P02", "57P03", "53300", "40001", "40P01")
# While connecting drivers give no code. "FATAL" is then the server's refusal (password, name of
# the database), unless it says that it will be back.
POSTGRES_WILL_BE_BACK = (
    "starting up",
    "shutting down",
    "recovery mode",
    "not yet accepting",
    "terminating connection",
    "too many clients",
    "remaining connection slots",
)
# MySQL: too many connections, lock wait, deadlock, shutdown, cannot connect, gone away, lost.
MYSQL_CODES = (1040, 1205, 1213, 1053, 2002, 2003, 2006, 2013)
CONNECTION_LOST = "8s2b"
"""SQLAlchemy: a transaction goes on whose connection was lost. https://sqlalche.me/e/20/8s2b"""


class StorageUnavailable(ConnectionError):
    """The storage did not answer for as long as we were willing to wait."""


def patiently(call: Callable[[], T], outage: float, again: Callable[[], T] | None = None) -> T:
    """Call until it succeeds, with growing pauses, while the storage is out of reach.

    Args:
        outage: seconds after which StorageUnavailable is raised.
        again: what to call after the first failure, when the first call may have had its effect
            although its answer was lost; `call` when None.

    Any other error is raised at once.
    """
    start, pause, attempt = time.monotonic(), FIRST_PAUSE, call
    while True:
        try:
            answer = attempt()
            if pause > FIRST_PAUSE:
                log.warning("the storage answers again, after %.0f s", time.monotonic() - start)
            return answer
        except Exception as error:
            if not is_outage(error):
                raise
            left = start + outage - time.monotonic()
            if left <= 0:
                raise StorageUnavailable(_message(error, outage)) from error
            if pause == FIRST_PAUSE:
                log.warning(
                    "no answer from the storage, waiting up to %g s: %s", outage, _why(error)
                )
        # The jitter keeps workers that were cut off together from coming back together.
        time.sleep(min(pause * random.uniform(0.5, 1.5), left))
        pause, attempt = min(2 * pause, LONGEST_PAUSE), again or call


def is_outage(error: BaseException) -> bool:
    """Whether `error`, or what caused it, is about reaching the storage and may pass by itself."""
    return any(_database_outage(e) or _grpc_outage(e) for e in _causes(error))


def _database_outage(error: BaseException) -> bool:
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError

    if isinstance(error, PendingRollbackError):  # after an outage that Optuna caught itself
        return error.code == CONNECTION_LOST
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if not isinstance(error, (OperationalError, InterfaceError)) or error.orig is None:
        return False
    text, module = str(error.orig).lower(), type(error.orig).__module__
    if module.startswith("sqlite"):
        return "locked" in text or "busy" in text
    number = error.orig.args[0] if error.orig.args else None
    if isinstance(number, int):
        return number in MYSQL_CODES
    code: Any = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None)
    if code:
        return str(code).startswith(POSTGRES_CODES)
    return "fatal:" not in text or any(phrase in text for phrase in POSTGRES_WILL_BE_BACK)


def _grpc_outage(error: BaseException) -> bool:
    code = getattr(error, "code", None)
    name = getattr(code(), "name", "") if callable(code) else ""
    if name == "UNKNOWN":  # the proxy is there, but the database behind it failed
        return "during the commit" in str(getattr(error, "details", str)())
    return name in ("UNAVAILABLE", "DEADLINE_EXCEEDED")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _why(error: BaseException) -> str:
    origin = list(_causes(error))[-1]
    details = getattr(origin, "details", None)
    text = details() if callable(details) else getattr(origin, "orig", None) or origin
    lines = redact(text).strip().splitlines()
    return lines[0] if lines else type(origin).__name__


def _message(error: BaseException, outage: float) -> str:
    return (
        f"the storage must answer, but did not for {outage:g} s ({_why(error)}); "
        "see to it that it runs and can be reached, then give the same command again: "
        "what was acknowledged is kept"
    )
