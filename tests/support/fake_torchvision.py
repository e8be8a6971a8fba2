"""Replaces the package torchvision, which would download data."""

from __future__ import annotations

import sys
import types
import urllib.error
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


class Squares:
    """As torchvision's sets: 8 x 6 images of two classes, the labels 1 and 2 as in EMNIST."""

    classes = ["N/A", "dark", "bright"]

    def __init__(self, root: str, train: bool = True, download: bool = False, online: bool = True):
        if not online:
            raise urllib.error.URLError("Name or service not known")
        Path(root).mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(int(train))
        self.labels = np.arange(40 if train else 20) % 2 + 1
        self.pixels = [rng.integers(0, 120, (8, 6), dtype=np.uint8) + 120 * (n == 2) for n in
                       self.labels]  # fmt: skip

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.pixels[i].astype(np.uint8)), int(self.labels[i])


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``from torchvision import datasets`` find `Squares` under the name MNIST."""
    package = types.ModuleType("torchvision")
    package.datasets = types.SimpleNamespace(MNIST=Squares)
    monkeypatch.setitem(sys.modules, "torchvision", package)
