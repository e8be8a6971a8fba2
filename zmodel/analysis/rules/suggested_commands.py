"""Commands that a verdict suggests.

Each is the study's own command with some overrides changed.
"""

from __future__ import annotations

import os
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

from zmodel.analysis.final_stage import summary_of
from zmodel.analysis.statistics.selection import count_states, fixed
from zmodel.core.command_text import command_text
from zmodel.study.folder import of_another_program
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord, TrialRecord

PROGRAMS = ("zmodel-train", "python -m zmodel.train")
MULTIRUN = ("-m", "--multirun")
CONFIG_DIR = ("--config-dir", "-cd")
"""Where configurations of the user's own lie, in the next word."""
LOG_DIR = "paths.log_dir"


def is_command(action: str | None) -> bool:
    """Whether a suggested action can be run as it is; else it is a sentence."""
    return action is not None and action.startswith(("python ", "zmodel-"))


def sweep_command(study: StudyRecord, overrides: dict[str, Any]) -> str | None:
    """The command that continues the study, with `overrides` in place of its own ones.

    None for a study that did not record a command: it was made by something else.
    """
    words = recorded_words(study)
    if words is None:
        return None
    kept = [w for w in words if w.split("=", 1)[0].lstrip("+~") not in overrides]
    added = [f"{key}={value}" for key, value in overrides.items()]
    return command_text(kept + added)


def recorded_words(study: StudyRecord) -> list[str] | None:
    """The words of the study's command; None when it is not one that starts a study.

    Whoever can write to the storage could put any command here, for readers to copy.
    """
    recorded = study.attrs.get("command")
    try:
        words = shlex.split(recorded) if isinstance(recorded, str) else []
    except ValueError:
        return None
    arguments = words[len(_program(words)) :] or ["nothing known"]
    own = _config_dir(arguments)
    rest = [a for a in arguments if a not in (*MULTIRUN, *own)]
    fits = all("=" in a and not a.startswith("-") for a in rest)
    return _moved(words, study) if fits and recorded == plain(recorded) else None


def _program(words: list[str]) -> list[str]:
    """Its first words, before the arguments; none where it starts no study."""
    return next((words[:n] for n in (1, 2, 3) if _starts(words[:n])), [])


def _config_dir(words: list[str]) -> list[str]:
    """The words that say where configurations of the user's own lie; none as a rule.

    Below the current folder alone: a planted command must not lead to files of somebody else.
    """
    for word, following in pairwise([*words, ""]):
        if word in CONFIG_DIR and _below(following):
            return [word, following]
        if word.startswith(f"{CONFIG_DIR[0]}=") and _below(word.partition("=")[2]):
            return [word]
    return []


def _below(path: str) -> bool:
    outside = Path(path).is_absolute() or ".." in Path(path).parts
    return bool(path) and not outside and not path.startswith(("-", "~"))


def _like(study: StudyRecord, command: str = "train") -> list[str]:
    """How the user starts ``train`` or ``analyze``: as the study was started, with the same folder
    of configurations."""
    words = recorded_words(study) or []
    program = _program(words) or ["python", "train.py"]
    if command == "train":
        return [*program, *_config_dir(words)]
    if " ".join(program) in PROGRAMS:
        return [*program[:-1], program[-1].replace("train", command)]
    script = Path(program[1]).parent / f"{command}.py"
    # a project of one's own has its train.py alone
    return ["python", str(script)] if script.is_file() else [f"zmodel-{command}"]


def _moved(words: list[str], study: StudyRecord) -> list[str]:
    """With the folder in which the study lies now, where it was copied or moved elsewhere."""
    own = study.folder is not None and study.folder.parent.name == "studies"
    if study.folder is None or not own or of_another_program(study.attrs):
        return words
    now = study.folder.parent.parent.resolve()
    if not any(word.startswith(f"{LOG_DIR}=") for word in words):
        return words if now == Path("logs").resolve() else [*words, f"{LOG_DIR}={now}"]
    return [
        f"{LOG_DIR}={now}" if key == LOG_DIR and Path(value).resolve() != now else word
        for word in words
        for key, _, value in [word.partition("=")]
    ]


def _starts(program: list[str]) -> bool:
    script = len(program) == 2 and program[0] == "python" and program[1].endswith(".py")
    return script or " ".join(program) in PROGRAMS


def new_study(study: StudyRecord, ending: str, overrides: dict[str, Any]) -> str | None:
    """The command of a study like this one, of another name, with `overrides`; the best trials of
    this one come first in it."""
    if of_another_program(study.attrs):
        folder = str(study.folder or study.name)
        known = {"hydra.sweep.dir": f"{folder}-{ending}", "hydra.sweeper.from_study": folder}
    else:
        known = {"study_name": f"{study.name}-{ending}", "hydra.sweeper.from_study": study.name}
    return sweep_command(study, {**known, **overrides})


