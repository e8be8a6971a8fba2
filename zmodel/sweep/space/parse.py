"""Reads the search space from `params` and the command line.

space = parse_space(
    {"model.z_layers": "range(1, 6)",
     "model.width_2": {"space": "int(interval(4, 64))", "when": "model.z_layers >= 2"}},
    ["seed=3"],
)
params = space.suggest(trial)        {"model.z_layers": 3, "model.width_2": 17}
space.overrides(params)              ["model.z_layers=3", "model.width_2=17"]
space.fixed                          ["seed=3"]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from zmodel.sweep.space.condition import ABSENT, parse_condition
from zmodel.sweep.space.custom_function import load_function
from zmodel.sweep.space.distributions import EXAMPLES, distribution
from zmodel.sweep.space.override_text import parser, value_text
from zmodel.sweep.space.search_space import SearchSpace


@dataclass(frozen=True)
class _Entry:
    """One override, fixed or swept, and the condition that came with it."""

    override: Override
    when: str | None = None

    @property
    def key(self) -> str:
        """Without `+` or `~`: `a=1` and `+a=choice(1, 2)` are about the same thing."""
        return self.override.get_key_element().lstrip("+~")

    @property
    def constant(self) -> Any:
        """What a condition on this fixed entry sees."""
        return ABSENT if self.override.is_delete() else self.override.value()

    @property
    def swept(self) -> bool:
        return self.override.is_sweep_override()


def parse_space(
    params: Mapping[str, Any] | None,
    arguments: list[str],
    custom_search_space: str | None = None,
    config_loader: ConfigLoader | None = None,
) -> SearchSpace:
    """The search space of a study; the command line wins over YAML.

    Args:
        params: override key -> a Hydra sweep string, a plain value to be passed on as fixed, or
            `{space: <sweep string>, when: <condition on earlier parameters>}`.
        arguments: the overrides of the command line, swept and fixed. A swept one takes the place
            (and the condition) of its namesake in `params`; a fixed or deleted one removes it.
        custom_search_space: dotted path of a function (DictConfig, Trial) -> None that asks more.
        config_loader: knows the config groups, for `glob(...)` and for what is rehearsed.

    Raises:
        ValueError: names the parameter, what was received and what is right.
    """
    entries = _from_yaml(params, config_loader)
    settled = _from_command_line([_parse(text, config_loader) for text in arguments], entries)
    swept = [entry for entry in entries.values() if entry.swept]
    fixed = [entry for entry in entries.values() if not entry.swept] + settled
    if custom_search_space:
        load_function(custom_search_space)  # that there is none is an error now
    written = [str(entry.override.input_line) for entry in fixed]
    space = SearchSpace({}, written, custom=custom_search_space)
    _declare(space, swept, {entry.key: entry.constant for entry in fixed})
    return space


def _from_yaml(params: Any, config_loader: ConfigLoader | None) -> dict[str, _Entry]:
    if OmegaConf.is_config(params):
        params = OmegaConf.to_container(params, resolve=True)
    entries: dict[str, _Entry] = {}
    for name, value in (params or {}).items():
        when = None
        if isinstance(value, Mapping) and "space" in value:
            if set(value) - {"space", "when"}:
                raise ValueError(f"{name}: the keys are `space` and `when`; got {sorted(value)}.")
            value, when = value["space"], value.get("when")
        text = value if isinstance(value, str) else value_text(value)
        entry = _parse(f"{name}={text}", config_loader)
        if entry.key in entries:
            raise ValueError(f"{entry.key} is given twice in hydra.sweeper.params. Remove one.")
        if when is not None and not entry.swept:
            raise ValueError(
                f"{name}: `when` needs something to search; got the single value {text}. "
                f"Write one of {EXAMPLES}."
            )
        entries[entry.key] = _Entry(entry.override, when)
    return entries


def _parse(text: str, config_loader: ConfigLoader | None) -> _Entry:
    try:
        override = parser().parse_override(text)
    except HydraException as error:
        name = text.partition("=")[0]
        raise ValueError(
            f"{name}: cannot read `{text}`: {str(error).splitlines()[0]}. "
            f"The forms are: {EXAMPLES}; odd strings go into quotes, as in choice('c=d', 'x,y')."
        ) from error
    override.config_loader = config_loader
    return _Entry(override)


def _from_command_line(given: list[_Entry], entries: dict[str, _Entry]) -> list[_Entry]:
    """The fixed ones; a swept one goes into `entries`, and a fixed one removes its namesake."""
    for entry in given:
        same = [other for other in given if other.key == entry.key]
        if len({other.swept for other in same}) == 2:
            raise ValueError(
                f"{entry.key} must be either swept or fixed on the command line; got "
                f"{[other.override.input_line for other in same]}. Remove one."
            )
        earlier = entries.get(entry.key)
        if entry.swept:  # in the place and under the condition of its namesake
            entries[entry.key] = _Entry(entry.override, earlier.when if earlier else None)
        else:
            entries.pop(entry.key, None)
    return [entry for entry in given if not entry.swept]


def _declare(space: SearchSpace, swept: list[_Entry], constants: dict[str, Any]) -> None:
    """Fill `space` with the swept parameters, deciding conditions on constants at once."""
    for entry in swept:
        name = entry.override.get_key_element()
        if entry.when is not None:
            try:
                condition = parse_condition(entry.when, space.domains(), constants)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
            if condition is False:
                constants[name] = ABSENT
                continue
            if condition is not True:
                space.conditions[name] = condition
        space.distributions[name], labels = distribution(entry.override)
        if labels:
            space.labels[name] = labels
        if _is_group(entry.override):
            space.groups.add(name)
        for choice in space.domains()[name] or []:
            value_text(choice)  # what Hydra cannot express is an error now, not in trial 17


def _is_group(override: Override) -> bool:
    """Whether its values are files of a config group."""
    name, loader = override.key_or_group, override.config_loader
    return loader is not None and "." not in name and bool(loader.get_group_options(name))
