"""Factories that a module may keep among its hyperparameters."""

from __future__ import annotations

import functools
from typing import Any

from pytorch_lightning.core.mixins import HyperparametersMixin


class Factory:
    """What Hydra makes of a node with ``_partial_``, in a form that can be pickled.

    Hydra's own cannot, so Lightning would drop it from ``hparams``, where a module that calls
    ``save_hyperparameters()`` looks for its optimizer. Called, it is Hydra's own; unpickled, a
    plain :class:`functools.partial`.
    """

    def __init__(self, made: functools.partial[Any]) -> None:
        self.made = made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.made(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.made)

    def __reduce__(self) -> str | tuple[Any, ...]:
        made = self.made
        return functools.partial(made.func, *made.args, **made.keywords).__reduce__()


def keep_factories(made: object) -> None:
    """Put a :class:`Factory` in the place of each of Hydra's in the hyperparameters of `made`."""
    if not isinstance(made, HyperparametersMixin):
        return
    for name, value in made.hparams.items():
        if isinstance(value, functools.partial) and type(value) is not functools.partial:
            made.hparams[name] = Factory(value)
