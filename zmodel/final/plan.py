"""The plan of a final stage, kept in final/plan.json.

It is decided once; a second start obeys it.

Were the candidates chosen anew whenever the study has grown, its test scores would soon have
been looked at for several winners.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zmodel.analysis.page.files import to_json
from zmodel.analysis.statistics.selection import objective_name, scored
from zmodel.cli.overrides_of_trial import trial_overrides
from zmodel.core.arguments import at_least
from zmodel.core.atomic_file import write
from zmodel.final.race.candidates import baseline_among, best_first, for_race
from zmodel.final.race.rule import BASELINE
from zmodel.run.checks import LARGEST_SEED
from zmodel.study.constraints import constraints_of
from zmodel.study.records import StudyRecord, TrialRecord

PLAN_FILE = "plan.json"
COUNTS = {"top": 1, "seeds": 1, "stretch": 1, "runs": 1, "candidates": 2, "first_seed": 0}
"""Options that are whole numbers, and the least."""
DEFAULTS = {
    "top": None, "seeds": None, "stretch": 2, "runs": 15, "candidates": 10,
    "confidence": 0.9, "one_standard_error": False, "retrain": "auto",
    "first_seed": 0,
}  # fmt: skip
"""Those of final.yaml: a program whose own file is older than an option works as it did."""
FIXED = {"top": 3, "seeds": 5}
"""What the one of the two is when the other is given: every candidate gets every seed, no race."""


@dataclass(frozen=True)
class FinalPlan:
    """Candidates are trial numbers of the study, best first; `overrides` how each was composed."""

    study: str
    metric: str
    """What the search optimised and the winner is chosen by."""
    directions: tuple[str, ...]
    options: dict[str, Any]
    """The keys of `final` under which the plan was made."""
    candidates: tuple[int, ...]
    overrides: dict[int, tuple[str, ...]]
    search_values: dict[int, float]
    seeds: tuple[int, ...]
    completed: int
    """Completed trials of the search at that time."""
    baseline: int | None = None
    """The configuration as composed, a candidate whatever its rank; None: the study has none that
    was completed."""
    constraints: dict[str, str] = field(default_factory=dict)
    """Of the study, which the winner must keep with its new seeds too."""

    @property
    def is_race(self) -> bool:
        """Whether candidates leave; those of `final.top` or `final.seeds` all run to the end."""
        return self.options["top"] is None

    @property
    def maximize(self) -> bool:
        return self.directions[0] == "maximize"

    @property
    def best_of_search(self) -> float:
        return self.search_values[self.candidates[0]]

    def to_json(self) -> str:
        return to_json(asdict(self))

    @classmethod
    def read(cls, path: Path) -> FinalPlan:
        """ValueError when the file does not hold a plan."""
        try:
            data: dict[str, Any] = json.loads(path.read_text())
            data["overrides"] = {int(k): tuple(v) for k, v in data["overrides"].items()}
            data["search_values"] = {int(k): v for k, v in data["search_values"].items()}
            data |= {k: tuple(data[k]) for k in ("directions", "candidates", "seeds")}
            return cls(**data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} must hold the plan of a final stage, but cannot be read ({error}). "
                f"Move the folder {path.parent} away to start the final stage again."
            ) from error


def settle_plan(record: StudyRecord, options: Mapping[str, Any], folder: Path) -> FinalPlan:
    """The plan in `folder`, made anew until a first run exists; the caller holds the lock.

    Raises:
        ValueError: a wrong option, or one that differs from those of the first start.
    """
    checked = check_options(options)
    path = folder / PLAN_FILE
    if not path.is_file() or not (folder / "trials").is_dir():
        plan = make_plan(record, checked)
        write(path, plan.to_json(), durable=True)
        return plan
    plan = FinalPlan.read(path)
    lines = [
        f"final.{key}: {known} -> {checked[key]}"
        for key, known in (
            DEFAULTS | plan.options
        ).items()  # older than an option: as it worked then
        if checked.get(key) != known and not (key in FIXED and options.get(key) is None)
    ]
    if lines:
        raise ValueError(
            f"The final stage of '{plan.study}' was started with other options: "
            f"{', '.join(lines)}. Give the same ones, or move {folder} away to start it again."
        )
    return plan


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with `top` and `seeds` both given, or neither; ValueError for a wrong one."""
    checked = {key: _checked(key, options.get(key, value)) for key, value in DEFAULTS.items()}
    if any(checked[key] is not None for key in FIXED):
        checked |= {key: checked[key] or least for key, least in FIXED.items()}
    return checked


