"""Reports again and again on one screen."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import TextIO, TypeVar

COLORS = re.compile(r"\033\[[\d;]*m")
HOME, END_OF_LINE, END_OF_SCREEN = "\033[H", "\033[K", "\033[J"
T = TypeVar("T")


class Screen:
    """What was said in the last round that said anything. A terminal shows it in place of the
    round before, cut to its height; a file gets a line per round that has news."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lines: list[str] = []
        self._told = ""
        self._new_round = True

    def say(self, text: str) -> None:
        if self._new_round:
            self._lines, self._new_round = [], False
        self._lines += text.split("\n")
        self._show()

    def end(self, footer: str) -> None:
        """The round is over."""
        self._show(footer)
        self._new_round = True
        news = self._lines[0] if self._lines else ""
        if not self._out.isatty() and news != self._told:
            self._out.write(f"{datetime.now():%H:%M:%S}  {news}\n")
            self._out.flush()
        self._told = news

    def _show(self, footer: str = "") -> None:
        if not self._out.isatty():
            return
        columns, rows = shutil.get_terminal_size((100, 24))
        room, shown = rows - 2, []
        for line in self._lines:  # a command is one long line, which the terminal breaks
            room -= max(1, -(-len(COLORS.sub("", line)) // columns))
            if room < 0:
                break
            shown.append(line)
        shown.append(footer)
        text = "".join(f"{line}{END_OF_LINE}\n" for line in shown)
        self._out.write(f"{HOME}{text}{END_OF_SCREEN}")
        self._out.flush()


def watch(
    once: Callable[[Callable[[str], None]], tuple[bool, T]],
    every: int,
    screen: Screen,
    on: bool = False,
) -> T:
    """Call `once` with what takes its words, until it says that all is done, or for ever (`on`).

    Between two reports lies twice the time that one takes at least: the cores are for training.
    """
    while True:
        begun = time.monotonic()
        done, found = once(screen.say)
        if done and not on:
            screen.end("")
            return found
        pause = max(every, round(2 * (time.monotonic() - begun)))
        screen.end(f"again in {pause} seconds; Ctrl-C ends watching, not the study")
        time.sleep(pause)
