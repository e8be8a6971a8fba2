"""Every YAML under conf/: it composes, what it names exists, it says which command uses it."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf

from zmodel.analysis.rules import underexplored
from zmodel.core.allow_list import ALLOWED_TARGETS

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted(str(p.relative_to(CONF)) for p in CONF.rglob("*.yaml") if "local" not in p.parts)
OPTIONAL = ("launcher",)


def targets(node) -> list[str]:
    if isinstance(node, (DictConfig, dict)):
        items = node.items_ex(resolve=False) if isinstance(node, DictConfig) else node.items()
        own = [v for k, v in items if k == "_target_" and isinstance(v, str)]
        return own + [t for _, v in items for t in targets(v)]
    if isinstance(node, (ListConfig, list)):
        return [t for v in node for t in targets(v)]
    return []


@pytest.mark.parametrize("file", FILES)
def test_yaml_composes_and_its_classes_exist(file, monkeypatch):
    group, _, option = file[: -len(".yaml")].rpartition("/")
    overrides, name = [f"{group}={option}"], "train"
    if not group:
        overrides, name = [], option
    elif group.startswith("hydra/sweeper/"):
        overrides = ["hydra/sweeper=zmodel", f"{group}={option}"]
    with initialize_config_dir(str(CONF)):
        cfg = compose(name, overrides, return_hydra_config=True)
    found = targets(OmegaConf.to_container(cfg, resolve=False))
    for target in found:
        if not any(word in target for word in OPTIONAL):
            assert get_object(target) is not None
    if group and group not in ("hydra", "paths", "extras"):
        assert OmegaConf.select(cfg, group.replace("/", ".")) is not None or "_global_" in text(
            file
        )


def test_whatever_the_program_names_itself_is_on_the_allow_list():
    """In the YAML files and, for values set by code, in the source."""
    sources = [*CONF.rglob("*.yaml"), *(CONF.parent / "zmodel").rglob("*.py")]
    pattern = re.compile(r"_target_\"?: *\"?([\w.]+\.\w+)")
    advice = "template_names.py"  # what a user may write, who then extends the list
    named = {name for p in sources if p.name != advice for name in pattern.findall(p.read_text())}
    assert {"zmodel.trackers.wandb_logger", "zmodel.callbacks.last_weights.LastWeights"} <= named
    refused = {n for n in named if not any(fnmatch(n, prefix) for prefix in ALLOWED_TARGETS)}
    assert not refused


def text(file: str) -> str:
    return (CONF / file).read_text()


@pytest.mark.parametrize("file", FILES)
def test_yaml_starts_with_the_command_that_uses_it(file):
    comments = [line for line in text(file).splitlines()[:4] if line.startswith("#")]
    assert re.search(r"python (train|analyze)\.py", "\n".join(comments)), file


def test_the_shipped_halving_completes_what_its_report_wants():
    with initialize_config_dir(str(CONF)):
        cfg = compose("train", ["hparams_search=halving"], return_hydra_config=True)
    assert cfg.hydra.sweeper.stopping.guarantee >= underexplored.FLOOR[0]


@pytest.mark.parametrize("search", ["halving", "zlayers"])
def test_the_rule_that_messages_recommend_against_pauses_is_none(search):
    """Also where a study has set something for another one, as `halving` its guarantee."""
    with initialize_config_dir(str(CONF)):
        words = [f"hparams_search={search}", "hydra/sweeper/stopping=none"]
        cfg = compose("train", words, return_hydra_config=True)
    assert cfg.hydra.sweeper.stopping.get("_target_", "") is None