def make_plan(record: StudyRecord, options: dict[str, Any]) -> FinalPlan:
    """Choose distinct configurations, and seeds that no trial of the study has used.

    A search keeps the configurations whose seed was lucky; another seed draws anew.
    """
    options = check_options(options)
    chosen, baseline = _candidates(record, options)
    if not chosen:
        raise ValueError(
            f"The final stage needs a completed trial that keeps the study's constraints, study "
            f"'{record.name}' has none yet. Continue the study first."
        )
    if record.folder is None:
        raise ValueError(
            f"The final stage needs the runs of study '{record.name}', but there is no folder of "
            "that name. Give paths.log_dir=... of the machine on which it ran."
        )
    folder = record.folder
    # a race of fewer runs still gives the baseline its own
    count = max(options["runs"], BASELINE) if options["top"] is None else options["seeds"]
    return FinalPlan(
        study=record.name,
        metric=objective_name(record),
        directions=record.directions,
        options=options,
        candidates=tuple(t.number for t in chosen),
        overrides={t.number: tuple(trial_overrides(folder, t.number)) for t in chosen},
        search_values={t.number: float(t.values[0]) for t in chosen if t.values},
        seeds=_fresh_seeds(record, options["first_seed"], count),
        completed=len(scored(record)),
        baseline=baseline.number if baseline else None,
        constraints={c.name: c.text for c in constraints_of(record.attrs)},
    )


def _candidates(
    record: StudyRecord, options: Mapping[str, Any]
) -> tuple[list[TrialRecord], TrialRecord | None]:
    """All of them, and the one that is the baseline."""
    everyone = best_first(record)
    baseline = baseline_among(everyone, record)
    if options["top"] is None:
        chosen = for_race(record, everyone, baseline, options["candidates"], options["confidence"])
    else:
        chosen = everyone[: options["top"]]
    if baseline is not None and baseline not in chosen:
        chosen.append(baseline)
    return chosen, baseline


def _fresh_seeds(record: StudyRecord, first: int, count: int) -> tuple[int, ...]:
    """The `count` least from `first` on that no trial has used."""
    used = {trial.attrs.get("seed") for trial in record.trials}
    fresh = [seed for seed in range(first, first + len(used) + count) if seed not in used][:count]
    if fresh[-1] > LARGEST_SEED:
        raise ValueError(
            f"final.first_seed={first} needs seeds up to {fresh[-1]}, and the largest is "
            f"{LARGEST_SEED}. Make it smaller."
        )
    return tuple(fresh)


def _checked(key: str, value: Any) -> Any:
    if key in COUNTS and not (key in FIXED and value is None):
        at_least(f"final.{key}", value, COUNTS[key])
    elif key == "confidence":
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not real or not 0.5 < value < 1:
            raise ValueError(
                f"final.confidence must lie between 0.5 and 1, got {value!r}. Set it to 0.9, say."
            )
    elif key == "retrain":
        if not isinstance(value, bool) and value != "auto":
            raise ValueError(f"final.retrain must be auto, true or false, got {value!r}.")
    elif key not in COUNTS and not isinstance(value, bool):
        raise ValueError(f"final.{key} must be true or false, got {value!r}.")
    return value
