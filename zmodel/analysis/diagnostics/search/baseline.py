"""What the search gained over its baseline.

The baseline is the configuration as composed, without the search.

By the values of the search, and once the final stage has trained both again with the same seeds, by
those: the best of many values is too good by chance, what new seeds give is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zmodel.analysis.final_stage import summary_of
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import (
    baseline_of,
    compared,
    objective_name,
    ranked,
    score,
)
from zmodel.study.cells import value_label
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord
from zmodel.study.trial_attributes import attr

TITLE = "Baseline"
QUESTION = "Is the best trial better than the configuration that the search began with?"


@dataclass(frozen=True)
class NewSeeds:
    """The best other candidate of the final stage against the baseline, by `n` common seeds.

    `gain` is above 0 when the search is better; `low` and `high`: 95 % interval of its mean.
    """

    trial: int
    n: int
    gain: float
    low: float | None
    high: float | None

    @property
    def seeds(self) -> str:
        return "one new seed" if self.n == 1 else f"{self.n} new seeds each"

    @property
    def interval(self) -> str:
        """In brackets; empty for one seed."""
        if self.low is None:
            return ""
        return f" (95 % interval of the gain {self.low:+.4f} to {self.high:+.4f})"


@dataclass(frozen=True)
class Baseline:
    """The baseline, and what the search gained over it.

    `best`: the best other trial, None when none has completed; `gain` of it in the search, above
    0 when it is better; `moved`: composed values outside the space, as (composed, taken)."""

    objective: str
    trial: int
    value: float
    best: int | None
    best_value: float | None
    gain: float | None
    others: int
    moved: dict[str, tuple[Any, Any]]
    final: NewSeeds | None


def data(study: StudyRecord) -> Baseline:
    own = baseline_of(study)
    if own is None:
        raise Unavailable("the study has no baseline: hydra.sweeper.baseline=true gives a new one")
    reached = score(study, own) if own.state == "complete" else None
    if own.value is None or reached is None:
        raise Unavailable(f"the baseline, trial {own.number}, has not completed ({own.state})")
    others = [trial for trial in ranked(study) if trial is not own]
    first = others[0] if others else None
    return Baseline(
        objective_name(study),
        own.number,
        own.value,
        first.number if first else None,
        first.value if first else None,
        (score(study, first) or 0.0) - reached if first else None,
        len(others),
        _pairs(attr(own, "baseline_moved", {})),
        _final(study),
    )


def _pairs(moved: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Those that are pairs: others can write to a study too."""
    known = {k: v for k, v in moved.items() if isinstance(v, list | tuple) and len(v) == 2}
    return {plain(str(name)): (v[0], v[1]) for name, v in known.items()}


def _final(study: StudyRecord) -> NewSeeds | None:
    found: Any = summary_of(study).get("baseline")
    try:
        low, high = map(float, found["gain_ci"]) if found["gain_ci"] else (None, None)
        return NewSeeds(int(found["rival"]), int(found["n"]), float(found["gain"]), low, high)
    except (ValueError, KeyError, TypeError):
        return None


def rows(record: Baseline) -> list[Row]:
    by_search = {
        "by": "search", "baseline_trial": record.trial, "baseline_value": record.value,
        "trial": record.best, "value": record.best_value, "gain": record.gain,
    }  # fmt: skip
    if record.final is None:
        return [by_search]
    new = record.final
    by_final = {"by": "final stage", "baseline_trial": record.trial, "trial": new.trial, "n": new.n}
    return [by_search, {**by_final, "gain": new.gain, "low": new.low, "high": new.high}]


def caption(record: Baseline) -> str:
    text = f"The baseline, trial {record.trial}, reached {record.objective} {record.value:.4g}"
    if record.gain is None:
        text += "; no other trial has completed."
    else:
        text += (
            f"; the best of the {record.others} others, trial {record.best}, reached "
            f"{record.best_value:.4g}, which is {compared(record.gain)}."
        )
    if record.moved:
        parts = (
            f"{name} = {value_label(a)} as {value_label(b)}"
            for name, (a, b) in record.moved.items()
        )
        text += f" Values outside the search space were taken at its edge: {', '.join(parts)}."
    if record.final is None:
        return f"{text} The final stage trains both again with the same new seeds."
    new = record.final
    text += f" With {new.seeds}, trial {new.trial} is {compared(new.gain)}"
    return f"{text}{new.interval}."
