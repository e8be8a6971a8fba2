"""Run as a script: processes append to a journal, are killed at random, and are replaced.

    python tests/support/appenders.py JOURNAL KILLS SEED

Prints JSON: what was acknowledged to an appender before its death, and the longest append. In a
process of its own, because it forks: that takes a millisecond where a fresh start takes a second.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from optuna.storages.journal._storage import JournalOperation

from zmodel.study.journal.file import JournalFile

APPENDERS = 4


def record(name: str) -> dict[str, object]:
    return {
        "op_code": int(JournalOperation.CREATE_TRIAL),
        "worker_id": "tests-0",
        "study_id": 0,
        "datetime_start": None,
        "state": 4,  # WAITING
        "user_attrs": {"name": name, "padding": "x" * 200},
    }


def append(journal: str, name: str, out: int) -> None:
    backend = JournalFile(journal)
    for count in range(10**9):
        start = time.monotonic()
        backend.append_logs([record(f"{name}-{count}")])
        os.write(out, f"{name}-{count} {time.monotonic() - start}\n".encode())


def start(journal: str, name: str) -> tuple[int, int]:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            append(journal, name, write)
        finally:
            os._exit(1)
    os.close(write)
    return pid, read


def main(journal: str, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    running = [start(journal, f"{n}") for n in range(APPENDERS)]
    acknowledged: list[str] = []
    for n in range(kills):
        # killed right after one of them made progress, so that nothing depends on the clock
        for _ in range(draw.randint(1, 12)):
            select.select([read for _, read in running], [], [], 10)
            time.sleep(draw.random() * 0.004)
        victim, read = running.pop(draw.randrange(len(running)))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        acknowledged += drain(read)
        running.append(start(journal, f"{APPENDERS + n}"))
    time.sleep(0.2)
    for pid, read in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        acknowledged += drain(read)
    names, waits = zip(*(line.split() for line in acknowledged), strict=True)
    print(json.dumps({"names": names, "longest": max(map(float, waits))}))


def drain(read: int) -> list[str]:
    with open(read, "rb") as pipe:
        *lines, _unfinished = pipe.read().decode().split("\n")
    return lines


if __name__ == "__main__":
    main(str(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]))
