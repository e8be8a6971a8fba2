"""Every file keeps to the table of tools/rooms.py: imports point downward and have no cycle."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from rooms import FOREIGN, TABLE

ROOT = Path(__file__).parents[2]
FILES = sorted(p.relative_to(ROOT / "zmodel") for p in (ROOT / "zmodel").rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
            if node.module == "zmodel":
                names |= {f"zmodel.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.name != "__init__.py" or f.parent.name], ids=str
)
def test_file_imports_only_what_the_table_allows(file):
    part = file.parts[0].removesuffix(".py")
    names = imported(ROOT / "zmodel" / file)
    ours = {n.split(".")[1] for n in names if n.startswith("zmodel.")} - {part}
    assert part in TABLE, f"{part} is new: give it a place in the table"
    assert ours <= TABLE[part], f"{file} must not import {ours - TABLE[part]}"
    libraries = {n.split(".")[0] for n in names}
    assert not libraries & FOREIGN.get(part, set())


def test_the_table_has_no_cycle():
    placed: set[str] = set()
    while len(placed) < len(TABLE):
        ready = {part for part, below in TABLE.items() if below - {part} <= placed} - placed
        assert ready, f"a cycle among {set(TABLE) - placed}"
        placed |= ready


def test_entry_points_name_no_class():
    for name in ("train.py", "analyze.py", "zmodel/train.py", "zmodel/analyze.py"):
        tree = ast.parse((ROOT / name).read_text())
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert {n for n in names if n[0].isupper()} <= {"DictConfig", "CONF"}


def test_no_file_is_named_utils():
    assert not [f for f in FILES if "utils" in f.name]


def test_no_two_classes_have_one_name():
    names = Counter(
        node.name
        for file in FILES
        for node in ast.parse((ROOT / "zmodel" / file).read_text()).body
        if isinstance(node, ast.ClassDef)
    )
    assert not [name for name, times in names.items() if times > 1]
