"""Creates Optuna objects from a configuration.

`_target_` and what its constructor takes, nested.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from omegaconf import OmegaConf

from zmodel.compat.optuna.samplers import STOCK_SAMPLERS
from zmodel.core.allow_list import check_allowed
from zmodel.core.moved import current


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved copy without nulls, which stand for what is to be left alone."""
    given: Any = config
    if OmegaConf.is_config(config):
        given = OmegaConf.to_container(config, resolve=True)
    # the stock sweeper's configs carry `_partial_`
    return {k: v for k, v in given.items() if v is not None and k != "_partial_"}


def target_class(config: Mapping[str, Any]) -> type:
    """The class that `_target_` names, if the allow-list has it; else ValueError."""
    named = str(config.get("_target_"))
    path = STOCK_SAMPLERS.get(named, current(named))
    check_allowed(path)
    module, _, name = path.rpartition(".")
    try:
        target = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"there is no {path!r} to be found: {error}.") from error
    if not isinstance(target, type):  # a function could call anything
        raise ValueError(f"`_target_` must be a class here, got {path!r}.")
    return target


def build(config: Mapping[str, Any]) -> Any:
    """The object, and what is nested in it. ValueError: an option that the class does not take."""
    target = target_class(config)
    options = {
        key: build(plain(value)) if isinstance(value, Mapping) and "_target_" in value else value
        for key, value in config.items()
        if key != "_target_"
    }
    try:
        with warnings.catch_warnings():  # a fresh one per trial, each saying that it is new
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return target(**options)
    except TypeError as error:
        raise ValueError(f"wrong options for {config['_target_']}: {error}.") from error
    except (ImportError, optuna.exceptions.OptunaError) as error:
        raise ValueError(f"{config['_target_']} cannot be used here: {error}") from error
