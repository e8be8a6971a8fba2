"""Checks that the package of a tracker is installed."""

from __future__ import annotations

import importlib.util

INSTALL = "pip install 'zmodel[trackers]', or in a checkout '.[trackers]'"


def require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ValueError(
            f"logger={package} needs the package {package}, which is not installed: {INSTALL}; "
            "or use logger=default."
        )
