"""The last lines of ``python train.py``: what came out, and where it lies."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from pytorch_lightning.utilities import rank_zero_only

from zmodel.core.objective import counterpart_in_test, metric_names
from zmodel.core.run_value import value_of


@rank_zero_only
def say_outcome(cfg: DictConfig) -> None:
    """Print both, unless the run is one of a study, which has a line for each trial."""
    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN and hydra.runtime.choices.get("hydra/sweeper") != "basic":
        return
    folder = Path(cfg.paths.output_dir)
    result = json.loads((folder / "result.json").read_text())
    inside = Path.cwd() in folder.absolute().parents
    print(outcome(result, metric_names(cfg.optimized_metric)))
    print(f"run      {os.path.relpath(folder) if inside else folder}")


def outcome(result: Mapping[str, Any], names: list[str]) -> str:
    """The metrics that the run is judged by, and their values on the test set, in one line.

    ``val/acc_best 0.9722  test/acc 0.9639  (epoch 13 of 23, stopped early)``
    """
    shown = dict.fromkeys([*names, *map(counterpart_in_test, names)])
    values = {name: value_of(name, result) for name in shown}
    parts = [f"{name} {value:.4g}" for name, value in values.items() if value is not None]
    return "  ".join([*parts, f"({_epochs(result)})"])


def _epochs(result: Mapping[str, Any]) -> str:
    done, best, folds = result["epochs"], result["best_epoch"], result.get("folds")
    text = f"{done} epochs" if best is None or folds else f"epoch {best + 1} of {done}"
    if folds:
        return f"mean of {len(folds)} folds, {text} in all"
    return f"{text}, stopped early" if result["stopped_early"] else text
