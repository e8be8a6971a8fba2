"""Rehearses the task for a moment before the first trial.

What cannot work as configured costs no trial.

A new study is rehearsed at several points of its space, see `points`. One that does not work
is looked at parameter by parameter: a value that fails by itself would fail every trial that has
it, and the start is refused. Values that only fail together are told of at the end, since the
sampler may never join them.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from zmodel.cli.command import is_users
from zmodel.core.interrupt import stop
from zmodel.study.fingerprint import has_begun, settle_data
from zmodel.study.run_folder import read_result
from zmodel.sweep.space.rehearsal_points import Params, params_at, points, with_value
from zmodel.sweep.workers.job import HERE
from zmodel.sweep.workers.outcome import STORAGE_ERRORS, NoSpace, as_values, require_space, value_of
from zmodel.sweep.workers.session import Session

LIBRARIES = "site-packages"
"""A folder of installed programs, whose lines tell a user little."""
NOTICE = "notice"
"""Attribute of a study: what its user should know before the first trial."""
MOST_COMPOSED = 50
"""Each takes about as long as a trial's start, and a search may have thousands of choices."""
NOT_TO_BLAME = (NoSpace, *STORAGE_ERRORS)


class Refused(Exception):
    """No trial could work as configured, or none would be comparable with those before."""


def rehearse(session: Session) -> None:
    """Run the task with the overrides ``preflight``, in a folder that is removed.

    Without them only the configurations are composed: a choice that does not exist is found.

    Raises:
        Refused: the first point does not work, or a single value of another one, all else being
            as in the first point.
        StorageError, StorageUnavailable, NoSpace: no point is to blame.
    """
    if session.given.settings.preflight is None and has_begun(session.study):
        return
    first, *others = points(session.given.space)
    if session.given.settings.preflight is None:
        others = others[:MOST_COMPOSED]
    warned: list[str | None] = []
    try:
        _run(session, first, judge=True, warned=warned)
    except NOT_TO_BLAME:
        raise
    except Exception as error:
        tried = _params(session, first)
        said = _described(error)
        raise Refused(f"{said}\n(tried before the first trial, with {tried})") from error
    study = session.study
    if not has_begun(study) or session.given.settings.on_change == "widen":
        warnings = [w for point in others if (w := _compare(session, first, point, warned))]
        if warned and all(warned) and study.user_attrs.get(NOTICE) != warned[-1]:
            study.set_user_attr(NOTICE, warned[-1])  # no point of the space is without
            print(f"warning: {warned[-1]}", file=sys.stderr)
        if warnings and warnings != study.user_attrs.get("warnings"):
            study.set_user_attr("warnings", warnings)


def _compare(
    session: Session, first: Params, point: Params, warned: list[str | None]
) -> str | None:
    """What is wrong with values of a point that only fail together.

    What a run is worth does not count: a learning rate may diverge.
    """
    error = _error(session, point, warned)
    if error is None:
        return None
    for name, value in point.items():
        if value == first[name]:
            continue
        alone = _error(session, with_value(name, value, first, session.given.space))
        if alone is not None and not _out_of_memory(alone):
            raise Refused(
                f"{_described(alone)}\n(tried before the first trial: the search has "
                f"{name}={session.given.space.decode(name, value)}, and every trial with it would "
                "fail; change what is searched)"
            ) from alone
    reason = _described(error).splitlines()[0]
    return f"trials like {_params(session, point)} fail: {reason}"


def _described(error: Exception) -> str:
    """The message; of an error that is not for users also its kind, and the line that met it."""
    if is_users(error):
        return str(error) or type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if LIBRARIES not in Path(f.filename).parts] or frames
    where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{where}"


def _params(session: Session, point: Params) -> Params:
    return params_at(point, session.given.space, session.given.job.config)


def _error(
    session: Session, point: Params, warned: list[str | None] | None = None
) -> Exception | None:
    if stop.signum is not None:
        return None
    try:
        _run(session, point, warned=warned)
    except NOT_TO_BLAME:
        raise
    except Exception as error:
        return error
    return None


def _run(
    session: Session, point: Params, judge: bool = False, warned: list[str | None] | None = None
) -> None:
    """Run the task at a point; `judge` asks for finite values and compares the data. `warned` gets
    what its network warns of."""
    settings, space, job = session.given.settings, session.given.space, session.given.job
    folder = Path(tempfile.mkdtemp(prefix=".preflight-", dir=settings.folder))
    try:
        fixed = [*space.fixed, *(settings.preflight or ())]
        overrides = [*fixed, *space.overrides(_params(session, point))]
        cfg = job.compose(overrides, 0, folder, {}, HERE)
        if settings.preflight is None:
            return
        returned = job.run(cfg)
        if stop.signum is not None:
            return
        value = value_of(returned)
        if warned is not None:
            warned.append(read_result(folder).get("warning"))
        if judge:
            as_values(value, len(settings.direction))
            _compare_data(session, folder)
            if session.given.limits is not None:
                session.given.limits.logged(read_result(folder))
    except Exception as error:
        require_space(error)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compare_data(session: Session, folder: Path) -> None:
    result = folder / "result.json"
    if result.is_file() and "data_hash" in (content := json.loads(result.read_text())):
        with session.lock():
            settle_data(session.study, content["data_hash"], session.given.settings.on_change)


def _out_of_memory(error: Exception) -> bool:
    """Whether it depends on what else runs on the device just now; torch need not be there."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
