"""Repeats calls of a storage until the connection is back.

A call whose answer was lost may have had its effect. Repeating it must not do it twice, nor report
a failure for what was done:

- writing an attribute, a parameter or an intermediate value again changes nothing;
- finishing a trial again is refused by the storage: it counts as done if the trial has the wanted
  state and values;
- creating a trial again would make two: the trial that equals the template is looked for first;
- claiming (state RUNNING) again is refused, and nothing tells whether the lost call or another
  worker has won. Taking it for ours could run one trial twice, so it is reported as not ours. The
  worst case is a trial that nobody runs, and the caller who knows the owner's mark can tell.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from zmodel.study.storage.outage import patiently


def _repeated(name: str) -> Callable[..., Any]:
    """A method whose repetition has no further effect: it is simply called again."""

    # without `updated`, the mark of an abstract method would be copied too
    @functools.wraps(getattr(BaseStorage, name), updated=())
    def method(self: RetryingStorage, *args: Any, **kwargs: Any) -> Any:
        return patiently(lambda: getattr(self.backend, name)(*args, **kwargs), self.outage)

    return method


class RetryingStorage(BaseStorage):
    """`backend`, except that an outage of up to `outage` seconds goes unnoticed.

    After that StorageUnavailable is raised. Errors that are not about the connection pass at once.
    """

    def __init__(self, backend: BaseStorage, outage: float = 60.0) -> None:
        self.backend = backend
        self.outage = outage

    create_new_study = _repeated("create_new_study")
    set_study_user_attr = _repeated("set_study_user_attr")
    set_study_system_attr = _repeated("set_study_system_attr")
    get_study_id_from_name = _repeated("get_study_id_from_name")
    get_study_name_from_id = _repeated("get_study_name_from_id")
    get_study_directions = _repeated("get_study_directions")
    get_study_user_attrs = _repeated("get_study_user_attrs")
    get_study_system_attrs = _repeated("get_study_system_attrs")
    get_all_studies = _repeated("get_all_studies")
    set_trial_param = _repeated("set_trial_param")
    set_trial_intermediate_value = _repeated("set_trial_intermediate_value")
    set_trial_user_attr = _repeated("set_trial_user_attr")
    set_trial_system_attr = _repeated("set_trial_system_attr")
    get_trial = _repeated("get_trial")
    get_trial_param = _repeated("get_trial_param")
    get_all_trials = _repeated("get_all_trials")
    get_best_trial = _repeated("get_best_trial")
    get_trial_id_from_study_id_trial_number = _repeated("get_trial_id_from_study_id_trial_number")

    def remove_session(self) -> None:
        self.backend.remove_session()

    def delete_study(self, study_id: int) -> None:
        def again() -> None:
            with contextlib.suppress(KeyError):  # gone: by the call whose answer was lost
                self.backend.delete_study(study_id)

        patiently(lambda: self.backend.delete_study(study_id), self.outage, again)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """As Optuna's. Exactly once if the template's user attributes are unique in the study."""

        def create() -> int:
            return self.backend.create_new_trial(study_id, template_trial)

        def again() -> int:
            made = self._find(study_id, template_trial)
            return create() if made is None else made

        return patiently(create, self.outage, again)

    def _find(self, study_id: int, template: FrozenTrial | None) -> int | None:
        if template is None or not template.user_attrs:
            return None  # nothing to know it by
        for trial in reversed(self.backend.get_all_trials(study_id, deepcopy=False)):
            if (
                trial.state == template.state
                and trial.user_attrs == template.user_attrs
                and trial.system_attrs == template.system_attrs
                and trial.params == template.params
            ):
                return self.backend.get_trial_id_from_study_id_trial_number(study_id, trial.number)
        return None

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        def update() -> bool:
            return self.backend.set_trial_state_values(trial_id, state, values)

        def again() -> bool:
            try:
                return update()
            except UpdateFinishedTrialError:
                trial = self.backend.get_trial(trial_id)
                if trial.state == state and (values is None or _equal(trial.values, values)):
                    return True
                raise

        return patiently(update, self.outage, again)


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _equal(stored: Sequence[float] | None, wanted: Sequence[float]) -> bool:
    return (
        stored is not None
        and len(stored) == len(wanted)
        and all(_same(a, b) for a, b in zip(stored, wanted, strict=True))
    )
