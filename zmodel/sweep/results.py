"""Writes optimization_results.yaml and best.yaml."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from zmodel.core.atomic_file import write
from zmodel.study.budget.ledger import is_foreign
from zmodel.study.constraints import constraints_of, keeps
from zmodel.study.folder import of_another_program
from zmodel.study.trial_attributes import is_replicate
from zmodel.sweep.space.search_space import SearchSpace


def write_results(study: optuna.Study, space: SearchSpace, folder: Path) -> int:
    """Write both files; nothing when no trial has completed.

    Returns:
        the exit code: 0, or 1 with a message when they cannot be written.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    complete = [trial for trial in complete if not is_replicate(trial)]
    whole = [t for t in complete if not is_foreign(t) or _has_all_parameters(t, space)]
    for trial in complete:
        if trial not in whole:
            print(
                f"note: trial {trial.number} of another program counts, but has not all parameters "
                f"of the study: it cannot be its best"
            )
    limits = constraints_of(study.user_attrs)
    kept = [t for t in whole if keeps(t, limits)]
    if whole and not kept:
        print("note: no trial keeps hydra.sweeper.constraints, so none is the best")
    whole = kept
    if not whole:
        return 0
    try:
        _write(study, whole, space, folder)
    except OSError as error:
        print(
            f"error: the results cannot be written into {folder}: {error.strerror}. The study "
            "itself is kept; fix that, then run the same command again.",
            file=sys.stderr,
        )
        return 1
    return 0


def _has_all_parameters(trial: FrozenTrial, space: SearchSpace) -> bool:
    params = trial.params
    return all(name in params for name in space.distributions if space.is_active(name, params))


def _write(
    study: optuna.Study, complete: list[FrozenTrial], space: SearchSpace, folder: Path
) -> None:
    results: dict[str, Any] = {"name": "optuna"}
    if len(study.directions) == 1:
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        best = max(complete, key=lambda trial: sign * trial.values[0])
        results |= {
            "best_params": best.params, "best_value": best.value, "best_trial": best.number,
        }  # fmt: skip
        known = {k: v for k, v in best.params.items() if k in space.distributions}
        another = of_another_program(study.user_attrs)
        head = "" if another else f"# python train.py from_study={study.study_name}\n"
        write_best(folder, head, best.number, best.value, space.overrides(known))
    else:
        results["solutions"] = [
            {"params": t.params, "values": list(t.values), "trial": t.number}
            for t in _pareto_front(study, complete)
        ]
    text = OmegaConf.to_yaml(OmegaConf.create(results))
    write(folder / "optimization_results.yaml", text, durable=True)


def _pareto_front(study: optuna.Study, complete: list[FrozenTrial]) -> list[FrozenTrial]:
    """Of `complete` alone: a trial left out of it must not hide those that it would outdo."""
    alone = optuna.create_study(directions=study.directions)
    alone.add_trials(complete)
    return [complete[trial.number] for trial in alone.best_trials]


def write_best(
    folder: Path, head: str, number: int, value: float | None, overrides: list[str]
) -> None:
    """``best.yaml``: a list of overrides; ``head`` is a comment on their use."""
    head += f"# trial {number}, value {value}\n"
    text = head + OmegaConf.to_yaml(OmegaConf.create(overrides))
    write(folder / "best.yaml", text, durable=True)
