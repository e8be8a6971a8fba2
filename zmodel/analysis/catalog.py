"""The diagnostics in the order of the page. A new one is its file and a line here."""

from __future__ import annotations

from types import ModuleType

from zmodel.analysis.diagnostics import (
    bounds,
    confusion,
    coverage,
    curves,
    duplicates,
    failures,
    history,
    importance,
    overfitting,
    states,
    zombies,
)

SECTIONS: tuple[tuple[str, tuple[ModuleType, ...]], ...] = (
    ("Where the trials went", (coverage, states)),
    ("What mattered", (importance, bounds)),
    ("How the search went", (history, failures, duplicates, zombies)),
    ("How the networks learned", (curves, overfitting)),
    ("The best trial", (confusion,)),
)
# drawn only when there is something to see
ONLY_IF = {
    failures: lambda record: bool(record.reasons),
    duplicates: lambda record: bool(record.groups),
    zombies: lambda record: bool(record.zombies),
}


def name_of(module: ModuleType) -> str:
    """The name of a diagnostic: that of its file, its figure and its table."""
    return module.__name__.rsplit(".", 1)[-1]


def modules() -> list[ModuleType]:
    return [module for _, group in SECTIONS for module in group]
