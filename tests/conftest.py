from __future__ import annotations

from pathlib import Path

import pytest
from engine import Engine
from inline import Inline


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


@pytest.fixture
def inline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inline:
    return Inline(tmp_path, monkeypatch)
