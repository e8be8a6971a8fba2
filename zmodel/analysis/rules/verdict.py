"""One statement about a study: code, severity, message, evidence.

One rule gives every severity: it follows from what the statement could change in the conclusion,
which configuration is the best and how good it is.

- alarm: nothing can be concluded before it is mended;
- warning: the conclusion may be wrong by more than chance explains;
- note: the conclusion stays. Some of it is chance, or time could be saved.

So what speaks of a value that cannot win any more is a note, and so is what only costs time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SEVERITIES = ("ok", "note", "warning", "alarm")
CHOICE, VALUE, NOTHING = "choice", "value", "nothing"
CHANGES = (CHOICE, VALUE, NOTHING)
"""What a verdict could change: which configuration is the best, how good it is, or neither."""
IN_WORDS = {CHOICE: "which configuration is best", VALUE: "how good the best one is"}
CODES = {
    "zombies": CHOICE,
    "failures": CHOICE,
    "never_learned": CHOICE,
    "no_better_than_trivial": CHOICE,
    "small_validation": CHOICE,
    "pruning_bias": CHOICE,
    "early_stopping_bias": CHOICE,
    "underexplored": CHOICE,
    "boundary": CHOICE,
    "few_trials": CHOICE,
    "constraint_binds": CHOICE,
    "useless_region": CHOICE,
    "overfitting": CHOICE,
    "worse_than_baseline": CHOICE,
    "indistinguishable": CHOICE,
    "further_trials": CHOICE,
    "unsteady": CHOICE,
    "selection_optimism": VALUE,
    "saturated": NOTHING,
    "batch_size_searched": NOTHING,
    "duplicates": NOTHING,
    "believable": NOTHING,
}
"""Every code with the most that it could change. Among equals the order is that of the list: what
makes the judgement of all else uncertain comes before it."""


@dataclass(frozen=True)
class Verdict:
    """One statement about a study.

    `message`: what can or cannot be concluded, in plain words; `evidence`: the numbers it
    rests on; `action`: what to do next, a command where there is one; `at_stake`: what it could
    change where that is less than its code says."""

    code: str
    severity: str
    message: str
    param: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    action: str | None = None
    at_stake: str | None = None

    def __post_init__(self) -> None:
        assert self.code in CODES and self.severity in SEVERITIES and self.changes in CHANGES
        assert self.rank < 2 or self.changes != NOTHING, "what changes nothing is no warning"

    @property
    def rank(self) -> int:
        """0 for ok up to 3 for alarm."""
        return SEVERITIES.index(self.severity)

    @property
    def changes(self) -> str:
        """What it could change in the conclusion, one of `CHANGES`."""
        return self.at_stake or CODES[self.code]


def by_consequence(verdict: Verdict) -> tuple[int, int, int]:
    """Sorts verdicts: the worst first, among equals what could change more."""
    return -verdict.rank, CHANGES.index(verdict.changes), list(CODES).index(verdict.code)
