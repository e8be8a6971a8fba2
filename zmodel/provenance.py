"""Where a result comes from: the source revision and the versions of what computed it."""

from __future__ import annotations

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "zmodel", "torch", "pytorch-lightning", "torchmetrics", "hydra-core", "optuna", "omegaconf",
)  # fmt: skip


@cache
def git_state() -> dict[str, Any]:
    """``{"commit": str | None, "dirty": bool | None}`` of the source tree; ``None`` outside git."""

    def git(*args: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    try:
        commit = git("rev-parse", "HEAD").strip()
        return {"commit": commit, "dirty": bool(git("status", "--porcelain").strip())}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


@cache
def versions() -> dict[str, str]:
    """Installed versions of the packages that decide a result."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
