"""The part of the configuration that all trials share."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.trial import FrozenTrial

from zmodel.study.fingerprint import differences, fixed_part
from zmodel.study.trial_attributes import attr
from zmodel.sweep.settings import Settings
from zmodel.sweep.space.rehearsal_points import params_at, points, with_value
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.workers.job import Job

ABSENT = "(absent)"


@dataclass(frozen=True)
class SharedConfig:
    """The values that trials may have where nothing is searched, by their keys.

    Attributes:
        fixed: what all trials have.
        chosen: the values a key gets from the files of a searched group (`experiment=mlp,paper`).
        searched: names of what is searched; their keys are left out.
    """

    fixed: dict[str, Any]
    chosen: dict[str, list[Any]]
    searched: tuple[str, ...]

    @classmethod
    def of(cls, configs: Iterable[DictConfig], searched: Collection[str]) -> SharedConfig:
        """From the configurations of one trial for each choice of the searched groups."""
        parts = [fixed_part(_plain(cfg), [*searched]) for cfg in configs]
        values = {
            key: _distinct(part.get(key, ABSENT) for part in parts)
            for key in dict.fromkeys(key for part in parts for key in part)
        }
        return cls(
            {key: found[0] for key, found in values.items() if len(found) == 1},
            {key: found for key, found in values.items() if len(found) > 1},
            tuple(searched),
        )

    @property
    def comparable(self) -> dict[str, Any]:
        """The study's part of the fingerprint: `chosen` keys with the list of their values."""
        return {**self.fixed, **self.chosen}

    def own_seed(self, trial: FrozenTrial) -> list[str]:
        """The override that gives a trial a seed of its own; none where it has that of all."""
        own = self.fixed.get("data.reshuffle") or attr(trial, "replicate") is not None
        if not own or not isinstance(self.fixed.get("seed"), int):
            return []  # one that is searched is not fixed
        return [f"seed={self.fixed['seed'] + trial.user_attrs['slot']}"]

    def differences(self, cfg: DictConfig, own: Collection[str]) -> list[str]:
        """A line per key at which a trial's configuration is not what the study's is.

        Args:
            own: further names that the trial sets for itself.
        """
        found = fixed_part(_plain(cfg), [*self.searched, *own])
        names = [name.lstrip("+") for name in own]
        wanted = {key: value for key, value in self.fixed.items() if not _below(key, names)}
        lines = differences(wanted, {k: v for k, v in found.items() if k not in self.chosen})
        for key, values in self.chosen.items():
            if not _below(key, names) and (value := found.get(key, ABSENT)) not in values:
                lines.append(f"{key}: one of {json.dumps(values)} -> {json.dumps(value)}")
        return lines


def shared_config(
    example: DictConfig, job: Job, space: SearchSpace, settings: Settings
) -> SharedConfig:
    """What trials have in common with `example`, the configuration of the first point.

    Every choice of a searched group is composed once: its files may write anywhere.
    """
    first = points(space)[0]
    searched = [*space.distributions, *params_at(first, space, job.config)]
    if not job.comparable:
        return SharedConfig.of([example], searched)
    configs = [example]
    for name in space.distributions:
        if name not in space.groups:
            continue
        for choice in space.values(name):
            params = params_at(with_value(name, choice, first, space), space, job.config)
            overrides = [*space.fixed, *space.overrides(params)]
            try:
                configs.append(job.compose(overrides, 0, settings.folder, {}))
            except (HydraException, OmegaConfBaseException):
                continue  # the rehearsal names the choice that does not compose
    return SharedConfig.of(configs, searched)


def _plain(cfg: DictConfig) -> dict[Any, Any]:
    """What JSON can hold: a structured configuration may have enumerations, paths and bytes."""
    config = OmegaConf.to_container(cfg, resolve=False, enum_to_str=True)
    plain: dict[Any, Any] = json.loads(json.dumps(config, default=str))
    return plain


def _below(key: str, names: Iterable[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
