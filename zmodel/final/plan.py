"""The plan of a final stage, kept in final/plan.json.

It is decided once; a second start obeys it.

Were the candidates chosen anew whenever the study has grown, its test scores would soon have
been looked at for several winners.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zmodel.analysis.page.files import to_json
from zmodel.analysis.statistics.selection import objective_name, ranked, score
from zmodel.cli.overrides_of_trial import trial_overrides
from zmodel.core.arguments import at_least
from zmodel.core.atomic_file import write
from zmodel.study.constraints import constraints_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

PLAN_FILE = "plan.json"
OPTIONS = ("top", "seeds", "stretch", "one_standard_error", "retrain")
COUNTS = ("top", "seeds", "stretch")


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
    checked = {key: _checked(key, options.get(key)) for key in OPTIONS}
    path = folder / PLAN_FILE
    if not path.is_file() or not (folder / "trials").is_dir():
        plan = make_plan(record, checked)
        write(path, plan.to_json(), durable=True)
        return plan
    plan = FinalPlan.read(path)
    lines = [
        f"final.{key}: {plan.options.get(key)} -> {checked[key]}"
        for key in OPTIONS
        if plan.options.get(key) != checked[key]
    ]
    if lines:
        raise ValueError(
            f"The final stage of '{plan.study}' was started with other options: "
            f"{', '.join(lines)}. Give the same ones, or move {folder} away to start it again."
        )
    return plan


def make_plan(record: StudyRecord, options: dict[str, Any]) -> FinalPlan:
    """Choose the best distinct configurations and seeds that no trial of the study has used.

    A search keeps the configurations whose seed was lucky; another seed draws anew. On small
    validation sets many are equal: the lower validation loss then decides.
    """
    best_first = sorted(ranked(record), key=lambda t: (-(score(record, t) or 0.0), _loss(t)))
    chosen = _distinct(best_first)[: options["top"]]
    baseline = next((t for t in best_first if attr(t, "baseline")), None)
    if baseline is not None:  # another trial may have repeated it
        baseline = next((t for t in chosen if t.params == baseline.params), baseline)
        chosen += [] if baseline in chosen else [baseline]
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
    used = {trial.attrs.get("seed") for trial in record.trials}
    fresh = (seed for seed in range(len(used) + options["seeds"]) if seed not in used)
    return FinalPlan(
        study=record.name,
        metric=objective_name(record),
        directions=record.directions,
        options=options,
        candidates=tuple(t.number for t in chosen),
        overrides={t.number: tuple(trial_overrides(folder, t.number)) for t in chosen},
        search_values={t.number: float(t.values[0]) for t in chosen if t.values},
        seeds=tuple(seed for seed, _ in zip(fresh, range(options["seeds"]), strict=False)),
        completed=len(best_first),
        baseline=baseline.number if baseline else None,
        constraints={c.name: c.text for c in constraints_of(record.attrs)},
    )


def _loss(trial: TrialRecord) -> float:
    loss = attr(trial, "metrics", {}).get("val/loss")
    return float(loss) if isinstance(loss, int | float) else math.inf


def _distinct(trials: list[TrialRecord]) -> list[TrialRecord]:
    """The first trial of each set of parameters."""
    seen: dict[str, TrialRecord] = {}
    for trial in trials:
        seen.setdefault(json.dumps(trial.params, sort_keys=True, default=str), trial)
    return list(seen.values())


def _checked(key: str, value: Any) -> Any:
    if key in COUNTS:
        at_least(f"final.{key}", value, 1)
    elif not isinstance(value, bool):
        raise ValueError(f"final.{key} must be true or false, got {value!r}.")
    return value
