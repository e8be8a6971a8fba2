"""A search space written in Python: the stock sweeper's `custom_search_space`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hydra.utils import get_method
from omegaconf import DictConfig
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

CustomSpace = Callable[[DictConfig | None, Trial], None]


class _Recorder(Trial):
    """The same trial, noting what is asked of it."""

    asked: dict[str, BaseDistribution]

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        step: float | None = None,
        log: bool = False,
    ) -> float:
        self.asked[name] = FloatDistribution(low, high, log=log, step=step)
        return super().suggest_float(name, low, high, step=step, log=log)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        self.asked[name] = IntDistribution(low, high, log=log, step=step)
        return super().suggest_int(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.asked[name] = CategoricalDistribution(choices)
        return super().suggest_categorical(name, choices)


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
    path: str, config: DictConfig | None, trial: Trial
) -> dict[str, tuple[Any, BaseDistribution]]:
    """Let the function there ask the trial; what it asked, as name -> (value, distribution).

    Parameters that the trial already carried and nobody asked for are left out: in a storage that
    others can write to, they are not to be trusted.
    """
    function = load_custom_space(path)
    recorder = object.__new__(_Recorder)
    recorder.__dict__ = trial.__dict__  # one state, two views
    recorder.asked = {}
    try:
        function(config, recorder)
        return {name: (trial.params[name], asked) for name, asked in recorder.asked.items()}
    finally:
        del trial.__dict__["asked"]
