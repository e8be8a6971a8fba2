"""Writes docs/reference/sweeper.md from conf/hydra/sweeper/zmodel.yaml.

    python tools/sweeper_page.py

The YAML file is the one place where a setting is described: by the comment above it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import yaml
from schema import comment

ROOT = Path(__file__).parent.parent
SETTINGS = ROOT / "conf" / "hydra" / "sweeper" / "zmodel.yaml"
PAGE = ROOT / "docs" / "reference" / "sweeper.md"
HEAD = """# Settings of the sweeper

Each is a key of `hydra.sweeper`, as in
`python train.py -m hparams_search=zlayers hydra.sweeper.n_trials=60`. `null` means: not set.
This page is written from `conf/hydra/sweeper/zmodel.yaml`, which has the same text as comments.

| key | default | what it does |
|---|---|---|
"""

TITLES = (("sampler", "Samplers"), ("pruner", "Pruners"), ("stopping", "Stopping rules"))


def rows(text: str) -> list[tuple[str, str, str]]:
    """(key, default as YAML, description) of every setting, in the order of the file."""
    node, lines = yaml.compose(text), text.splitlines()
    assert isinstance(node, yaml.MappingNode)
    found = []
    for key, value in node.value:
        if key.value not in ("defaults", "_target_"):
            default = text[value.start_mark.index : value.end_mark.index].strip()
            found.append((key.value, default, comment(lines, key.start_mark.line)))
    return found


def group(name: str) -> list[str]:
    """The choices of `hydra/sweeper/NAME`, with the line under the command that uses them."""
    found = []
    for file in sorted((SETTINGS.parent / name).glob("*.yaml")):
        head = takewhile(lambda line: line.startswith("#"), file.read_text().splitlines())
        texts = [line.lstrip("# ") for line in head]
        text = " ".join(line for line in texts if not line.startswith(("python ", "@package")))
        found.append(f"| `{file.stem}` | {cell(text)} |")
    return found


def options(name: str) -> Iterator[str]:
    """A table of its own for every choice of `hydra/sweeper/NAME` that has settings."""
    for file in sorted((SETTINGS.parent / name).glob("*.yaml")):
        found = [
            f"| `{key}` | `{cell(default)}` | {cell(text)} |"
            for key, default, text in rows(file.read_text())
        ]
        if found:
            yield f"### {file.stem}"
            yield f"Keys of `hydra.sweeper.{name}`."
            yield "\n".join(["| key | default | what it does |", "|---|---|---|", *found])


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def page() -> str:
    """The document as it should be."""
    settings = [
        f"| `{key}` | `{cell(default)}` | {cell(text)} |"
        for key, default, text in rows(SETTINGS.read_text())
    ]
    parts = [HEAD + "\n".join(settings)]
    for name, title in TITLES:
        parts += [f"## {title}", f"`hydra/sweeper/{name}=NAME`"]
        parts.append("\n".join(["| name | |", "|---|---|", *group(name)]))
    parts += options("stopping")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
