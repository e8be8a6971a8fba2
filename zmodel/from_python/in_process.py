"""Runs a command inside a Python process that continues afterwards.

A notebook, a script, a test.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

from zmodel.cli.command import Redacted, is_users, message, written_out
from zmodel.core.interrupt import Interrupted, stop
from zmodel.core.provenance import PACKAGE

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def as_command(name: str, arguments: Sequence[str]) -> Iterator[None]:
    """The process as ``python -m zmodel.<name> <arguments>`` finds it; afterwards as before.

    Raises:
        ValueError: what the command would say before it exits with 1.
        KeyboardInterrupt: Ctrl-C; what was trained is kept, and the message says how to go on.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ValueError(
            f"zmodel.{name} must be called in the main thread, the only one that can be "
            f"interrupted, got {threading.current_thread().name}. From another thread, start "
            f"`python -m zmodel.{name}`."
        )
    started = [str(PACKAGE / f"{name}.py"), *arguments]
    with _restored(), mock.patch.object(sys, "argv", started):
        try:
            sys.argv = [started[0], *written_out(started[1:])]
            yield
        except Interrupted as error:
            if error.signum != signal.SIGINT:
                raise SystemExit(error.exit_code) from error
            way = f"; to continue, add ckpt_path={error.checkpoint}" if error.checkpoint else ""
            raise KeyboardInterrupt(f"{error}{way}") from error
        except Exception as error:
            sys.argv = started
            if type(error) is ValueError or not is_users(error):
                raise
            raise ValueError(message(error)) from error


@contextmanager
def _restored() -> Iterator[None]:
    """Gives back what a command changes in its process: it usually ends with it."""
    state, root = GlobalHydra.instance(), logging.getLogger()
    hydra, config = state.hydra, HydraConfig.instance().cfg
    level, handlers = root.level, list(root.handlers)
    listened = {number: signal.getsignal(number) for number in SIGNALS}
    state.hydra = None  # of whoever has initialised Hydra, for example to compose by hand
    stop.clear()
    raised = {"HYDRA_FULL_ERROR": "1"}  # makes Hydra hand exceptions to us
    try:
        with (
            mock.patch.dict(os.environ, raised),
            mock.patch.object(sys, "stderr", Redacted(sys.stderr)),
            warnings.catch_warnings(),
        ):
            yield
    finally:
        state.hydra, HydraConfig.instance().cfg = hydra, config
        for handler in set(root.handlers) - set(handlers):
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        stop.clear()
        for number, handler_before in listened.items():
            signal.signal(number, handler_before)
