from __future__ import annotations

import os
from pathlib import Path

import pytest

from zmodel.core.atomic_file import replacing, write


def test_a_file_is_replaced_with_the_usual_permissions_and_nothing_else_is_left(tmp_path: Path):
    path = tmp_path / "new" / "a.json"
    for durable in (False, True):
        write(path, f"ä{durable}", durable=durable)
        assert path.read_bytes() == f"ä{durable}".encode()
    write(path, b"\xff")
    assert path.read_bytes() == b"\xff" and os.listdir(path.parent) == ["a.json"]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_failed_write_keeps_the_old_file_and_removes_its_own(tmp_path: Path):
    path = tmp_path / "a.npz"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        assert temporary.suffix == ".npz" and temporary.parent == tmp_path
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.npz"]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path):
    path = tmp_path / "a"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_text("1")
        second.write_text("2")
    assert path.read_text() == "1"


def test_a_path_that_is_no_text_can_be_written_into_a_file(tmp_path: Path):
    write(tmp_path / "a", os.fsdecode(b"/logs-\xff"))
    assert (tmp_path / "a").read_text() == "/logs-\\udcff"
