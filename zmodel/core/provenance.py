"""The source revision and package versions behind a result."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "zmodel", "torch", "pytorch-lightning", "torchmetrics", "hydra-core", "optuna", "omegaconf",
)  # fmt: skip
PACKAGE = Path(__file__).parent.parent


@cache
def git_state() -> dict[str, Any]:
    """``{"commit": str | None, "dirty": bool | None}`` of the source tree; ``None`` outside git.

    An installed package may lie in another project's repository, whose commit is not ours.
    """

    def git(*args: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)
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


def program() -> list[str]:
    """The words that started this process, without its arguments: what continues it begins so."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None and spec.name.startswith("zmodel."):
        return ["python", "-m", spec.name.removesuffix(".__main__")]
    path = Path(sys.argv[0])
    if path.parent == PACKAGE:  # called from Python
        return ["python", "-m", f"zmodel.{path.stem}"]
    if path.suffix == ".py":
        return ["python", os.path.relpath(path)]
    return [path.name]  # a console script, found through PATH
