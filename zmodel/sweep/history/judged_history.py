"""Earlier trials as the constraints of now judge them, for samplers."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from zmodel.compat.optuna.studies import judged
from zmodel.study.constraints import Constraint, is_feasible, violations
from zmodel.sweep.history.shown_history import ShownHistory


class JudgedHistory(ShownHistory):
    """Shows `sampler` finished trials with each of `constraints`, in their order.

    A trial of another program, or of a study that began without constraints, may lack one: where
    nothing is known of it, it counts as kept. The Gaussian process wants them all. A sampler that
    knows no constraints, such as CMA-ES, is not shown infeasible trials.

    Args:
        learns: whether the sampler knows constraints.
    """

    def __init__(
        self, sampler: BaseSampler, constraints: Sequence[Constraint], learns: bool
    ) -> None:
        super().__init__(sampler)
        self._constraints = constraints
        self._learns = learns

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        own = trial if self._learns else judged(trial, {})
        super().after_trial(study, own, state, values)

    def see(self, study: Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        return [seen for trial in trials if (seen := self._judge(trial)) is not None]

    def _judge(self, trial: FrozenTrial) -> FrozenTrial | None:
        if not trial.state.is_finished():
            return trial
        found = violations(trial, self._constraints)
        if not self._learns:
            return judged(trial, {}) if is_feasible(found) else None
        return judged(trial, {c.name: found.get(c.name, 0.0) for c in self._constraints})
