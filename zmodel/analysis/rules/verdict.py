"""One statement about a study: code, severity, message, evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SEVERITIES = ("ok", "note", "warning", "alarm")
CODES = (
    "underexplored",
    "pruning_bias",
    "boundary",
    "constraint_binds",
    "useless_region",
    "batch_size_searched",
    "unsteady",
    "saturated",
    "few_trials",
    "further_trials",
    "duplicates",
    "zombies",
    "failures",
    "overfitting",
    "early_stopping_bias",
    "never_learned",
    "no_better_than_trivial",
    "small_validation",
    "indistinguishable",
    "worse_than_baseline",
    "selection_optimism",
    "believable",
)


@dataclass(frozen=True)
class Verdict:
    """`message`: what can or cannot be concluded, in plain words; `evidence`: the numbers it
    rests on; `action`: what to do next, a command where there is one."""

    code: str
    severity: str
    message: str
    param: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    action: str | None = None

    def __post_init__(self) -> None:
        assert self.code in CODES and self.severity in SEVERITIES

    @property
    def rank(self) -> int:
        """0 for ok up to 3 for alarm."""
        return SEVERITIES.index(self.severity)
