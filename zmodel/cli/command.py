"""Entry points with readable errors and the exit codes of the contract."""

from __future__ import annotations

import errno
import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import hydra
from omegaconf import DictConfig

import zmodel.cli.resolvers  # noqa: F401 - of the configuration
from zmodel.cli.conf_folder import CONF
from zmodel.cli.overrides_of_trial import MULTIRUN, expand
from zmodel.cli.single_run import refuse_search
from zmodel.cli.spelling import answer_params, spelled
from zmodel.cli.template_names import answer
from zmodel.core.allow_list import allowed_targets
from zmodel.core.command_text import command_text
from zmodel.core.provenance import program
from zmodel.study.storage.address import redact


def with_hydra(task: Callable[[DictConfig], Any], config_name: str) -> Callable[[], Any]:
    """The task as a program that Hydra configures: conf/``config_name``.yaml and ``sys.argv``."""
    made: Callable[[], Any] = hydra.main(
        config_path=CONF, config_name=config_name, execution_whitelist=allowed_targets()
    )(task)
    return made


def command(main: Callable[[], Any]) -> Callable[[], Any]:
    """Wrap a program of Hydra: one clear message instead of a stack trace.

    ``HYDRA_FULL_ERROR=1`` shows the trace. Exit codes: 1 the user must mend something,
    130 and 143 stopped by a signal.
    """

    @functools.wraps(main)
    def wrapped() -> Any:
        full = "HYDRA_FULL_ERROR" in os.environ
        os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra hand the exception to us
        given, errors = sys.argv, sys.stderr
        sys.stderr = Redacted(errors)
        try:
            sys.argv = [given[0], *written_out(given[1:])]
            return main()
        except Exception as error:
            if full:
                raise
            sys.argv = given  # messages repeat what was typed
            sys.exit(report(error))
        finally:
            sys.stderr = errors

    return wrapped


def written_out(arguments: list[str]) -> list[str]:
    """The arguments as Hydra has to read them."""
    answer_params(arguments)
    words = expand([*map(spelled, to_show(arguments))])
    if not {*MULTIRUN} & {*arguments}:
        refuse_search(words)
    return words


TRAINING = ("torch", "pytorch_lightning", "torchmetrics", "mnist1d", "pandas")
"""What the core of zmodel does without."""
DISK = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
"""What the user must mend: permissions, a disk that is full or cannot be written to."""
SHOWS = ("--cfg", "-c", "--info", "-i")


def to_show(arguments: list[str]) -> list[str]:
    """Without `-m` when the configuration is asked for: Hydra shows it for single runs only."""
    if not any(argument.partition("=")[0] in SHOWS for argument in arguments):
        return arguments
    return [argument for argument in arguments if argument not in ("-m", "--multirun")]


HYDRA_REPEATS = "Error executing job with overrides"
"""Begins the line with the overrides that Hydra writes before it hands us the exception."""


class Redacted:
    """A text stream that shows no password, nor the line in which Hydra repeats the command."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        if text.startswith(HYDRA_REPEATS):
            return len(text)
        return int(self.stream.write(redact(text)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def report(error: Exception) -> int:
    """Print what went wrong; return the exit code."""
    from zmodel.core.interrupt import Interrupted

    if isinstance(error, Interrupted):
        resume = f"\nto continue: {continue_command(error)}" if error.checkpoint else ""
        print(f"{error}{resume}", file=sys.stderr)
        return error.exit_code
    if not is_users(error):
        import traceback

        traceback.print_exception(error)
        return 1
    print(f"error: {message(error)}", file=sys.stderr)
    return 1


def continue_command(error: Any) -> str:
    overrides = [a for a in sys.argv[1:] if not a.startswith("ckpt_path=")]
    return command_text([*program(), *overrides, f"ckpt_path={error.checkpoint}"])


def is_users(error: BaseException) -> bool:
    """Whether the user can correct the error by its message, without a trace.

    Our errors, Hydra's and OmegaConf's, and what the system answers about a disk."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from zmodel.study.storage.outage import StorageUnavailable

    if isinstance(error, ModuleNotFoundError) and error.name in TRAINING:
        return True
    ours = (ValueError, StorageUnavailable, HydraException, OmegaConfBaseException)
    return isinstance(error, ours) or disk_refusal(error) is not None


def disk_refusal(error: BaseException) -> OSError | None:
    """The system's answer about a disk, when the error is one, or came of a full disk."""
    from zmodel.study.storage.errors import full_disk

    if isinstance(error, OSError) and error.errno in DISK:
        return error
    return None if isinstance(error, ValueError) else full_disk(error)


def message(error: BaseException) -> str:
    """The error and, for an error inside ``instantiate``, the cause that says more."""
    refusal = disk_refusal(error)
    if refusal is not None:
        from zmodel.study.storage.errors import refused

        # of two names the second is where a file was to go
        name = refusal.filename2 or refusal.filename or "a file of this run"
        return str(refused(name, refusal))
    text = str(error)
    instead = answer(text)
    if instead is not None:
        return f"{text.splitlines()[0]}\n{instead}"
    if isinstance(error, ModuleNotFoundError):
        return f"{text}. What trains comes with: pip install 'zmodel[train]'"
    if text.startswith("Config group override must be a string"):  # Hydra does not say which one
        empty = [argument for argument in sys.argv[1:] if argument.endswith("=null")]
        return (
            f"{' '.join(empty)} must name a file of that group's folder, received null; leave it "
            "out for the default, or choose one (python train.py --help lists them)."
        )
    cause = error.__cause__
    said = getattr(cause, "strerror", None) or str(cause)  # of the system: without its number
    if cause is not None and said not in text and redact(said) not in text:
        text += f"\n{cause}"
    node = getattr(cause, "parent_node", None)  # of an unknown key
    if node is not None and "Did you mean" not in text:
        text += f"\nKnown there: {', '.join(k for k in map(str, node) if k[0] != '_')}"
    return text
