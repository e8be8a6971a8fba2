"""The lines of a journal.

What each must hold, and what can be read of a damaged one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from zmodel.compat.optuna.studies import JournalOperation as Op

Log = dict[str, Any]

# What Optuna reads from the log of each operation (optuna.storages.journal._storage).
KNOWN = frozenset(int(operation) for operation in Op)
NOTHING: frozenset[str] = frozenset()
REQUIRED: dict[int, frozenset[str]] = {
    Op.CREATE_STUDY: frozenset({"study_name", "directions"}),
    Op.DELETE_STUDY: frozenset({"study_id"}),
    Op.SET_STUDY_USER_ATTR: frozenset({"study_id", "user_attr"}),
    Op.SET_STUDY_SYSTEM_ATTR: frozenset({"study_id", "system_attr"}),
    Op.CREATE_TRIAL: frozenset({"study_id", "datetime_start"}),
    Op.SET_TRIAL_PARAM: frozenset(
        {"trial_id", "param_name", "param_value_internal", "distribution"}
    ),
    Op.SET_TRIAL_STATE_VALUES: frozenset({"trial_id", "state", "values"}),
    Op.SET_TRIAL_INTERMEDIATE_VALUE: frozenset({"trial_id", "step", "intermediate_value"}),
    Op.SET_TRIAL_USER_ATTR: frozenset({"trial_id", "user_attr"}),
    Op.SET_TRIAL_SYSTEM_ATTR: frozenset({"trial_id", "system_attr"}),
}

_START = re.compile(rb'\{"op_code":')
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Gap:
    """The unreadable part of line `line` (1-based).

    `without_effect`: a log follows on the same line, so that this one was never written to its
    end, or Optuna refuses it. Then nobody can have gone by it, unless the disk spoilt it later.
    """

    line: int
    text: bytes
    without_effect: bool


def parse(line: bytes) -> Log | None:
    """The log on this line; None when it is damaged."""
    try:
        log = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return log if is_log(log) else None


def is_log(log: object) -> bool:
    """Whether this is an operation that the installed Optuna knows, with all that it reads."""
    if not isinstance(log, dict) or "worker_id" not in log:
        return False
    operation = log.get("op_code")
    return (
        isinstance(operation, int)
        and operation in KNOWN
        and REQUIRED.get(operation, NOTHING) <= log.keys()
    )


def could_be_torn(end: bytes) -> bool:
    """Whether a file's last bytes, without a line's end, may be the start of a log.

    After a power cut a file system may show zeros for what was not yet on the disk.
    """
    return end[:1] in (b"", b"{", b"\0")


def salvage(number: int, line: bytes) -> list[Log | Gap]:
    """The logs within a damaged line, and the unreadable pieces between them."""
    text = line.decode("latin-1")  # one character per byte; raw_decode finds the end of a log
    pieces: list[Log | Gap] = []
    done = 0
    for start in (match.start() for match in _START.finditer(line)):
        if start < done:
            continue
        try:
            _, end = _DECODER.raw_decode(text, start)
        except ValueError:
            continue
        log = parse(line[start:end])
        if log is not None:
            if line[done:start].strip(b"\0 "):
                pieces.append(Gap(number, line[done:start], without_effect=True))
            pieces.append(log)
            done = end
    if line[done:].strip(b"\0 ") or not pieces:
        pieces.append(Gap(number, line[done:], without_effect=False))
    return pieces


def name(text: bytes) -> str:
    if not text.strip(b"\0 \r"):
        return "a blank stretch: possibly a log"
    op = value_in(text, "op_code")
    known = isinstance(op, int) and op in set(Op)
    return f'"{Op(op).name.lower().replace("_", " ")}"' if known else "an unreadable log"


def value_in(text: bytes, key: str) -> Any:
    """The value of the JSON key `key` as far as it survived in a damaged log; else None."""
    decoded = text.decode("utf-8", "replace")
    key = f'"{key}":'
    at = decoded.find(key)
    if at < 0:
        return None
    try:
        return _DECODER.raw_decode(decoded, at + len(key))[0]
    except ValueError:
        return None
