"""The task run for a moment before the first trial: what cannot work as configured costs none.

A new study is rehearsed at several points of its space, see `points`. One that does not work
is looked at parameter by parameter: a value that fails by itself would fail every trial that has
it, and the start is refused. Values that only fail together are told of at the end, since the
sampler may never join them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn

from zmodel.core.interrupt import stop
from zmodel.sweep.plan import Plan
from zmodel.sweep.space.rehearsal_points import Params, params_at, points, with_value
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.workers.job import Job

Check = Callable[[JobReturn, Path], object]


class Refused(Exception):
    """No trial could work as configured, or none would be comparable with those before."""


@dataclass
class Rehearsal:
    """Runs the task with the overrides ``plan.preflight``, in a folder that is removed."""

    plan: Plan
    space: SearchSpace
    job: Job

    def first(self, check: Check) -> None:
        """Run the first point; ``check(returned, folder)`` judges what came back.

        Raises:
            Refused: it does not work.
        """
        params = self._params(points(self.space)[0])
        try:
            self._run(params, check)
        except Exception as error:
            raise Refused(f"{error}\n(tried before the first trial, with {params})") from error

    def others(self) -> list[str]:
        """Run the other points; what is wrong with those whose values only fail together.

        What a run is worth does not count: a learning rate may diverge.

        Raises:
            Refused: a single value does not work, all else being as in the first point.
        """
        start, *others = points(self.space)
        warnings = []
        for point in others:
            error = self._error(point)
            if error is None:
                continue
            for name, value in point.items():
                alone = self._alone(name, value, start)
                if alone is not None and not _out_of_memory(alone):
                    raise Refused(
                        f"{alone}\n(tried before the first trial: the search has "
                        f"{name}={self.space.decode(name, value)}, and every trial with it would "
                        "fail; change what is searched)"
                    ) from alone
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            warnings.append(f"trials like {self._params(point)} fail: {reason}")
        return warnings

    def _alone(self, name: str, value: Any, start: Params) -> Exception | None:
        if value == start[name]:
            return None
        return self._error(with_value(name, value, start, self.space))

    def _params(self, point: Params) -> Params:
        return params_at(point, self.space, self.job.config)

    def _error(self, point: Params) -> Exception | None:
        if stop.signum is not None:
            return None
        try:
            self._run(self._params(point), lambda returned, _: returned.return_value)
        except Exception as error:
            return error
        return None

    def _run(self, params: Params, check: Check) -> None:
        assert self.plan.preflight is not None
        folder = Path(tempfile.mkdtemp(prefix=".preflight-", dir=self.plan.folder))
        try:
            fixed = [*self.space.fixed, *self.plan.preflight]
            cfg = self.job.compose([*fixed, *self.space.overrides(params)], 0, folder, {})
            returned = self.job.run(cfg)
            if stop.signum is None:
                check(returned, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _out_of_memory(error: Exception) -> bool:
    """Whether it depends on what else runs on the device just now; torch need not be there."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
