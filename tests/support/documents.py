"""The commands of README and docs: found, shortened, run as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
SHELL = ("", "bash", "sh")
PROGRAMS = ("train.py", "analyze.py", "zmodel.train", "zmodel.analyze", "zmodel.study",
            "zmodel.predict", "app.py")  # fmt: skip
OWN = "app.py"
"""A program that a document writes itself."""
LONG = "benchmarks/"
"""Scripts that are not run here: they take minutes to hours, and what they print is in the docs."""
SHOWN = ("--cfg", "--info", "--help", "--hydra-help")
PLACEHOLDER = re.compile(r"\.\.\.|\b[A-Z]{2,}\b|[<>]")


@dataclass(frozen=True)
class Block:
    """A fenced block, or a command within a sentence (`language` is then "inline")."""

    document: Path
    line: int
    language: str
    title: str | None
    text: str
    reason: str | None
    """Why it is not run."""
    needs: tuple[str, ...]
    """Optional packages without which it is not run."""

    @property
    def place(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        if self.language not in (*SHELL, "inline"):
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        parsed = (shlex.join(shlex.split(line, comments=True)) for line in lines)
        return [command for command in parsed if command]


def blocks(document: Path) -> Iterator[Block]:
    lines = document.read_text().splitlines()
    at, before = 0, ""
    while at < len(lines):
        fence = re.match(r"\s*```(\w*)\s*(?:title=\"(.*)\")?$", lines[at])
        if fence:
            end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == "```")
            text = "\n".join(lines[at + 1 : end])
            yield block(document, at + 1, fence[1], fence[2], text, before)
            at, before = end + 1, ""
            continue
        for code in re.findall(r"`(python (?:-m )?[^`\s]+ [^`]+)`", lines[at]):
            if not PLACEHOLDER.search(code):
                yield block(document, at + 1, "inline", None, code, "")
        before = lines[at].strip()
        at += 1


def block(
    document: Path, line: int, language: str, title: str | None, text: str, before: str
) -> Block:
    mark = re.fullmatch(r"<!-- (not run|needs): (\S.*?) -->", before)
    kind, words = (mark[1], mark[2]) if mark else ("", "")
    return Block(
        document, line, language, title, text,
        reason=words if kind == "not run" else None,
        needs=tuple(words.split()) if kind == "needs" else (),
    )  # fmt: skip


def program(words: list[str]) -> tuple[str, list[str]]:
    """(one of PROGRAMS, its arguments); ValueError for anything else."""
    if words[:2] == ["python", "-m"] and words[2] in PROGRAMS:
        return words[2], words[3:]
    if words[0] == "python" and words[1].startswith(LONG) and (ROOT / words[1]).is_file():
        return LONG, words[2:]
    if words[0] == "python" and words[1] in PROGRAMS:
        return words[1], words[2:]
    if words[0] in ("zmodel-train", "zmodel-analyze"):
        return words[0].replace("-", "."), words[1:]
    raise ValueError(f"{shlex.join(words)} is no command that tests know how to run")


def shortened(name: str, arguments: list[str]) -> list[str]:
    """The same command with less to do; further overrides win."""
    if name == OWN:
        return [*arguments, "hydra.sweeper.n_jobs=0"]
    if name not in ("train.py", "zmodel.train") or any(a in SHOWN for a in arguments):
        return arguments
    short = [*arguments, "trainer.max_epochs=1", "trainer.enable_progress_bar=false"]
    short.append("extras.threads=1")  # several threads wait for each other on a busy machine
    if any(a.startswith("hparams_search=") for a in arguments):
        short += ["hydra.sweeper.n_jobs=0"]
        if "hparams_search=final" in arguments:
            short += ["final.top=1", "final.seeds=2"]
        elif "hparams_search=halving" in arguments:
            short += ["hydra.sweeper.epochs=12"]
        else:
            short += ["hydra.sweeper.n_trials=3", "hydra.sweeper.coverage=null"]
    if any(a.startswith("hydra/launcher=") for a in arguments):
        short += ["study_name=launched", "hydra.sweeper.n_jobs=2"]
    return short


def execute(command: str, folder: Path, root: Path, environment: dict[str, str]) -> None:
    """Run in `folder`; AssertionError with the output when it fails. `export` is remembered."""
    words = shlex.split(command)
    if words[0] == "export":
        environment.update(word.split("=", 1) for word in words[1:])
        return
    name, arguments = program(words)
    if name == LONG:
        return
    own = [name] if name == OWN else [str(root / name)]
    start = own if name.endswith(".py") else ["-m", name]
    done = subprocess.run(
        [sys.executable, *start, *shortened(name, arguments)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(root), **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}"
