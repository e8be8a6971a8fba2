"""The sampler of the final stage: it gives each slot its listed run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial

from zmodel.sweep.sampling.decided_sampler import DecidedSampler


class ListedRuns(DecidedSampler):
    """Proposes `runs[slot]`, whichever worker asks. A longer list goes on with the same study."""

    def __init__(self, runs: Sequence[Mapping[str, Any]]) -> None:
        self._runs = runs

    def decided(self, trial: FrozenTrial, name: str) -> Any:
        return self._runs[trial.user_attrs["slot"]][name]
