"""What makes the trials of a study comparable.

And what has changed since it began.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Container, Iterable, Mapping
from typing import Any

import optuna
from optuna.trial import TrialState

from zmodel.core.command_text import command_text
from zmodel.core.moved import current, translated
from zmodel.core.provenance import git_state, versions
from zmodel.study.folder import another_study
from zmodel.study.widening import Follows, check_wider, note_phase

NOT_COMPARED = (
    "hydra", "paths", "extras", "tags", "logger", "ckpt_path", "task_name", "study_name",
    "from_study", "trial", "run_name",
)  # fmt: skip
"""Parts of a configuration that cannot change what a trial measures."""

PLAIN = re.compile(r"[\w.+-]+")
"""A value that Hydra reads as it is."""

SINCE = {
    "data.reshuffle": False, "model.block": "conv",
    # it decides which weights are kept, not what a trial is worth
    "callbacks.checkpoint.loss": "val/loss",
}  # fmt: skip
"""Settings that came after studies were begun, with the value by which all is as it was before."""


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """``{"model": {"width": 25}}`` as ``{"model.width": 25}``; lists stay whole.

    A class counts as the same after it moved: studies of older versions go on.
    """
    if not isinstance(config, Mapping) or (prefix and not config):
        if prefix.endswith("_target_") and isinstance(config, str):
            return {prefix: current(config)}
        return {prefix: translated(config)}
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def fixed_part(config: Mapping[Any, Any], searched: list[str]) -> dict[str, Any]:
    """The configuration without what is searched and what does not matter."""
    flat = flatten({k: v for k, v in config.items() if k not in NOT_COMPARED})
    names = [name.lstrip("+") for name in searched]
    return {
        key: value
        for key, value in flat.items()
        if not any(key == name or key.startswith(f"{name}.") for name in names)
        and not key.startswith(("callbacks.progress_bar", "callbacks.checkpoint.dirpath"))
        and not key.startswith(("trainer.enable_", "trainer.default_root_dir"))
    }


def make_fingerprint(
    directions: tuple[str, ...],
    objective: Any,
    space: Mapping[str, Any],
    fixed: Mapping[str, Any],
    constraints: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """JSON-able; two equal fingerprints have comparable trials. ``data`` comes later."""
    made = {
        "direction": list(directions),
        "objective": objective,
        "space": {k: json.loads(v) for k, v in space["distributions"].items()},
        "conditions": space["conditions"],
        "fixed": dict(fixed),
        "data": None,
        **({"constraints": dict(constraints)} if constraints else {}),
    }
    plain: dict[str, Any] = json.loads(json.dumps(made, default=str))
    return plain


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """One line per difference, ``key: before -> now``; an unknown data hash equals any."""
    before, now = flatten(old), flatten(new)
    lines = []
    for key in sorted({*before, *now}):
        a, b = before.get(key, "(absent)"), now.get(key, "(absent)")
        if a != b and not (key == "data" and None in (a, b)):
            lines.append(f"{key}: {json.dumps(a)} -> {json.dumps(b)}")
    return lines


def as_of_now(old: Mapping[str, Any], new: Container[str]) -> dict[str, Any]:
    """The settings `old` with those of `SINCE` that `new` has and `old` is older than."""
    return {key: value for key, value in SINCE.items() if key in new} | dict(old)


def has_begun(study: optuna.Study) -> bool:
    """Whether there is a trial to be comparable with; those our start enqueued do not count."""
    trials = study.get_trials(deepcopy=False)
    return any(t.state != TrialState.WAITING or "slot" not in t.user_attrs for t in trials)


def settle(
    study: optuna.Study,
    new: dict[str, Any],
    on_change: str,
    follows: Follows = lambda key, before, now: False,
    words: Iterable[str] = (),
) -> None:
    """Compare with the study's fingerprint, or store it if there is none.

    Args:
        on_change: "widen" takes a wider space, "continue" takes anything; both note it.
        follows: of fixed settings that state a bound of the space.
        words: overrides of the command; what they add, the way back adds too.

    Raises:
        ValueError: they differ otherwise.
    """
    old = study.user_attrs.get("fingerprint")
    if old is not None and has_begun(study):
        old = {**old, "fixed": as_of_now(old["fixed"], new["fixed"])}
        lines = differences(old, new)
        if lines and on_change == "refuse":
            raise ValueError(_refusal(study.study_name, lines, old, new, follows, words))
        if lines and on_change == "widen":
            check_wider(old, new, follows)
            if old["space"] != new["space"]:
                note_phase(study, old)
        if lines:
            note_changes(study, lines)
        if new["data"] is None:
            new = {**new, "data": old["data"]}
    if old != new:
        study.set_user_attr("fingerprint", new)


def note_changes(study: optuna.Study, lines: list[str]) -> None:
    """Add to the ``changes`` of the study what is different from now on."""
    changes = study.user_attrs.get("changes", [])
    study.set_user_attr("changes", [*changes, {"time": time.time(), "lines": lines}])


def _refusal(
    name: str,
    lines: list[str],
    old: dict[str, Any],
    new: dict[str, Any],
    follows: Follows,
    words: Iterable[str],
) -> str:
    listed = "\n  ".join(lines)
    try:
        check_wider(old, new, follows)
    except ValueError:
        way = "accept the mixture: hydra.sweeper.on_change=continue"
    else:
        way = "continue in the wider space, where all trials count: hydra.sweeper.on_change=widen"
    back = command_text(_former(old["fixed"], new["fixed"], words))
    back = f"go on with the former values: {back}, or " if back else ""
    return (
        f"Study '{name}' was started with another setting, and its trials would not be "
        f"comparable:\n  {listed}\nMake it a study of its own "
        f"({another_study(new['objective'])}), or {back}{way}."
    )


def _former(old: Mapping[str, Any], new: Mapping[str, Any], words: Iterable[str]) -> list[str]:
    """Overrides that give changed settings their values of before, of those that are plain."""
    changed = {k: v for k, v in old.items() if k in new and v != new[k]}
    given = {word.partition("=")[0] for word in words}
    written = {key: f"+{key}" if f"+{key}" in given else key for key in changed}
    return [
        f"{written[key]}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in changed.items()
        if PLAIN.fullmatch(str(value))
    ]


def settle_data(study: optuna.Study, data_hash: str, on_change: str) -> None:
    """The data's part of the fingerprint, known only once the data have been loaded.

    Raises:
        ValueError: the data are not those the study began with (``on_change="refuse"``).
    """
    old = study.user_attrs["fingerprint"]
    if old["data"] != data_hash:
        settle(study, {**old, "data": data_hash}, on_change)


def provenance_notes(study: optuna.Study) -> list[str]:
    """Versions and source revision that differ from the first start; noted, not refused."""
    now = {"versions": versions(), "git": git_state()}
    old = study.user_attrs.get("provenance")
    if old is None:
        study.set_user_attr("provenance", now)
        return []
    return differences(old, now)
