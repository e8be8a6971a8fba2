"""Parts of ``python train.py --help``, written from the files of conf/."""

from __future__ import annotations

import re
import shutil
import textwrap
from itertools import takewhile
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra

from zmodel.cli.conf_folder import CONF

SWEEPER = Path(CONF, "hydra", "sweeper", "zmodel.yaml")
GROUPS = {
    "data": "the data set",
    "task": "what is predicted: a class or a number",
    "model": "the network and its optimizer",
    "trainer": "on which device, and for how many epochs",
    "callbacks": "what happens after every epoch; callbacks.NAME=null leaves one out",
    "logger": "where metrics are written",
    "hparams_search": "a study, with -m: what is searched, and how",
    "schedule": "how the learning rate begins",
    "experiment": "named sets of values, such as the networks of the paper",
    "debug": "short runs that look for faults",
    "paths": "where runs, studies and data are kept",
    "extras": "warnings, threads, printed configuration",
    "hydra/sweeper/sampler": "how a study proposes configurations",
    "hydra/sweeper/pruner": "how a study ends trials that do worse than others",
    "hydra/sweeper/stopping": "how a study spends a budget of epochs",
}
"""Group of conf/ -> what is chosen in it; `local` is the user's own."""
KEY = re.compile(r"(\w+):\s*(.*)")


def groups() -> str:
    """A line per group on what it is, and its options."""
    loader = GlobalHydra.instance().config_loader()
    lines = []
    for group, text in GROUPS.items():
        own = [file.stem for file in sorted(Path(CONF, group).glob("*.yaml"))]
        # the stock sweeper adds choices of its own to groups of Hydra
        known = own if group.startswith("hydra/") else loader.get_group_options(group)
        options = [option for option in known if not option.startswith("_")]
        lines += [f"{group}: {text}", *_filled(", ".join(options), "    ", "    ")]
    return "\n".join(lines)


def sweeper() -> str:
    """The first sentence on every setting of the sweeper."""
    wide = max(len(key) for key, _, _ in settings())
    lines = []
    for key, default, text in settings():
        first = re.split(r"\. |\.$", text)[0]
        value = f" ({default})" if default != "null" else ""
        lines += _filled(f"{key:<{wide}}  {first}{value}", " " * (wide + 2))
    return "\n".join(lines)


def settings() -> list[tuple[str, str, str]]:
    """(key, default, comment above it) of conf/hydra/sweeper/zmodel.yaml, in its order."""
    lines, found = SWEEPER.read_text(encoding="utf-8").splitlines(), []
    for at, line in enumerate(lines):
        known = KEY.fullmatch(line)
        if known and known[1] not in ("_target_", "defaults"):
            above = takewhile(lambda text: text.startswith("#"), reversed(lines[:at]))
            words = [text.lstrip("# ") for text in above]
            found.append((known[1], known[2], " ".join(reversed(words))))
    return found


def _filled(text: str, indent: str, first: str = "") -> list[str]:
    """In lines of the terminal's width; `first` is the indent of the first one."""
    width = min(100, shutil.get_terminal_size().columns)
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
