"""Every command in README and docs runs here, or a comment says why it does not."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from documents import DOCUMENTS, PROGRAMS, ROOT, SHOWN, Block, blocks, execute, program
from hydra import compose, initialize_config_dir

BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
PREPARED = ("zlayers", "naive", "pruned")
"""Studies that exist before a document is followed."""


FIRST_READ = ("README.md", "CONTRIBUTING.md")
"""Documents whose commands the default suite composes; those of the others are `long`."""


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b, marks=() if b.document.name in FIRST_READ else pytest.mark.long)
        for b in BLOCKS
        if b.commands
    ],
    ids=lambda b: b.place,
)
def test_every_command_is_one_that_runs_or_says_why_not(block: Block, tmp_path: Path):
    """Its options exist and its configuration composes."""
    if block.reason is not None:
        return
    for own in BLOCKS:
        if own.document == block.document and own.title:
            write(own, tmp_path)
    for command in block.commands:
        words = shlex.split(command)
        if words[0] == "export":
            continue
        name, arguments = program(words)
        if name.endswith(("train", "train.py", "analyze", "analyze.py")):
            check_overrides(name, arguments, [tmp_path, block.document.parent])
        elif name == "zmodel.study":
            from zmodel.study.__main__ import parse

            parse(arguments)


def check_overrides(name: str, arguments: list[str], folders: list[Path]) -> None:
    overrides = [a for a in arguments if "=" in a and not a.startswith("-")]
    if "-m" in arguments:  # of a sweep, the first value
        overrides = [o if "[" in o or "{" in o else o.split(",")[0] for o in overrides]
    own = arguments[arguments.index("--config-dir") + 1] if "--config-dir" in arguments else "conf"
    paths = [f"file://{folder / own}" for folder in folders if (folder / own).is_dir()]
    overrides.append(f"hydra.searchpath=[{','.join(paths)}]")
    check_composition("train" if "train" in name else "analyze", *overrides)


@cache  # documents repeat their commands
def check_composition(config: str, *overrides: str) -> None:
    with initialize_config_dir(str(ROOT / "conf")):
        compose(config, list(overrides))


def write(block: Block, folder: Path) -> None:
    assert block.title
    path = folder / block.title
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text + "\n")


def test_a_command_that_nobody_runs_is_found():
    with pytest.raises(ValueError, match="other.py"):
        program(["python", "other.py"])
    assert "train.py" in PROGRAMS and "--cfg" in SHOWN
    marked = [b for b in BLOCKS if b.reason is not None]
    assert all(len(b.reason.split()) >= 3 for b in marked), "a reason is a sentence"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    for study in PREPARED:
        execute(f"python train.py -m hparams_search={study}", folder, ROOT, {})
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_the_commands_of_a_document_run_one_after_the_other(
    document: Path, prepared: Path, tmp_path: Path
):
    root, folder = ROOT, tmp_path / "reader"
    if document.name == "CONTRIBUTING.md":  # its files go into the source tree
        root = folder = copy_of_the_tree(folder)
    if document.parent.parent.name == "examples":
        shutil.copytree(document.parent, folder)
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    environment: dict[str, str] = {}
    for block in blocks(document):
        if block.reason is not None:
            continue
        if block.title:
            write(block, folder)
        elif block.language == "python":
            subprocess.run([sys.executable, "-c", block.text], cwd=folder, check=True)
        if all(importlib.util.find_spec(package) for package in block.needs):
            for command in block.commands:
                execute(command, folder, root, environment)


def copy_of_the_tree(folder: Path) -> Path:
    for name in ("zmodel", "conf"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("train.py", "analyze.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder
