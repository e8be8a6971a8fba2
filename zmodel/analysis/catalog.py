"""The diagnostics in the order of the page. A new one is its file and a line here."""

from __future__ import annotations

from types import ModuleType

from zmodel.analysis.diagnostics.search import (
    duplicates,
    edf,
    failures,
    final,
    history,
    pareto,
    states,
    timeline,
    zombies,
)
from zmodel.analysis.diagnostics.space import (
    bounds,
    contour,
    coverage,
    importance,
    joint,
    parallel,
    rank,
    slice,
    values,
)
from zmodel.analysis.diagnostics.training import (
    confusion,
    curves,
    foresight,
    overfitting,
    own_pruner,
    pruning_audit,
    speed,
    stopping,
)

SECTIONS: tuple[tuple[str, tuple[ModuleType, ...]], ...] = (
    ("Where the trials went", (coverage, states, values, joint)),
    ("What mattered", (importance, slice, contour, rank, parallel, bounds)),
    ("Pruning and stopping", (speed, foresight, pruning_audit, own_pruner, stopping)),
    ("How the networks learned", (curves, confusion, overfitting, final)),
    ("How the search went", (history, edf, pareto, timeline, failures, duplicates, zombies)),
)
# drawn only when there is something to see
ONLY_IF = {
    failures: lambda record: bool(record.reasons),
    duplicates: lambda record: bool(record.groups),
    zombies: lambda record: bool(record.zombies),
}
# left out when they are not available: most studies have nothing of the kind
OPTIONAL = (own_pruner,)


def name_of(module: ModuleType) -> str:
    """The name of a diagnostic: that of its file, its figure and its table."""
    return module.__name__.rsplit(".", 1)[-1]


def modules() -> list[ModuleType]:
    return [module for _, group in SECTIONS for module in group]
