from __future__ import annotations

import gc
from pathlib import Path

import pytest
from engine import Engine
from inline import Inline


def pytest_collection_finish() -> None:
    """What is loaded by now stays, so that no later collection has to walk through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


@pytest.fixture
def inline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inline:
    return Inline(tmp_path, monkeypatch)
