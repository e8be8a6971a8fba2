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
        given: whether it is the trial whose parameters were chosen beforehand.
    """

    slot: int | None
    attrs: dict[str, Any]
    given: bool = False


class Plan(Protocol):
    """Decides under the study's lock, from the trials alone."""

    @property
    def epochs(self) -> int:
        """The budget, over all trials."""

    def next(
        self, ledger: Ledger, trials: Sequence[FrozenTrial], *, new: bool, given: FrozenTrial | None
    ) -> Next | None:
        """What a free worker gets; None: nothing that is paid for.

        Args:
            new: whether the budget of trials has room for another one.
            given: the next trial whose parameters were chosen beforehand; it has its room.
        """

    def used(self, ledger: Ledger, trials: Sequence[FrozenTrial]) -> int:
        """Epochs that all trials have done."""
