"""When a study ends before its budget: `hydra.sweeper.stop`.

As in `hydra.sweeper.stop={hours: 8, gain: 0.002}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import is_foreign, is_put_back
from zmodel.study.constraints import Constraint, keeps
from zmodel.study.trial_attributes import is_given, is_replicate

KEYS = ("hours", "gain")


@dataclass(frozen=True)
class StopRule:
    """The first of both ends the study.

    Attributes:
        hours: that the study has been worked on, over all its commands.
        gain: what further trials would gain at most, with 90 %.
    """

    hours: float | None
    gain: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def reason(
        self,
        trials: Sequence[FrozenTrial],
        maximize: bool,
        look: bool = True,
        *,
        constraints: Sequence[Constraint],
    ) -> dict[str, Any] | None:
        """Why the study ends now, as it is noted; None while it goes on.

        Args:
            look: whether the gain of further trials counts.
        """
        if self.hours is not None and worked_seconds(trials) >= 3600 * self.hours:
            return {"by": "stop.hours", "hours": self.hours}
        if self.gain is None or not look:
            return None
        from zmodel.analysis.statistics.more_trials import gain_of_more  # only where it is asked

        drawn = [t for t in trials if not is_given(t)]
        best = max(scores_of(trials, maximize, constraints), default=-math.inf)
        found = gain_of_more(scores_of(drawn, maximize, constraints), best)
        if found is None or found.high > self.gain:
            return None
        return {
            "by": "stop.gain", "gain": self.gain, "at_most": found.high, "ahead": found.ahead,
        }  # fmt: skip


def read_stop(given: Any) -> StopRule | None:
    """A mapping with `hours`, `gain` or both; ValueError for anything else."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or not given or not set(given) <= set(KEYS):
        raise ValueError(
            "hydra.sweeper.stop must be null or have the keys hours and gain, as in "
            f"{{hours: 8, gain: 0.002}}, received {given!r}."
        )
    for key, value in given.items():
        if value is None:
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < 0 or (key == "hours" and not value):
            least = "above 0" if key == "hours" else "of at least 0"
            raise ValueError(
                f"hydra.sweeper.stop.{key} must be null or a number {least}, received {value!r}."
            )
    return StopRule(given.get("hours"), given.get("gain"))


def told(reason: Mapping[str, Any]) -> str:
    """A reason in words."""
    if reason["by"] == "stop.hours":
        return f"it has been worked on for hydra.sweeper.stop.hours={reason['hours']:g}"
    return (
        f"{reason['ahead']} more trials would gain at most {reason['at_most']:.2g} (90 %), and "
        f"hydra.sweeper.stop.gain={reason['gain']:g}"
    )


def scores_of(
    trials: Sequence[FrozenTrial], maximize: bool, constraints: Sequence[Constraint]
) -> list[float]:
    """Scores of all ended trials but replicates, in order of their ends; larger is better.

    -inf without a value, and where a constraint is broken.
    """
    sign = 1.0 if maximize else -1.0
    own = (t for t in trials if not is_replicate(t))
    ended = [t for t in own if t.state.is_finished() and not is_put_back(t)]
    ended.sort(key=lambda t: (t.datetime_complete or datetime.max, t.number))
    return [
        sign * t.values[0]
        if t.state == TrialState.COMPLETE and t.values and keeps(t, constraints)
        else -math.inf
        for t in ended
    ]


def worked_seconds(trials: Sequence[FrozenTrial]) -> float:
    """For how long at least one trial has run."""
    now = datetime.now()
    spans = sorted(
        (t.datetime_start.timestamp(), (t.datetime_complete or now).timestamp())
        for t in trials
        if t.datetime_start is not None and (t.datetime_complete or not is_foreign(t))
    )
    total, until = 0.0, -math.inf
    for begin, end in spans:
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
