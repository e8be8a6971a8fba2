"""Whether a study has reached the end set by `hydra.sweeper.stop`.

Decided once, for all workers.

The first worker that sees it notes the reason in the study, and all other workers of the same rule
end by that note, whatever their running trials will say. The note holds for later commands too,
until one has another rule or a larger budget. With a larger budget the gain is looked at again once
as many trials have ended as the note spoke of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import optuna

from zmodel.study.budget.slots import Slots
from zmodel.sweep.sampling.floor_schedule import FloorSchedule
from zmodel.sweep.settings import Settings
from zmodel.sweep.stopping.epoch_plan import EpochPlan

STOPS = "stops"
"""Attribute of a study: the reasons by which it has ended."""


@dataclass
class Ending:
    """Looks at one study for one process."""

    settings: Settings
    study: optuna.Study
    slots: Slots
    floors: FloorSchedule | None
    plan: EpochPlan | None

    def reason(self) -> dict[str, Any] | None:
        """Why the study ends, noted in it; None while it goes on."""
        rule, settings = self.settings.stop, self.settings
        if rule is None:
            return None
        budget = settings.n_trials or settings.epochs or 0
        known = self.study.user_attrs.get(STOPS) or []
        last = known[-1] if known and known[-1]["rule"] == rule.to_json() else None
        if last is not None and budget <= last["budget"]:
            return dict(last)
        trials = self.slots.refresh()
        ended = len(self.slots.ledger.settled)
        wait = 0 if last is None else last["ended"] + last.get("ahead", 0)
        if self._owes_trials(trials):
            return None
        maximize = settings.direction[0] == "maximize"
        found = rule.reason(trials, maximize, ended >= wait, constraints=settings.constraints)
        if found is None:
            return None
        noted = {**found, "rule": rule.to_json(), "budget": budget, "ended": ended}
        self.study.set_user_attr(STOPS, [*known, noted])
        self.study.set_user_attr("ended", noted)
        return noted

    def _owes_trials(self, trials: list[optuna.trial.FrozenTrial]) -> bool:
        """Whether a value has not got what was promised to it."""
        if self.plan is not None and self.plan.missing(self.slots.ledger, trials):
            return True
        reports = self.floors.report(trials) if self.floors else []
        return any(not one.is_met and one.given_up is None for one in reports)