def longer(study: StudyRecord, ending: str, key: str, factor: int = 2) -> str:
    """A new study with a multiple of the fixed setting `key`; without a command, in words."""
    value = fixed(study, key)
    known = isinstance(value, int) and not isinstance(value, bool)
    command = new_study(study, ending, {key: factor * value}) if known else None
    if value is None and of_another_program(study.attrs):  # a key of ours means nothing to it
        return "let trials run longer, in a new study"
    return command or f"raise {key} in a new study"


def budget(study: StudyRecord) -> int:
    """The study's budget of trials, as declared, else as many as it has."""
    declared = study.attrs.get("n_trials")
    return int(declared) if isinstance(declared, int) else len(study.trials)


def unfinished(study: StudyRecord) -> int:
    """Trials that run or wait, and slots of the budget that none has begun."""
    counts = count_states(study.trials)
    begun = counts["running"] + counts["waiting"]
    if isinstance(study.attrs.get("epochs"), int):  # which may be used up before the slots are
        return begun
    return begun + max(0, budget(study) - len(study.trials))


def more_trials(study: StudyRecord, missing: int, overrides: dict[str, Any]) -> str | None:
    """What gives `missing` further trials: waiting, when enough are under way and change nothing;
    else the command with a budget that is large enough; None without a command."""
    more = max(0, missing - unfinished(study))
    if not more and not overrides and count_states(study.trials)["running"]:
        return f"wait: {unfinished(study)} more trials are to come"
    return sweep_command(study, {**overrides, **budget_with(study, more)})


def budget_with(study: StudyRecord, more: int) -> dict[str, Any]:
    """The settings that give so many further trials that are completed."""
    epochs, found = study.attrs.get("epochs"), {}
    if not isinstance(epochs, int) or isinstance(study.attrs.get("n_trials"), int):
        found["hydra.sweeper.n_trials"] = budget(study) + more
    if isinstance(epochs, int):
        # epochs that the study has spent for each completed trial, on paused ones too
        each = -(-epochs // max(1, count_states(study.trials)["complete"]))
        found["hydra.sweeper.epochs"] = epochs + more * each
    return found


def final_command(study: StudyRecord) -> str | None:
    """The final stage of a study; None for one that no sweep of zmodel made."""
    if "command" not in study.attrs or of_another_program(study.attrs):
        return None
    words = [*_like(study), "-m", "hparams_search=final", f"study={study.name}"]
    return command_text([*words, *_folders(study)])


def reproduce_command(study: StudyRecord, trial: TrialRecord) -> str | None:
    """The run that repeats a trial; None for trials that no run of zmodel made."""
    if "dir" not in trial.attrs and "command" not in study.attrs:
        return None
    if of_another_program(study.attrs):
        return _single_run(study, trial)
    return run_command(study, f"trial={trial.number}")


def run_command(study: StudyRecord, *overrides: str) -> str:
    """A run of the study's best trial, or of the one that an override names."""
    words = [*_like(study), f"from_study={study.name}", *overrides]
    return command_text([*words, *_folders(study)])


def predict_command(study: StudyRecord) -> str | None:
    """What uses the final model on new samples; None where no model was exported."""
    model = summary_of(study).get("model")
    takes = model.get("takes") if isinstance(model, dict) else None
    if study.folder is None or not isinstance(takes, str):
        return None
    return predict_with(study.folder / "final" / "model", takes)


def predict_with(model: Path, takes: str) -> str:
    """The command that uses the model in a folder, from the current one."""
    shown = min(os.path.relpath(model), str(model), key=len)
    return command_text(["python", "-m", "zmodel.predict", shown, plain(takes)])


def report_command(study: StudyRecord, name: str | None = None) -> str:
    """What writes the study's report.

    Args:
        name: of the study, or its folder, as its user may write it; None: its name, and the folder
            of logs where that is not the usual one.
    """
    given = [f"study={name}"] if name else [f"study={study.name}", *_folders(study)]
    if of_another_program(study.attrs):
        return command_text(["zmodel-analyze", *given])
    return command_text([*_like(study, "analyze"), *given])


def _folders(study: StudyRecord) -> list[str]:
    """Overrides of the study's command without which another command does not find it."""
    return [word for word in recorded_words(study) or [] if word.startswith(f"{LOG_DIR}=")]


def _single_run(study: StudyRecord, trial: TrialRecord) -> str | None:
    """The study's program with the trial's parameters; None where one is no plain word."""
    values = {name: str(value) for name, value in trial.params.items()}
    words = recorded_words(study)
    if words is None or not all(re.fullmatch(r"[\w.+-]+", value) for value in values.values()):
        return None
    names = {name.lstrip("+") for name in values}
    keys = [word.partition("=")[0].lstrip("+~") for word in words]
    kept = [
        word
        for word, key in zip(words, keys, strict=True)
        if key not in names and word not in MULTIRUN and not key.startswith("hydra")
    ]
    return command_text([*kept, *(f"{name}={value}" for name, value in values.items())])
