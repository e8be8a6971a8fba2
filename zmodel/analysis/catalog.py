"""The list of diagnostics, in the order of the page.

A new diagnostic is its file and a line here.
"""

from __future__ import annotations

from types import ModuleType

from zmodel.analysis.diagnostics.search import (
    baseline,
    duplicates,
    failures,
    final,
    further_trials,
    history,
    noise,
    pareto,
    rounds,
    timeline,
    zombies,
)
from zmodel.analysis.diagnostics.space import (
    constraints,
    contour,
    importance,
    joint,
    parallel,
    slice,
    useless,
    values,
)
from zmodel.analysis.diagnostics.training import (
    confusion,
    curves,
    foresight,
    late_epochs,
    lengths,
    overfitting,
    own_pruner,
    pausing,
    pruning_audit,
    residuals,
    running,
    speed,
    stopping,
)

SECTIONS: tuple[tuple[str, tuple[ModuleType, ...]], ...] = (
    ("Where the trials went", (values, joint, constraints, useless)),
    ("What mattered", (importance, slice, contour, parallel)),
    (
        "Pruning and stopping",
        (speed, foresight, pruning_audit, own_pruner, pausing, lengths, stopping),
    ),
    (
        "How the networks learned",
        (running, curves, late_epochs, confusion, residuals, overfitting, final),
    ),
    (
        "How the search went",
        (
            history,
            rounds,
            baseline,
            noise,
            further_trials,
            pareto,
            timeline,
            failures,
            duplicates,
            zombies,
        ),
    ),
)


def name_of(module: ModuleType) -> str:
    """The name of a diagnostic: that of its file, its figure and its table."""
    return module.__name__.rsplit(".", 1)[-1]


def modules() -> list[ModuleType]:
    return [module for _, group in SECTIONS for module in group]
