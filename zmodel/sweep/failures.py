"""When a study has failed too often to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.slots import latest_attempts, wants_retry
from zmodel.sweep.plan import Plan

FROM_THE_START = 5
"""So many failures in a row, with nothing before them, end a study."""
LEAST_TRIALS = 10
"""The failure rate counts from this many finished trials on."""


def failure_limit(trials: Sequence[FrozenTrial], plan: Plan) -> str | None:
    """Why the study must end, or ``None``; only trials of the present start count."""
    mine = [t for t in latest_attempts(trials).values() if t.number >= plan.since]
    finished = [t for t in mine if t.state.is_finished() and not wants_retry(t, plan.max_attempts)]
    finished.sort(key=lambda t: t.number)
    failed = [t for t in finished if t.state == TrialState.FAIL]
    first = finished[:FROM_THE_START]
    if len(first) == FROM_THE_START and all(t.state == TrialState.FAIL for t in first):
        return f"the first {FROM_THE_START} trials all failed. {frequent_reasons(failed)}"
    rate = len(failed) / max(1, len(finished))
    if len(finished) >= LEAST_TRIALS and rate > plan.max_failure_rate:
        return (
            f"{len(failed)} of {len(finished)} trials failed, more than hydra.sweeper."
            f"max_failure_rate={plan.max_failure_rate}. {frequent_reasons(failed)}"
        )
    return None


def frequent_reasons(failed: Sequence[FrozenTrial]) -> str:
    """The reasons of failed trials with their counts, the most frequent first."""
    reasons = Counter(t.user_attrs.get("fail_reason") or "unknown reason" for t in failed)
    return "Reasons: " + "; ".join(f"{n} x {reason}" for reason, n in reasons.most_common(3))
