"""``hydra/sweeper=zmodel`` for programs whose search path does not hold our conf/.

Its files go into Hydra's ConfigStore when Hydra imports the sweeper, at every start of every
program: so they are read fast, and nothing else is done.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from hydra.core.object_type import ObjectType

from zmodel.cli.conf_folder import CONF

GROUP = "hydra/sweeper"
INNER = ("sampler", "pruner", "stopping")
PROVIDER = "zmodel"
_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def register_configs() -> None:
    """Store the sweeper, and each choice of its groups under a name that is still free."""
    with suppress(ImportError):  # whichever of us is imported first, the stock plugin has its names
        import_module("hydra_plugins.hydra_optuna_sweeper.config")
    names = {(inner, path.stem): _store(inner, path) for inner in INNER for path in _files(inner)}
    sweeper = _read(Path(CONF, GROUP, "zmodel.yaml"))
    sweeper["defaults"] = [
        {inner: names[inner, choice]}
        for default in sweeper["defaults"]
        for inner, choice in default.items()
    ]
    store = ConfigStore.instance()
    store.store("zmodel", sweeper, GROUP, provider=PROVIDER, replace=True)
    final = _read(Path(CONF, GROUP, "final.yaml"))
    store.store("final", final, GROUP, provider=PROVIDER, replace=True)


def _store(inner: str, path: Path) -> str:
    """Store one choice; the name it got.

    The stock Optuna sweeper, where it is installed too, has samplers of the same names. Its own
    programs must go on to get those.
    """
    store, name, group = ConfigStore.instance(), path.stem, f"{GROUP}/{inner}"
    if store.get_type(f"{group}/{name}.yaml") is not ObjectType.NOT_FOUND:
        name = name if store.load(f"{group}/{name}.yaml").provider == PROVIDER else f"zmodel_{name}"
    store.store(name, _read(path), group, provider=PROVIDER, replace=True)
    return name


def _files(inner: str) -> list[Path]:
    return sorted(Path(CONF, GROUP, inner).glob("*.yaml"))


def _read(path: Path) -> Any:
    return _READER(path.read_text(encoding="utf-8")).get_single_data()
