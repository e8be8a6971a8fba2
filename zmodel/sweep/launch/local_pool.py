"""Worker processes on this machine.

A fork server imports the heavy libraries once; each worker is a fork of it and starts in
milliseconds, also when it takes the place of one that died. Workers end by themselves, in good
order, when their controller is gone.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess

from zmodel.core.interrupt import stop
from zmodel.study.folder import WORKERS
from zmodel.sweep.launch.hardware import cores, gpu_ids
from zmodel.sweep.workers.session import Assignment
from zmodel.sweep.workers.worker import CANNOT_GO_ON, REFUSED, work


@dataclass(frozen=True)
class Exit:
    """A worker that ended; ``message`` is for the user when it refused to start."""

    index: int
    code: int
    message: str | None


class LocalPool:
    """Up to ``n_jobs`` processes, numbered by index."""

    def __init__(self, given: Assignment) -> None:
        self._given = given
        self._n_jobs = given.settings.n_jobs
        self._context = multiprocessing.get_context("forkserver")
        preload = [*given.settings.preload, "zmodel.sweep.workers.worker"]
        self._context.set_forkserver_preload(preload)
        self._running: dict[int, tuple[ForkServerProcess, Connection]] = {}
        # read when the fork server starts: one thread per worker when workers fill the cores
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // self._n_jobs)))

    def __len__(self) -> int:
        return len(self._running)

    def free_indices(self) -> list[int]:
        return [i for i in range(self._n_jobs) if i not in self._running]

    def start(self, index: int) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_main, args=(self._given, index, theirs))
        with _sigint_held():
            process.start()
        theirs.close()
        self._running[index] = (process, ours)

    def wait(self, seconds: float) -> list[Exit]:
        """Sleep, but not past the end of a worker; return those that ended."""
        wait([process.sentinel for process, _ in self._running.values()], seconds)
        exits = []
        for index, (process, pipe) in list(self._running.items()):
            if process.is_alive():
                continue
            process.join()
            message = _message(pipe)
            code = process.exitcode
            exits.append(Exit(index, 1 if code is None else code, message))
            pipe.close()
            del self._running[index]
        return exits

    def signal(self, signum: signal.Signals) -> None:
        for process, _ in self._running.values():
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signum)


@contextmanager
def _sigint_held() -> Iterator[None]:
    """Ctrl-C reaches this process after the block, and never one that is started in it: the fork
    server would die of it while it imports, since it ignores the signal only afterwards."""
    resource_tracker.ensure_running()  # its own start would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _message(pipe: Connection) -> str | None:
    """What the worker sent, if anything; ``poll`` is also true at end of file."""
    try:
        return pipe.recv() if pipe.poll() else None
    except EOFError:
        return None


def _main(given: Assignment, index: int, pipe: Connection) -> None:
    """Body of a worker process."""
    log = given.settings.folder / WORKERS / f"{os.getpid()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    faulthandler.enable()
    gpus = gpu_ids()
    if gpus and given.settings.n_jobs > 1:  # a single worker may use them all: trainer=ddp
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[index % len(gpus)]
    stop.clear()
    stop.listen(sigint=False)  # the controller decides what Ctrl-C means
    threading.Thread(target=_watch_controller, daemon=True).start()
    try:
        code = work(given)
    except CANNOT_GO_ON as refusal:
        pipe.send(str(refusal))
        code = REFUSED
    if code == 0 and log.stat().st_size == 0:
        log.unlink()
    sys.stdout.flush()
    sys.exit(code)


def _watch_controller() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    stop.request(signal.SIGTERM)
