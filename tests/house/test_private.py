"""Private names of libraries are used only in zmodel/compat, where contract tests check them."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    str(file.relative_to(ROOT))
    for file in (ROOT / "zmodel").rglob("*.py")
    if "compat" not in file.parts
)
PUBLIC = {"_replace", "_asdict", "_make", "_fields", "_field_defaults", "_exit"}
"""Documented names, of named tuples and os._exit."""
OWN = {"self", "cls", "super()"}
BY_NAME = {"getattr", "setattr", "hasattr", "delattr"}


def is_private(name: str) -> bool:
    """`_name`; not `__name__`, and not a key of Hydra's such as `_target_`."""
    return name.startswith("_") and not name.endswith("_") and name not in PUBLIC


def foreign_imports(tree: ast.AST) -> Iterator[str]:
    """Private modules, and private names out of modules, of others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for path in paths:
            if any(map(is_private, path.split("."))):
                yield path


def foreign_attributes(tree: ast.AST) -> Iterator[str]:
    """`thing._name`, also when the name is a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if ast.unparse(node.value) not in OWN:
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in BY_NAME:
            name = node.args[1]
            theirs = ast.unparse(node.args[0]) not in OWN
            if theirs and isinstance(name, ast.Constant) and is_private(str(name.value)):
                yield ast.unparse(node)


def inherited_attributes(file: str, tree: ast.Module) -> Iterator[str]:
    """`self._name` of a class whose foreign base has that name too."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(is_foreign(base, tree) for base in node.bases):
            names = {
                n.attr if isinstance(n, ast.Attribute) else n.name
                for n in ast.walk(node)
                if isinstance(n, ast.FunctionDef)
                or (isinstance(n, ast.Attribute) and ast.unparse(n.value) in OWN)
            }
            yield from (
                f"{node.name}.{name}, of {base.__module__}.{base.__name__}"
                for base in foreign_bases(file, node.name)
                for name in filter(is_private, names)
                if hasattr(base, name) or f"self.{name}" in inspect.getsource(base)
            )


def is_foreign(base: ast.expr, tree: ast.Module) -> bool:
    """Whether the name comes from an import that is not zmodel's."""
    root = ast.unparse(base).split(".")[0].split("[")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            ours = isinstance(node, ast.ImportFrom) and str(node.module).startswith("zmodel")
            if not ours and root in {(a.asname or a.name).split(".")[0] for a in node.names}:
                return True
    return False


def foreign_bases(file: str, name: str) -> list[type]:
    module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    known = {"zmodel", *sys.stdlib_module_names}
    bases = getattr(importlib.import_module(module), name).__mro__
    return [base for base in bases if base.__module__.split(".")[0] not in known]


@pytest.mark.parametrize("file", FILES)
def test_a_file_uses_no_private_name_of_a_library(file):
    tree = ast.parse((ROOT / file).read_text())
    found = [*foreign_imports(tree), *foreign_attributes(tree), *inherited_attributes(file, tree)]
    assert not found, f"move these to zmodel/compat: {found}"


def test_each_way_to_a_private_name_is_seen():
    tree = ast.parse(
        "import torch._C\nfrom optuna._gp import search_space\nfrom optuna import _x as x\n"
        "study._storage\nself.trainer._loop\ngetattr(study, '_storage')\n"
        "row._replace(a=1)\nself._own\nconfig._target_\nfrom a import b as _b\nx.__dict__"
    )
    assert len([*foreign_imports(tree)]) == 3 and len([*foreign_attributes(tree)]) == 3
