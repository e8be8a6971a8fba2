"""Resolves `from_study=zlayers trial=17` to the overrides of that trial.

They are written out before Hydra starts, in front of the user's own, so that these win:

    expand(["from_study=zlayers", "trial=17", "seed=3"])
    ["hparams_search=zlayers", "model.z_layers=4", ..., "test=true",
     "trainer.enable_progress_bar=true", "run_name=null",
     "from_study=zlayers", "trial=17", "seed=3"]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from zmodel.study.folder import JOURNAL, run_folders, study_folder, unknown_study

SINGLE_RUN = ("test=true", "trainer.enable_progress_bar=true", "run_name=null")
"""What a run of its own does although trials of a study do not."""
OVERRIDES = ".hydra/overrides.yaml"
MULTIRUN = ("-m", "--multirun", "hydra.mode=MULTIRUN")


def expand(arguments: Sequence[str]) -> list[str]:
    """The arguments with a trial's overrides in place; unchanged without `from_study=`.

    Raises:
        ValueError: no such study or trial (naming those there are), or several runs are asked for.
    """
    name = value_of(arguments, "from_study")
    if name is None:
        return list(arguments)
    if any(argument in MULTIRUN for argument in arguments):
        raise ValueError(
            f"from_study={name} starts one run, got {MULTIRUN[0]} for several. Leave it out, or "
            f"for several seeds: python train.py -m hparams_search=final study={name}"
        )
    log_dir = log_folder(arguments)
    folder = study_folder(log_dir, name)
    if not folder.is_dir():
        raise ValueError(unknown_study(log_dir, name))
    trial = value_of(arguments, "trial")
    number = best_trial(folder) if trial is None else _whole(trial, folder)
    overrides = [*trial_overrides(folder, number), *SINGLE_RUN]
    start = next(i for i, a in enumerate(arguments) if "=" in a and not a.startswith("-"))
    return [*arguments[:start], *without(overrides, arguments), *arguments[start:]]


def value_of(arguments: Iterable[str], key: str) -> str | None:
    """The last value given for `key`; None when it is absent, empty or null."""
    values = [a.partition("=")[2].strip("'\"") for a in arguments if a.startswith(f"{key}=")]
    return values[-1] if values and values[-1] not in ("", "null") else None


def log_folder(arguments: Sequence[str]) -> Path:
    """Where `paths.log_dir` points under these arguments and the defaults of conf/paths."""
    root = value_of(arguments, "paths.root_dir") or "."
    return Path(value_of(arguments, "paths.log_dir") or Path(root, "logs")).absolute()


def without(overrides: Iterable[str], others: Iterable[str]) -> list[str]:
    """Those whose key is not among the others': Hydra refuses a group that is chosen twice."""
    keys = {key_of(other) for other in others if "=" in other or other.startswith("~")}
    return [override for override in overrides if key_of(override) not in keys]


def key_of(override: str) -> str:
    """`model.width=3` and `~model.width` are about `model.width`; a `+` belongs to the key."""
    return override.partition("=")[0].lstrip("~")


def trial_overrides(folder: Path, number: int) -> list[str]:
    """The task overrides with which a trial of the study in `folder` was composed."""
    import yaml

    path = run_folders(folder).get(number, folder) / OVERRIDES
    if not path.is_file():
        raise ValueError(
            f"trial must be one of study '{folder.name}', got {number}, which has no "
            f"{OVERRIDES} in {folder}. There are: {_ranges(_numbers(folder))}."
        )
    return [str(override) for override in yaml.safe_load(path.read_text()) or []]


def best_trial(folder: Path) -> int:
    """The trial that best.yaml names; before a study has written it, its best so far."""
    path = folder / "best.yaml"
    named = re.search(r"^# trial (\d+),", path.read_text(), re.M) if path.is_file() else None
    if named:
        return int(named.group(1))
    if not (folder / JOURNAL).is_file():
        raise ValueError(f"{folder} has no best.yaml yet. Name a trial: trial=17.")
    from zmodel.study.records import find_study  # brings optuna: only when it is needed

    study = find_study(folder.name, folder.parent.parent)
    best = study.best_first
    if not best or len(study.directions) > 1:
        what = "has several objectives" if best else "has no completed trial yet"
        raise ValueError(f"Study '{folder.name}' {what}, so none is the best. Name one: trial=17.")
    return best[0].number


def _whole(text: str, folder: Path) -> int:
    if not text.isascii() or not text.isdigit():
        there_are = _ranges(_numbers(folder))
        raise ValueError(f"trial must be the number of a trial ({there_are}), got {text!r}.")
    return int(text)


def _numbers(folder: Path) -> list[int]:
    return [n for n, run in run_folders(folder).items() if (run / OVERRIDES).is_file()]


def _ranges(numbers: list[int]) -> str:
    """`0 to 39`, `0 to 3, 7`: whole numbers in few words."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return ", ".join(texts) or "none"
