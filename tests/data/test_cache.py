from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from zmodel.data.cache import cached


def test_built_once_and_rebuilt_when_unreadable(tmp_path: Path) -> None:
    path, built = tmp_path / "new" / "a.npz", []

    def build() -> dict:
        built.append(1)
        return {"x": np.arange(1000.0)}

    for _ in range(2):
        assert np.array_equal(cached(path, build)["x"], np.arange(1000.0))
    assert len(built) == 1
    for damage in (path.read_bytes()[:900], b"", b"not an archive"):
        path.write_bytes(damage)
        assert np.array_equal(cached(path, build)["x"], np.arange(1000.0))
    np.savez(path, x=np.array([{}], dtype=object))  # a pickle is never opened
    assert cached(path, build)["x"].dtype == np.float64
    assert len(built) == 5 and [p.name for p in path.parent.iterdir()] == ["a.npz"]


def test_many_may_start_at_once(tmp_path: Path) -> None:
    got: list[float] = []

    def build() -> dict:
        time.sleep(0.02)
        return {"x": np.ones(50_000)}

    def start() -> None:
        got.append(cached(tmp_path / "a.npz", build)["x"].sum())

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [50_000.0] * 8 and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"paths\.data_dir"):
        cached(tmp_path / "file" / "a.npz", lambda: {"x": np.ones(1)})
