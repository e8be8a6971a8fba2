"""``train``, ``sweep`` and ``analyze`` as functions."""

from __future__ import annotations

import functools
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from omegaconf import DictConfig

from zmodel.analyze import task as analyze_task
from zmodel.cli.command import with_hydra
from zmodel.cli.overrides_of_trial import MULTIRUN
from zmodel.from_python.in_process import as_command
from zmodel.train import task as train_task

if TYPE_CHECKING:
    import optuna

    from zmodel.analysis.reporting import Judged

UNMET, INTERRUPTED = 3, 130
"""Exit codes of the contract."""


def train(overrides: Sequence[str] = ()) -> dict[str, Any]:
    """One run: what its ``result.json`` holds, and ``folder``, where that lies.

    Args:
        overrides: the words after ``python train.py``.

    Raises:
        ValueError: something cannot work, as the command would say.
    """
    words = _words(overrides)
    if set(MULTIRUN) & set(words):
        raise ValueError("zmodel.train does one run, got -m for several: use zmodel.sweep.")
    import torch  # brings seconds, so not with this file

    found: dict[str, Any] = {}

    @functools.wraps(train_task)
    def kept(cfg: DictConfig) -> Any:
        value = train_task(cfg)
        folder = Path(cfg.paths.output_dir)
        found.update(json.loads((folder / "result.json").read_text()), folder=str(folder))
        return value

    threads = torch.get_num_threads()
    try:
        with as_command("train", words):
            with_hydra(kept, "train")()
    finally:
        torch.set_num_threads(threads)
    return found


def sweep(search: str, overrides: Sequence[str] = ()) -> optuna.Study:
    """Start or continue a study; the study, as Optuna has it.

    Workers are processes of their own, which do not import the calling script: what they train must
    be importable, and a script needs no ``if __name__ == "__main__"``.

    Args:
        search: a file of conf/hparams_search, such as ``"zlayers"``; ``"final"`` with
            ``["study=zlayers"]`` for the final stage, whose runs are a study too.
        overrides: further words of the command line.

    Raises:
        ValueError: something cannot work, as the command would say.
    """
    from zmodel.sweep.sweeper import StudySweeper

    given = _words(overrides)
    words = ["-m", f"hparams_search={search}", *(word for word in given if word not in MULTIRUN)]
    StudySweeper.latest = None
    code = 0
    with as_command("train", words), _no_main_file():
        try:
            with_hydra(train_task, "train")()
        except SystemExit as end:
            code = int(end.code or 0)
    ran: Any = StudySweeper.latest
    if code in (0, UNMET) and ran is None:
        raise ValueError(f"hparams_search={search} must choose hydra/sweeper=zmodel, but does not.")
    if code == UNMET:
        warnings.warn("the study ended, but a floor or limit was not met: see above", stacklevel=2)
    elif code == INTERRUPTED:
        raise KeyboardInterrupt("the study is kept; the same call continues it")
    elif code > 128:
        raise SystemExit(code)
    elif code:
        raise ValueError("the study could not continue; the reason is printed above")
    return ran.study()  # type: ignore[no-any-return]


@overload
def analyze(study: str, overrides: Sequence[str] = ()) -> Judged: ...
@overload
def analyze(study: list[str], overrides: Sequence[str] = ()) -> list[Judged]: ...
def analyze(study: str | list[str], overrides: Sequence[str] = ()) -> Judged | list[Judged]:
    """Judge a study and write its report: its records, the verdicts and where the report lies.

    Args:
        study: its name, or several, which are compared; then one for each comes back.
        overrides: further words after ``python analyze.py``.

    Raises:
        ValueError: there is no such study, or it has no trial.
    """
    names = [study] if isinstance(study, str) else study
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f'study must be a name such as "zlayers", or a list of them, got {study!r}.'
        )
    found: list[Judged] = []

    @functools.wraps(analyze_task)
    def kept(cfg: DictConfig) -> None:
        found.extend(analyze_task(cfg))

    with as_command("analyze", [f"study=[{','.join(names)}]", *_words(overrides)]):
        with_hydra(kept, "analyze")()
    return found[0] if isinstance(study, str) else found


def _words(overrides: Sequence[str]) -> list[str]:
    if isinstance(overrides, str) or not all(isinstance(word, str) for word in overrides):
        raise ValueError(
            'overrides must be a list of words such as ["data=digits", "seed=1"], got '
            f"{overrides!r}."
        )
    return list(overrides)


@contextmanager
def _no_main_file() -> Iterator[None]:
    """Hides the calling script from workers: they would run it once more when they import it."""
    main = vars(sys.modules["__main__"])
    before = dict(main)
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update({key: before[key] for key in ("__file__", "__spec__") if key in before})
