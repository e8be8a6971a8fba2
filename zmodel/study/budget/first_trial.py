"""A trial whose parameters are known before the sampler is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial


@dataclass(frozen=True)
class FirstTrial:
    """Parameters, of which the sampler adds those that are missing, and attributes of the trial."""

    params: dict[str, Any]
    user: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)

    def waiting(self, slot: int) -> FrozenTrial:
        """As it is put into a storage, to be begun by a worker."""
        return create_trial(
            state=TrialState.WAITING,
            user_attrs={"slot": slot, "attempt": 1, **self.user},
            system_attrs={"fixed_params": self.params, **self.system},
        )
