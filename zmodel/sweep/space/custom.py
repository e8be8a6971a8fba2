"""A search space written in Python: the stock sweeper's `custom_search_space`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hydra.utils import get_method
from omegaconf import DictConfig
from optuna.distributions import BaseDistribution
from optuna.trial import Trial

CustomSpace = Callable[[DictConfig | None, Trial], None]


class _Recorder(Trial):
    """The same trial, noting what is asked of it."""

    asked: dict[str, BaseDistribution]

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        self.asked[name] = distribution
        return super()._suggest(name, distribution)


def load_custom_space(path: str) -> CustomSpace:
    """The callable at a dotted path, from the user's own configuration; ValueError if none."""
    try:
        return get_method(path)
    except Exception as error:
        raise ValueError(
            "custom_search_space must be the dotted path of a function (DictConfig, "
            f"optuna.trial.Trial) -> None; got {path!r}: {error}"
        ) from error


def ask_custom(
    function: CustomSpace, config: DictConfig | None, trial: Trial
) -> dict[str, tuple[Any, BaseDistribution]]:
    """Let `function` ask the trial; what it asked for, as name -> (value, distribution).

    Parameters that the trial already carried and nobody asked for are left out: in a storage that
    others can write to, they are not to be trusted.
    """
    recorder = object.__new__(_Recorder)
    recorder.__dict__ = trial.__dict__  # one state, two views
    recorder.asked = {}
    try:
        function(config, recorder)
        asked = recorder.asked
        return {name: (trial.params[name], asked[name]) for name in asked}
    finally:
        del trial.__dict__["asked"]
