"""Proposes the parameters of the next trial.

The sampler, and what is forced on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import optuna
from numpy.random import SeedSequence
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, GridSampler, TPESampler
from optuna.trial import FrozenTrial

from zmodel.sweep.history.bounded_history import BoundedHistory
from zmodel.sweep.history.judged_history import JudgedHistory
from zmodel.sweep.history.paused_history import PausedHistory
from zmodel.sweep.history.widened_history import WidenedHistory
from zmodel.sweep.limits.each_feasible import EachFeasible
from zmodel.sweep.limits.feasible_sampler import REDRAWN, REDRAWN_GP, FeasibleSampler
from zmodel.sweep.limits.study_limits import Limits
from zmodel.sweep.sampling.exact_decimals import ExactDecimals
from zmodel.sweep.sampling.floor_schedule import FloorSchedule, forced_attrs
from zmodel.sweep.sampling.forcing_sampler import ForcingSampler
from zmodel.sweep.sampling.replicates import WithoutReplicates, next_repeated
from zmodel.sweep.sampling.samplers import is_grid, make_sampler, needs_lock
from zmodel.sweep.settings import Settings
from zmodel.sweep.space.combinations import count_combinations
from zmodel.sweep.space.search_space import SearchSpace

REDRAWS = 1
"""Tells the seed of draws after too large proposals from the sampler's."""


class Proposals:
    """The proposing side of a worker; between trials it keeps nothing that matters."""

    def __init__(
        self,
        settings: Settings,
        space: SearchSpace,
        widened: bool = False,
        limits: Limits | None = None,
    ) -> None:
        """`widened`: the study has trials of a narrower space."""
        self._settings = settings
        self._widened = widened
        self._limits = limits
        self._known = limits.known if limits is not None else None
        self._space = space
        most = settings.n_trials
        listed = self._known is not None and self._known.combinations is not None
        counted = most is not None and count_combinations(space, most) is not None
        self._every_one = listed or counted
        """The budget has room for every combination: to force one would repeat another."""
        once = self._every_one or is_grid(settings.sampler)  # each combination
        self.share_repeated = 0.0 if once else settings.replicate
        self.floors = _floors(settings, space, self.share_repeated)
        self.needs_lock = needs_lock(settings.sampler)
        """Whether sampling must exclude other workers (samplers that keep state in the study)."""

    def decide(self, trials: Sequence[FrozenTrial], slot: int) -> dict[str, Any]:
        """User attributes of the next new trial, decided under the study's lock."""
        share = self.share_repeated
        if int((slot + 1) * share) > int(slot * share):
            maximize = self._settings.direction[0] == "maximize"
            repeated = next_repeated(trials, maximize, self._settings.constraints)
            if repeated is not None:
                return {"replicate": repeated}
        decided: dict[str, Any] = {}
        if self.floors is not None and not self._every_one:
            decided = forced_attrs(self.floors.next_forced(trials))
        share = self._settings.control
        if int((slot + 1) * share) > int(slot * share):  # evenly spread over the slots
            decided["control"] = True
        return decided

    def sampler_for(self, ticket: FrozenTrial) -> optuna.samplers.BaseSampler:
        """A fresh sampler, seeded by the study's seed and the slot: draws do not depend on
        which worker makes them, nor on interruptions."""
        return self.sampler_for_slot(ticket.user_attrs["slot"])

    def sampler_for_slot(self, slot: int) -> optuna.samplers.BaseSampler:
        settings, limits, known = self._settings, self._limits, self._known
        if known is not None and known.combinations is not None:
            return EachFeasible(known.combinations, settings.seed)
        sampler: BaseSampler = make_sampler(settings.sampler, settings.seed, slot, self._space)
        if settings.history is not None and not isinstance(sampler, TPESampler | GPSampler):
            raise ValueError(
                "hydra.sweeper.history bounds what tpe and gp learn from, got the sampler "
                f"{type(sampler).__name__}. Set hydra.sweeper.history=null."
            )
        if self._widened or settings.on_change == "widen":
            _refuse_to_widen(sampler)
        pauses = settings.stopping and isinstance(sampler, TPESampler)
        learns = "constraints_func" in signature(type(sampler)).parameters
        redrawn = REDRAWN_GP if isinstance(sampler, GPSampler) else REDRAWN
        grid = isinstance(sampler, GridSampler)  # hands out a point that a given trial has taken
        if settings.coverage or settings.stopping or grid or known is not None:
            sampler = ForcingSampler(sampler, self._space.distributions)
        if self._widened:
            sampler = WidenedHistory(sampler, self._space.distributions)
        if settings.history:
            sampler = BoundedHistory(sampler, settings.history)
        sampler = ExactDecimals(WithoutReplicates(sampler))  # an earlier command may have made some
        if limits is not None:
            sampler = JudgedHistory(sampler, limits.constraints, learns)
        if pauses:
            sampler = PausedHistory(sampler)
        if known is not None:
            entropy = SeedSequence([settings.seed, slot, REDRAWS])
            drawn = int(entropy.generate_state(1)[0])
            sampler = FeasibleSampler(sampler, known, drawn, redrawn)
        return sampler

    def changes(self, ticket: FrozenTrial) -> dict[str, Any]:
        """Values set in this trial's configuration whatever its parameters."""
        return self._settings.control_changes if ticket.user_attrs.get("control") else {}


def _refuse_to_widen(sampler: BaseSampler) -> None:
    if isinstance(sampler, GridSampler | CmaEsSampler):
        raise ValueError(
            "a study can be widened with a sampler that keeps no notes of its space, received "
            f"{type(sampler).__name__}. Choose hydra/sweeper/sampler=tpe, or start a study of "
            "another name with hydra.sweeper.from_study."
        )


def _floors(settings: Settings, space: SearchSpace, replicate: float) -> FloorSchedule | None:
    if not settings.coverage:
        return None
    sure = settings.sure_trials
    left = sure - int(sure * replicate)
    try:
        return FloorSchedule(
            settings.coverage, space, left, settings.policy, constraints=settings.constraints
        )
    except ValueError as error:
        why = ""
        if sure == settings.paid:
            why += (
                f" hydra.sweeper.epochs={settings.epochs} surely pays for {sure} trials: raise "
                "it, or lower trainer.max_epochs."
            )
        if left < sure:
            why += f" hydra.sweeper.replicate leaves {left} of {sure} trials to them."
        raise ValueError(f"{error}{why}") from None
