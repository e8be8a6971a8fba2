"""Composes the shipped configuration for runs inside a test process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

CONF = Path(__file__).parents[2] / "conf"
SMALL = [
    "data=digits", "model.kernel_size=3", "data.epoch_steps=1",
    "trainer.enable_progress_bar=false",
]  # fmt: skip


def config(folder: Path, *overrides: str, name: str = "train") -> DictConfig:
    """As ``train.py`` would see it, with every path inside ``folder``."""
    paths = [f"paths.root_dir={folder}", f"paths.output_dir={folder}"]
    paths += [f"paths.data_dir={Path.home() / '.cache' / 'zmodel-tests'}"]
    with initialize_config_dir(str(CONF)):
        return compose(name, [*paths, *overrides])


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_text())
