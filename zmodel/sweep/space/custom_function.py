"""A search space written in Python: `custom_search_space`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hydra.utils import get_method
from omegaconf import DictConfig
from optuna.trial import Trial

from zmodel.study.distribution_values import checked

CustomFunction = Callable[[DictConfig | None, Trial], None]


def load_function(path: str) -> CustomFunction:
    """The callable at a dotted path, from the user's own configuration; ValueError if none."""
    try:
        return get_method(path)
    except Exception as error:
        raise ValueError(
            "custom_search_space must be the dotted path of a function (DictConfig, "
            f"optuna.trial.Trial) -> None; got {path!r}: {error}"
        ) from error


def ask_function(path: str, config: DictConfig | None, trial: Trial) -> dict[str, Any]:
    """Let the function there ask the trial; the parameters that it asked for.

    What the trial carried before is not among them: in a storage that others can write to, it is
    not to be trusted.
    """
    before = trial.params
    load_function(path)(config, trial)
    asked = trial.distributions
    new = {name: value for name, value in trial.params.items() if name not in before}
    return {name: checked(name, value, asked[name]) for name, value in new.items()}
