"""Checks the constraints of a study when it starts.

What is known before training, and what can be kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from zmodel.core.run_value import RESULT_KEYS, value_of
from zmodel.core.suggestion import suggestion
from zmodel.study.cells import Cell, value_cells
from zmodel.study.constraints import Constraint
from zmodel.study.distribution_values import count_values
from zmodel.sweep.limits.each_feasible import each_combination
from zmodel.sweep.limits.known_sizes import KnownSizes, Params, load_sizes
from zmodel.sweep.sampling.floors import parse_floors
from zmodel.sweep.settings import Settings
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.workers.job import Job

DEPTH = "z_layers"
MOST_DEPTHS = 50
"""With more values, a depth without floors is drawn like any other parameter."""
MOST_LISTED = 2000
"""So many configurations are measured to list the feasible ones."""


@dataclass(frozen=True)
class Limits:
    """The constraints of a study; `known` are those that are known before training, if any."""

    constraints: tuple[Constraint, ...]
    known: KnownSizes | None = None

    def broken(self, params: Params) -> str | None:
        """Which limits a whole configuration breaks, in words; None: none that is known."""
        if self.known is None or not _is_whole(params, self.known.space):
            return None
        return self.known.said(self.known.amounts(params)) or None

    def logged(self, result: Mapping[str, Any]) -> dict[str, float]:
        """What a run has logged of what the other constraints bound.

        Raises:
            ValueError: it has not logged one of them.
        """
        before = {c.name for c in self.known.constraints} if self.known else set()
        found = {}
        for name in (c.name for c in self.constraints if c.name not in before):
            value = value_of(name, result)
            if value is None:
                names = (*(result.get("metrics") or {}), *RESULT_KEYS)
                logged = [n for n in names if value_of(n, result) is not None]
                raise ValueError(
                    "hydra.sweeper.constraints can bound what is known before training "
                    f"(hydra.sweeper.sizes) or what a run logs, received {name!r}; "
                    f"{suggestion(name, logged)}"
                )
            found[name] = value
        return found

    def listed(self) -> list[Params]:
        """Every feasible configuration of a space that has few.

        Raises:
            ValueError: it has many.
        """
        assert self.known is not None
        found = []
        for count, params in enumerate(each_combination(self.known.space)):
            if count == MOST_LISTED:
                raise ValueError(
                    f"a search that tries every configuration measures {MOST_LISTED:,} of them at "
                    "most for hydra.sweeper.constraints, received more. Search fewer values, or "
                    "use hydra/sweeper/sampler=random."
                )
            if self.known.beyond(params) <= 0:
                found.append(params)
        return found


def make_limits(
    settings: Settings, space: SearchSpace, job: Job, example: DictConfig
) -> Limits | None:
    """None without constraints.

    Args:
        example: the configuration of a trial.

    Raises:
        ValueError: no configuration keeps them, or none of a value that has a floor.
    """
    constraints = settings.constraints
    if not constraints:
        return None
    names = [constraint.name for constraint in constraints]
    before = load_sizes(settings.sizes)(example, names) if settings.sizes else {}
    own = tuple(c for c in constraints if c.name in before)
    if settings.sizes is None or not own:
        return Limits(constraints)
    if space.custom is not None:
        raise ValueError(
            f"hydra.sweeper.constraints on {own[0].name} are checked before a trial begins, which "
            "cannot be done with hydra.sweeper.custom_search_space, whose parameters are asked for "
            "in Python. Declare them in hydra.sweeper.params."
        )
    known = KnownSizes(own, settings.sizes, space, job, settings.folder)
    _need_any(known, settings.seed)
    _find_examples(known, settings)
    return Limits(constraints, known)


def _need_any(known: KnownSizes, seed: int) -> None:
    found, nearest = known.find(None, seed)
    if found is None:
        raise ValueError(
            "a configuration of the search must keep hydra.sweeper.constraints, and none was found "
            f"that does: the nearest has {known.said(nearest)}. Raise the limits, or search "
            "smaller values."
        )


def _find_examples(known: KnownSizes, settings: Settings) -> None:
    """Look for a feasible configuration in every cell of the structural parameters."""
    space = known.space
    floors = {}
    if settings.coverage:
        floors = parse_floors(settings.coverage, space, settings.sure_trials)
    cells: dict[str, Sequence[Cell]] = {k: [f.cell for f in row] for k, row in floors.items()}
    for name, distribution in space.distributions.items():
        count = count_values(distribution)
        if name.rsplit(".", 1)[-1] == DEPTH and count is not None and count <= MOST_DEPTHS:
            cells.setdefault(name, value_cells(name, space.values(name)))
    known.cells = cells
    least = {floor.cell.name: floor.least for row in floors.values() for floor in row}
    for name, row in cells.items():
        known.examples |= _examples_of(name, row, known, settings.seed, least)


def _examples_of(
    name: str, row: Sequence[Cell], known: KnownSizes, seed: int, least: Mapping[str, int]
) -> dict[str, Params | None]:
    examples: dict[str, Params | None] = {}
    closed: dict[str, str] = {}
    for cell in row:
        examples[cell.name], nearest = known.find(cell, seed)
        if examples[cell.name] is None:
            closed[cell.label] = known.said(nearest)
            if least.get(cell.name):
                raise ValueError(
                    f"hydra.sweeper.coverage asks for {least[cell.name]} completed trials at "
                    f"{cell.name}, and no configuration with it was found that keeps "
                    f"hydra.sweeper.constraints: the nearest has {closed[cell.label]}. Search "
                    "other values, raise the limits, or leave out the floor."
                )
    if closed:
        told = "; ".join(f"{label}: {said}" for label, said in closed.items())
        print(f"note: no configuration of these values of {name} keeps the constraints: {told}")
    return examples


def _is_whole(params: Params, space: SearchSpace) -> bool:
    active = (name for name in space.distributions if space.is_active(name, params))
    return all(name in params for name in active)
