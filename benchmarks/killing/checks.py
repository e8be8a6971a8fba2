"""What must hold for a study after the faults."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import yaml
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from killing.slow_epochs import BEGAN
from zmodel.study.budget.ledger import Ledger, is_paused, slot_of, wants_retry

MOST_ATTEMPTS = 1000
"""``hydra.sweeper.max_attempts`` of the studies here: no slot is given up."""

Faulty = list[str]
"""What is wrong, one line each."""


def check_study(
    folder: Path, trials: list[FrozenTrial], slots: int, epochs: int, told: dict[int, float]
) -> dict[str, Faulty]:
    """What must hold -> what is wrong with it.

    Args:
        slots: the budget.
        epochs: of every trial.
        told: values of trials that were seen complete while the study ran, by their numbers.
    """
    outcomes = [t for t in trials if t.state.is_finished() and not wants_retry(t, MOST_ATTEMPTS)]
    checks: dict[str, Callable[[], Faulty]] = {
        "every slot has exactly one outcome": lambda: one_outcome_each(outcomes, slots),
        "every outcome is complete": lambda: not_complete(outcomes),
        "no trial runs or waits": lambda: not_finished(trials),
        "no parameters twice among outcomes": lambda: same_parameters(outcomes),
        "attempts at one slot have its parameters": lambda: changed_parameters(trials),
        "every outcome has the curve of all epochs": lambda: wrong_curves(outcomes, epochs),
        "no trial folder used by two numbers": lambda: shared_folders(folder, trials),
        "what was complete stayed as it was": lambda: changed_values(trials, told),
        "values are those of result.json": lambda: other_values(folder, outcomes),
        "best is the maximum over result.json": lambda: wrong_best(folder, outcomes),
    }
    return {name: check() for name, check in checks.items()}


def check_halving(
    folder: Path, trials: list[FrozenTrial], budget: int, epochs: int, told: dict[int, float]
) -> dict[str, Faulty]:
    """The same of a study that pauses its trials, where slots are as many as `budget` pays for."""
    latest = Ledger(MOST_ATTEMPTS).read(trials).latest
    paused = [t for t in latest.values() if is_paused(t)]
    found = check_study(folder, trials, len(latest), epochs, told)
    found["every slot has exactly one outcome"] = [
        line
        for line in found["every slot has exactly one outcome"]
        if line not in {f"slot {slot_of(t)} has no outcome" for t in paused}
    ]
    found["no trial runs or waits"] = [
        line
        for line in found["no trial runs or waits"]
        if line not in {f"trial {t.number} is WAITING" for t in paused}
    ]
    complete = [t for t in latest.values() if t.state == TrialState.COMPLETE]
    done = sum(len(t.intermediate_values) for t in latest.values())
    depths = {t.params["model.z_layers"] for t in complete}
    return found | {
        "every paused trial has the curve up to its rung": [
            f"trial {t.number}, paused at {t.user_attrs['paused_at']}"
            for t in paused
            if sorted(t.intermediate_values) != list(range(t.user_attrs["paused_at"]))
        ],
        "the epochs of the budget are used, and no more": (
            [] if done == budget else [f"{done} of {budget} epochs"]
        ),
        "every depth has a completed trial": [
            f"depth {depth} has none" for depth in range(1, 6) if depth not in depths
        ],
    }


def one_outcome_each(outcomes: list[FrozenTrial], slots: int) -> Faulty:
    found = Counter(slot_of(t) for t in outcomes)
    lost = [f"slot {k} has no outcome" for k in range(slots) if not found[k]]
    more = [f"slot {k} has {n} outcomes" for k, n in found.items() if n > 1]
    unknown = [f"slot {k} is not of the budget" for k in found if k not in range(slots)]
    return lost + more + unknown


def not_complete(outcomes: list[FrozenTrial]) -> Faulty:
    return [
        f"trial {t.number} {t.state.name}: {t.user_attrs.get('fail_reason')}"
        for t in outcomes
        if t.state != TrialState.COMPLETE
    ]


def not_finished(trials: list[FrozenTrial]) -> Faulty:
    ledger = Ledger(MOST_ATTEMPTS).read(trials)
    unfinished = [f"trial {t.number} is {t.state.name}" for t in ledger.open]
    return unfinished + [f"slot {slot} must be given again" for slot in ledger.retries]


def same_parameters(outcomes: list[FrozenTrial]) -> Faulty:
    numbers = defaultdict(list)
    for trial in outcomes:
        numbers[json.dumps(trial.params, sort_keys=True)].append(trial.number)
    return [f"trials {n} have the parameters {p}" for p, n in numbers.items() if len(n) > 1]


def changed_parameters(trials: list[FrozenTrial]) -> Faulty:
    """An attempt that ended early has part of them."""
    known: dict[int | None, dict[str, object]] = defaultdict(dict)
    wrong = []
    for trial in trials:
        earlier = known[slot_of(trial)]
        changed = [k for k, v in trial.params.items() if earlier.get(k, v) != v]
        wrong += [f"trial {trial.number} has another {key}" for key in changed]
        earlier.update(trial.params)
    return wrong


def wrong_curves(outcomes: list[FrozenTrial], epochs: int) -> Faulty:
    return [
        f"trial {t.number} has epochs {sorted(t.intermediate_values)}"
        for t in outcomes
        if sorted(t.intermediate_values) != list(range(epochs))
    ]


def shared_folders(folder: Path, trials: list[FrozenTrial]) -> Faulty:
    """By what trials note of their folders, and what runs leave in them."""
    users = defaultdict(list)
    for trial in trials:
        if "dir" in trial.user_attrs:
            users[trial.user_attrs["dir"]].append(trial.number)
    wrong = [f"{path} belongs to trials {n}" for path, n in users.items() if len(n) > 1]
    for run in (folder / "trials").iterdir():
        began = run / BEGAN
        processes = began.read_text().split() if began.is_file() else []
        pauses = trials[int(run.name)].user_attrs.get("pauses", 0)
        if len(processes) > 1 + pauses:
            wrong.append(f"processes {processes} trained in {run}")
        found = _number_and_params(run)
        if found is None:
            continue
        number, overrides = found
        own = trials[int(run.name)].params
        other = [k for k, v in own.items() if k in overrides and str(v) != overrides[k]]
        if number != int(run.name) or other:
            wrong.append(f"{run} has a run of trial {number}, other values of {other}")
    return wrong


def _number_and_params(run: Path) -> tuple[int, dict[str, str]] | None:
    """From the files that Hydra writes; None when there are none, or only parts of them."""
    try:
        overrides = yaml.safe_load((run / ".hydra" / "overrides.yaml").read_text())
        hydra = OmegaConf.load(run / ".hydra" / "hydra.yaml")
        number = int(OmegaConf.select(hydra, "hydra.job.num"))
    except (OSError, TypeError, ValueError, yaml.YAMLError):
        return None
    return number, dict(override.split("=", 1) for override in overrides or [])


def changed_values(trials: list[FrozenTrial], told: dict[int, float]) -> Faulty:
    return [
        f"trial {number} was complete with {value}, has {trials[number].values}"
        for number, value in told.items()
        if trials[number].state != TrialState.COMPLETE or trials[number].value != value
    ]


def _result(folder: Path, trial: FrozenTrial) -> float | None:
    try:
        text = (folder / "trials" / str(trial.number) / "result.json").read_text()
        return float(json.loads(text)["metrics"]["val/acc_best"])
    except (OSError, ValueError, KeyError):
        return None


def other_values(folder: Path, outcomes: list[FrozenTrial]) -> Faulty:
    return [
        f"trial {t.number} has {t.values}, result.json {_result(folder, t)}"
        for t in outcomes
        if t.state == TrialState.COMPLETE and t.value != _result(folder, t)
    ]


def wrong_best(folder: Path, outcomes: list[FrozenTrial]) -> Faulty:
    results = [_result(folder, t) for t in outcomes if t.state == TrialState.COMPLETE]
    most = max((r for r in results if r is not None), default=None)
    written = folder / "optimization_results.yaml"
    found = yaml.safe_load(written.read_text())["best_value"] if written.is_file() else None
    agree = found is not None and found == most
    return [] if agree else [f"the study says {found}, its runs {most}"]
