"""A worker: runs slots of a study one after the other."""

from __future__ import annotations

import time

from zmodel.core.interrupt import stop
from zmodel.study.budget.lease import Lease
from zmodel.study.folder import WORKERS
from zmodel.study.stop_request import stop_request
from zmodel.sweep.workers.attempt import Attempt
from zmodel.sweep.workers.failure_limit import failure_limit
from zmodel.sweep.workers.outcome import STORAGE_ERRORS, NoSpace
from zmodel.sweep.workers.rehearsal import Refused, rehearse
from zmodel.sweep.workers.session import Assignment, Session

POLL_SECONDS = 0.5
DONE, LIMIT, REFUSED = 0, 3, 10
"""Exit codes of a worker, beside 128 + signal: the study or its time has ended, too many failures,
bad set-up."""

CANNOT_GO_ON = (Refused, NoSpace, *STORAGE_ERRORS)
"""What a worker raises with a message for the user."""


def work(given: Assignment) -> int:
    """Work until the budget is used up, or somebody says stop; an exit code as above.

    Raises:
        Refused: with a message for the user; before the first claim, or when the configuration
            files changed.
        StorageError, StorageUnavailable, NoSpace: the storage is lost, or a disk is full; its
            trial is given again.
    """
    with Lease(given.settings.folder / WORKERS) as lease:
        session = Session(given, lease)
        rehearse(session)
        return _until_none_is_left(session)


def _until_none_is_left(session: Session) -> int:
    slots = session.slots
    while True:
        code = _ending(session)
        if code is not None:
            return code
        ticket = slots.claim(session.lease, session.proposals.decide)
        if ticket is not None:
            Attempt(session, ticket).run()
        elif slots.tally().is_complete:
            return DONE
        else:
            time.sleep(POLL_SECONDS)  # others still run; one of them may die


def _ending(session: Session) -> int | None:
    """The exit code when no further trial may begin; those that run come to their end."""
    given = session.given
    if stop.signum is not None:
        return 128 + stop.signum
    if stop_request(session.study) != given.start.stop:
        return DONE
    trials, deadline = session.slots.refresh(), given.start.deadline
    if deadline is not None and deadline.is_near(trials):
        return DONE
    if session.ending.reason() is not None:
        return DONE
    rate = given.settings.max_failure_rate
    return LIMIT if failure_limit(session.slots.ledger, given.start, rate) else None
