"""What a sampler proposes *given* some parameters: its own criterion with those held fixed.

Optuna has no such thing. Its PartialFixedSampler drops the fixed parameters from the model, so
that a forced five-layer trial gets the learning rate that suits all depths on average. Here

- a trial counts by its rank among those with the same forced values (`ranked.py`). By the bare
  result no trial of a weaker depth would ever be an example of a good one;
- TPE draws its candidates from the conditional of its joint density (`given_tpe.py`);
- the Gaussian process maximises its acquisition function with the forced coordinates held
  (`given_gp.py`).

Measured (`benchmarks/conditional.py`) on a synthetic space of five depths with floors of 6: how far
the best trial of each depth stayed below its optimum, mean over depths and studies with standard
error. "Replaced" is a free proposal with the depth overwritten.

| sampler, trials, studies | best rate changes per layer | replaced    | given       |
|--------------------------|-----------------------------|-------------|-------------|
| TPE, 60, 60              | by 1.6                      | .040 ± .002 | .038 ± .003 |
|                          | by 6.3                      | .138 ± .008 | .098 ± .005 |
| GP, 40, 12               | by 1.6                      | .041 ± .003 | .042 ± .005 |
|                          | by 6.3                      | .149 ± .007 | .101 ± .014 |

So it helps where depths want different settings, and does no harm where they don't. Two variants
were dropped: bare results instead of ranks (TPE .136 ± .007 in the second row, the GP .078 ± .006
in the third), and a history of the forced value alone, of which there are too few trials when a
floor has to be forced.

This leans on internals of Optuna 5.0. Where they are gone, `given` returns None, and the caller
falls back on replacing.
"""

from __future__ import annotations

from typing import Any, Protocol

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from zmodel.sweep.sampling.ranked_study import Forced, Space


class Proposer(Protocol):
    """The two ways in which Optuna asks a sampler."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]: ...

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any: ...


def given(sampler: BaseSampler, forced: Forced, space: Space) -> Proposer | None:
    """Proposes like `sampler`, whose random state it shares, given `forced`; None if it cannot.

    `space` has the distributions of the forced parameters.
    """
    try:
        if isinstance(sampler, TPESampler):
            from zmodel.sweep.sampling.given_tpe import ConditionalTPE

            return ConditionalTPE(sampler, forced, space)
        if isinstance(sampler, GPSampler):
            from zmodel.sweep.sampling.given_gp import ConditionalGP

            return ConditionalGP(sampler, forced, space)
    except (ImportError, AttributeError):
        pass
    return None
