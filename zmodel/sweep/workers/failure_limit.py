"""Ends a study that failed too often."""

from __future__ import annotations

from zmodel.study.budget.ledger import Ledger, frequent_reasons
from zmodel.sweep.workers.session import CommandStart

FROM_THE_START = 5
"""So many failures, with nothing before or between them, end a study."""
LEAST_TRIALS = 10
"""The failure rate counts from this many finished trials on."""


def failure_limit(ledger: Ledger, start: CommandStart, max_failure_rate: float) -> str | None:
    """Why the study must end, or ``None``; only what finished since the present start counts."""
    finished = len(ledger.settled) - start.finished
    failed = ledger.failed[start.failed :]
    if finished == len(failed) >= FROM_THE_START:
        return f"the first {len(failed)} trials all failed. {frequent_reasons(failed)}"
    if finished >= LEAST_TRIALS and len(failed) > max_failure_rate * finished:
        return (
            f"{len(failed)} of {finished} trials failed, more than hydra.sweeper."
            f"max_failure_rate={max_failure_rate}. {frequent_reasons(failed)}"
        )
    return None
