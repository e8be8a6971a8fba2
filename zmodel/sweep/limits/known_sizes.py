"""Whether a configuration keeps the constraints, before it is trained.

What can be told is what the function at ``hydra.sweeper.sizes`` returns: the number of parameters
and the memory of a training step for runs of this project.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf
from optuna.samplers import RandomSampler

from zmodel.core.equality import same
from zmodel.study.cells import Cell
from zmodel.study.constraints import BROKEN, Constraint
from zmodel.sweep.sampling.forcing_sampler import obey
from zmodel.sweep.space.rehearsal_points import ends
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.workers.job import Job

Params = dict[str, Any]
Sizes = Callable[[DictConfig, Collection[str]], Mapping[str, float]]
DRAWN = 30
"""So many random configurations are looked at before one is made smaller step by step."""


@dataclass
class KnownSizes:
    """The constraints that are known before training; picklable.

    Attributes:
        cells: of structural parameters, whose values are tried as often as sampler and floors say.
        examples: by the name of a cell, a feasible configuration in it; None: none was found.
        combinations: every feasible one, where a search tries each.
    """

    constraints: tuple[Constraint, ...]
    path: str
    space: SearchSpace
    job: Job
    folder: Path
    cells: dict[str, Sequence[Cell]] = field(default_factory=dict)
    examples: dict[str, Params | None] = field(default_factory=dict)
    combinations: list[Params] | None = None
    _kept: DictConfig | None = field(default=None, init=False, repr=False, compare=False)
    _latest: tuple[Params, dict[str, float]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def structural_in(self, params: Mapping[str, Any]) -> list[str]:
        """The parameters of `params` whose first proposal stays.

        Those with a value in a cell in which a feasible configuration is known."""
        return [
            name
            for name, cells in self.cells.items()
            if name in params
            and any(c.holds(params[name]) and self.examples.get(c.name) for c in cells)
        ]

    def amounts(self, params: Params) -> dict[str, float]:
        """What the constraints bound, of this configuration; infinite where it cannot be built.

        Whoever draws configurations asks, and whoever is given them: the latest is measured once.
        """
        if self._latest is None or self._latest[0] is not params:
            self._latest = params, self.measure(params)
        return self._latest[1]

    def measure(self, params: Params) -> dict[str, float]:
        """The amounts, from the function."""
        names = [constraint.name for constraint in self.constraints]
        try:
            found = load_sizes(self.path)(self._config(params), names)
        except ValueError:
            return dict.fromkeys(names, math.inf)
        return {name: float(found[name]) for name in names}

    def _config(self, params: Params) -> DictConfig:
        """The configuration; one is kept, of which values are changed where nothing else would
        be: composing takes longer than measuring."""
        space, kept = self.space, self._kept
        if kept is None or not all(self._is_value(kept, name) for name in params):
            overrides = [*space.fixed, *space.overrides(params)]
            kept = self.job.compose(overrides, 0, self.folder, {})
            self._kept = None if space.conditions else kept
            return kept
        for name, value in params.items():
            OmegaConf.update(kept, name, space.decode(name, value), merge=True)
        return kept

    def _is_value(self, cfg: DictConfig, name: str) -> bool:
        if name in self.space.groups or not name[0].isalpha():
            return False
        return not OmegaConf.is_config(OmegaConf.select(cfg, name))

    def beyond(self, params: Params) -> float:
        """How far the configuration is beyond the limits, all together; 0: it keeps them."""
        return self.excess(self.amounts(params))

    def excess(self, amounts: Mapping[str, float]) -> float:
        """The same of amounts that are known."""
        each = (c.violation(amounts[c.name]) for c in self.constraints)
        return min(BROKEN, sum(max(0.0, value) for value in each))

    def random(self, sampler: RandomSampler, held: Mapping[str, Any]) -> Params:
        """A random configuration that has the held values, or lies in the held ranges."""
        params: Params = {}
        nowhere: Any = None  # a random sampler looks at neither study nor trial
        for name, distribution in self.space.distributions.items():
            if self.space.is_active(name, params):
                value = sampler.sample_independent(nowhere, nowhere, name, distribution)
                params[name] = obey(value, held[name], distribution) if name in held else value
        return params

    def search(self, sampler: RandomSampler, held: Mapping[str, Any]) -> Iterator[Params]:
        """Configurations with what is held, the last one feasible if any was found.

        Random ones first; then the nearest of them is led below the limits, parameter by
        parameter, which finds even a rare one where sizes grow with each parameter.
        """
        nearest: tuple[float, Params] = (math.inf, {})
        for _ in range(DRAWN):
            params = self.random(sampler, held)
            yield params
            nearest = min(nearest, (self.beyond(params), params), key=lambda pair: pair[0])
        yield from self._descent(*nearest, held)
        for example in filter(None, self.examples.values()):
            if all(name in example and _has(example[name], held[name]) for name in held):
                yield example

    def _descent(self, amount: float, params: Params, held: Mapping[str, Any]) -> Iterator[Params]:
        improved = True
        while improved and amount > 0:
            improved = False
            for name in [name for name in params if name not in held]:
                for end in ends(name, self.space):
                    tried = self._with(params, name, end)
                    found = self.beyond(tried)
                    if found < amount:
                        amount, params, improved = found, tried, True
                        yield params

    def _with(self, params: Params, name: str, value: Any) -> Params:
        """With another value; what only now exists is at its first end."""
        wanted = params | {name: value}
        made: Params = {}
        for other in self.space.distributions:
            if self.space.is_active(other, made):
                made[other] = wanted[other] if other in wanted else ends(other, self.space)[0]
        return made

    def find(self, cell: Cell | None, seed: int) -> tuple[Params | None, dict[str, float]]:
        """A feasible configuration in a cell, and the amounts of the one nearest to being so."""
        held = {} if cell is None else {cell.param: cell.target}
        nearest: tuple[float, dict[str, float]] = (math.inf, {})
        for params in self.search(RandomSampler(seed), held):
            amounts = self.amounts(params)
            if self.excess(amounts) <= 0:
                return params, amounts
            nearest = min(nearest, (self.excess(amounts), amounts), key=lambda pair: pair[0])
        return None, nearest[1]

    def said(self, amounts: Mapping[str, float]) -> str:
        """`parameters 7,210 (<= 5000)` for each limit that is broken."""
        return ", ".join(
            f"{c.name} {amounts[c.name]:,.10g} ({c.text})"
            for c in self.constraints
            if c.violation(amounts[c.name]) > 0
        )


def _has(value: Any, held: Any) -> bool:
    return held[0] <= value <= held[1] if isinstance(held, tuple) else same(value, held)


def load_sizes(path: str) -> Sizes:
    """The function at a dotted path; ValueError if none."""
    try:
        return get_method(path)
    except Exception as error:
        raise ValueError(
            "hydra.sweeper.sizes must be the dotted path of a function (cfg, names) -> {name: "
            f"number}}, received {path!r}: {error}"
        ) from error
