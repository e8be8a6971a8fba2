"""Composes the configuration of each trial, reading files once.

Hydra reads and merges all files anew for each job, which takes a tenth of a second. The trials of
a study differ in values of keys that the configuration has anyway, and setting those in a copy
gives the same. Whatever else an override does is left to Hydra; files that changed are read anew.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from zmodel.sweep.space.override_text import parser

Stamp = tuple[tuple[str, int, int], ...]
"""Path, time of the last change and size of every file that may be part of the configuration."""
MOST = 64
"""So many different choices of files are kept."""
MOST_SEEN = 2000
"""With more files and folders than this to look through, Hydra reads for every trial."""
YAML = (".yaml", ".yml")


@dataclass
class Composition:
    """Composes the jobs of the sweep that has this configuration; picklable."""

    loader: ConfigLoader
    config: DictConfig
    edited: bool = False
    """Whether a file may have changed since this command first read them, at the last call."""
    _stamp: Stamp = ()
    _first: Stamp | None = None
    """Of the files as they were first read."""
    _read: dict[tuple[str, ...], DictConfig] = field(default_factory=dict)
    """By the overrides that Hydra applied."""

    def __call__(self, overrides: list[str]) -> DictConfig:
        """What Hydra composes of these overrides.

        Raises:
            HydraException: one of them cannot be applied.
        """
        parsed = parser().parse_overrides(overrides)
        first, values = split(parsed, self._is_group)
        cfg = self._read_once(tuple(str(override.input_line) for override in first))
        try:
            for override in values:
                if _is_branch(cfg, override.key_or_group):
                    return self._by_hydra(overrides)
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True)
        except OmegaConfBaseException:
            return self._by_hydra(overrides)  # whose message says what is wrong
        with read_write(cfg.hydra), open_dict(cfg.hydra):
            cfg.hydra.overrides.task = [o.input_line for o in parsed if not o.is_hydra_override()]
        return cfg

    def _is_group(self, key: str) -> bool:
        """Also one without a default, which a sweep's configuration does not have at all."""
        choices = self.config.hydra.runtime.choices
        return key in choices or "/" in key or ("." not in key and key not in self.config)

    def _by_hydra(self, overrides: list[str]) -> DictConfig:
        return self.loader.load_sweep_config(self.config, overrides)

    def _read_once(self, overrides: tuple[str, ...]) -> DictConfig:
        """A new copy of what Hydra composes; read from the files again if one has changed."""
        stamp = self._files()
        self._first = stamp if self._first is None else self._first
        self.edited = stamp is None or stamp != self._first
        if stamp is None:
            return self._by_hydra(list(overrides))
        if stamp != self._stamp or len(self._read) >= MOST:
            self._read.clear()
            self._stamp = stamp
        if overrides not in self._read:
            self._read[overrides] = self._by_hydra(list(overrides))
        return copy.deepcopy(self._read[overrides])

    def _files(self) -> Stamp | None:
        """Of all YAML files in the folders of the configuration; ``None``: there is too much in
        them to look at for every trial. What the sweep writes is not part of it."""
        output = self._output()
        found: list[tuple[str, int, int]] = []
        seen = 0
        for source in self.config.hydra.runtime.config_sources:
            for folder in _folders(source.schema, source.path):
                for root, inner, names in os.walk(os.path.abspath(folder), followlinks=True):
                    inner[:] = [n for n in inner if os.path.join(root, n) != output]
                    seen += len(inner) + len(names)
                    if seen > MOST_SEEN:
                        return None
                    yaml = (name for name in names if name.endswith(YAML))
                    found += (_state(os.path.join(root, name)) for name in yaml)
        return tuple(found)

    def _output(self) -> str:
        try:
            return os.path.abspath(str(self.config.hydra.sweep.dir))
        except OmegaConfBaseException:  # not known yet: no study has a name, say
            return ""


def _state(path: str) -> tuple[str, int, int]:
    try:
        state = os.stat(path)
    except FileNotFoundError:  # an editor's file for a moment
        return path, 0, 0
    return path, state.st_mtime_ns, state.st_size


def split(
    parsed: list[Override], is_group: Callable[[str], bool]
) -> tuple[list[Override], list[Override]]:
    """The overrides that only Hydra can apply, and the values after the last of them.

    Which file of a group is read does not depend on values: such choices come first anyway.
    """
    first = list(parsed)
    choices: list[Override] = []
    values: list[Override] = []
    while first and first[-1].type is OverrideType.CHANGE and _is_plain(first[-1]):
        override = first.pop()
        (choices if is_group(override.key_or_group) else values).insert(0, override)
    return [*first, *choices], values


def _is_plain(override: Override) -> bool:
    special = override.is_hydra_override() or override.is_sweep_override()
    return override.package is None and not special


def _is_branch(cfg: DictConfig, key: str) -> bool:
    """Whether the key stands for more than one value: a group, of which Hydra reads a file."""
    return key in cfg.hydra.runtime.choices or OmegaConf.is_config(OmegaConf.select(cfg, key))


def _folders(schema: str, path: str) -> list[str]:
    if schema == "file":
        return [path]
    if schema != "pkg":
        return []  # kept in memory
    package, _, inner = path.partition("/")
    spec = find_spec(package)
    roots = (spec.submodule_search_locations if spec else None) or []
    return [os.path.join(root, inner) for root in roots]
