"""Interface of a plan that decides what a free worker does.

Used when the budget is one of epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from optuna.trial import FrozenTrial

from zmodel.study.budget.ledger import Ledger


class Next(NamedTuple):
    """What a free worker gets: the paused trial at a slot, or with None a new trial.

    Attributes:
        attrs: the user attributes that the trial gets.
    """

    slot: int | None
    attrs: dict[str, Any]

    @property
    def limits(self) -> dict[str, Any]:
        """What holds for a trial whose parameters were given beforehand, too."""
        return {key: value for key, value in self.attrs.items() if key != "forced_to"}


class Plan(Protocol):
    """Decides under the study's lock, from the trials alone."""

    @property
    def epochs(self) -> int:
        """The budget, over all trials."""

    def next(self, ledger: Ledger, trials: Sequence[FrozenTrial], *, new: bool) -> Next | None:
        """What a free worker gets, a new trial only if `new`; None: nothing that is paid for."""

    def used(self, ledger: Ledger, trials: Sequence[FrozenTrial]) -> int:
        """Epochs that all trials have done."""
