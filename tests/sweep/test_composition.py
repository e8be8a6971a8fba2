"""Composing from a copy gives what Hydra composes, whatever is overridden."""

from __future__ import annotations

import os
import pickle
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

import zmodel.cli.resolvers  # noqa: F401 - of the configuration
from zmodel.sweep.space.parse import parse_space
from zmodel.sweep.space.rehearsal_points import params_at, points
from zmodel.sweep.sweeper import plain
from zmodel.sweep.workers.composition import Composition

CONF = Path(__file__).parents[2] / "conf"
SHIPPED = ("halving", "zlayers")
SEARCHES = [
    path.stem if path.stem in SHIPPED else pytest.param(path.stem, marks=pytest.mark.long)
    for path in sorted((CONF / "hparams_search").glob("[!_]*.yaml"))
]


@contextmanager
def sweep(*overrides: str, conf: Path = CONF):
    """Hydra's loader and the configuration of a sweep with these overrides."""
    with initialize_config_dir(str(conf)):
        loader = GlobalHydra.instance().config_loader()
        yield loader, loader.load_configuration("train", list(overrides), RunMode.MULTIRUN)


def same(loader, config, composition: Composition, overrides: list[str]) -> bool:
    return equal(composition(overrides), loader.load_sweep_config(config, overrides))


def equal(ours, theirs) -> bool:
    assert OmegaConf.to_yaml(ours) == OmegaConf.to_yaml(theirs)
    assert OmegaConf.is_struct(ours) == OmegaConf.is_struct(theirs)
    return ours == theirs


@pytest.mark.parametrize("search", SEARCHES)
def test_every_search_composes_as_with_hydra(search):
    chosen = f"hparams_search={search}"
    with sweep(chosen) as (loader, config):
        settings = plain(config.hydra.sweeper.get("params")) or {}
        if not settings:
            pytest.skip("it searches nothing by itself")
        space = parse_space(settings, [chosen], None, loader)
        composition = Composition(loader, config)
        for point in points(space):
            overrides = [*space.fixed, *space.overrides(params_at(point, space, config))]
            assert same(loader, config, composition, overrides)
        assert len(composition._read) == 1, "the files were read for every trial"


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=znet", "model.z_layers=2"],
        ["model.z_layers=2", "model=znet", "data=digits", "seed=4"],
        ["model.z_layers=2", "++model.z_layers=4", "data.batch_size=20"],
        ["++model.z_layers=4", "model.z_layers=2"],
        ["model.z_layers=2", "~model.dropout", "model.width=8"],
        *(
            pytest.param(further, marks=pytest.mark.long)
            for further in (
                ["+model.new=1", "model.new=2"],
                ["model.optimizer={lr: 0.5}", "model.optimizer.lr=0.25"],
                ["tags=[a,b]", "run_name='x y'", "trainer.max_epochs=3"],
                ["ckpt_path=null", "seed=1"],
                ["optimized_metric=[val/acc_best,val/loss_best]"],
                ["hydra.job.chdir=true", "seed=3"],
                ["callbacks.early_stopping=null", "seed=3"],
            )
        ),
    ],
    ids=" ".join,
)
def test_whatever_is_overridden(overrides):
    with sweep("hydra/sweeper=zmodel") as (loader, config):
        composition = Composition(loader, config)
        theirs = loader.load_sweep_config(config, overrides)
        for _ in range(2):  # the second is made from a copy
            assert equal(composition(overrides), theirs)
        assert same(loader, config, composition, ["seed=9"]), "an earlier job left something behind"


def test_a_group_without_a_default_is_read_from_its_files(tmp_path):
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    train = conf / "train.yaml"
    train.write_text(
        train.read_text().replace("defaults:", "defaults:\n  - exp: ???\n  - a/b: ???")
    )
    for group in ("exp", "a/b"):
        (conf / group).mkdir(parents=True)
        for option in (1, 2):
            key = "seed" if group == "exp" else "data.batch_size"
            name = conf / group / f"option{option}.yaml"
            name.write_text(
                f"# @package _global_\n{key.replace('.', ': {')}: {option}" + "}" * ("." in key)
            )
    with sweep("hydra/sweeper=zmodel", conf=conf) as (loader, config):
        composition = Composition(loader, config)
        for option in ("option1", "option2"):
            chosen = ["a/b=" + option, "model.width=7", "exp=" + option]
            assert same(loader, config, composition, chosen)
        space = parse_space({}, ["exp=glob(*)", "a/b=option1,option2"], None, loader)
    assert space.groups == {"exp", "a/b"} == set(space.distributions)


@pytest.mark.parametrize(
    "overrides",
    [["model.z_layer=2"], ["model=nothing"], ["+model.z_layers=3"], ["~model.nothing"]],
    ids=" ".join,
)
def test_what_cannot_be_applied_is_said_in_hydras_words(overrides):
    with sweep() as (loader, config):
        composition = Composition(loader, config)
        composition([])
        with pytest.raises(HydraException) as theirs:
            loader.load_sweep_config(config, overrides)
        with pytest.raises(HydraException) as ours:
            composition(overrides)
        assert str(ours.value) == str(theirs.value)


def test_a_changed_file_is_read_anew(tmp_path):
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    with sweep(conf=conf) as (loader, config):
        composition = Composition(loader, config)
        before = composition(["seed=1"])
        file = conf / "trainer" / "default.yaml"
        file.write_text(file.read_text().replace("max_epochs: 60", "max_epochs: 61"))
        after = composition(["seed=1"])
        (conf / "local").mkdir(exist_ok=True)
        (conf / "local" / "default.yaml").write_text("# @package _global_\nseed: 5\n")
        added = composition([])
        os.remove(conf / "local" / "default.yaml")
        removed = composition([])
    assert (before.trainer.max_epochs, after.trainer.max_epochs) == (60, 61)
    assert (added.seed, removed.seed) == (5, 0)


def test_what_lies_beside_the_configuration_does_not_matter(tmp_path):
    """Neither what the sweep writes nor other files; and where there are thousands, Hydra reads."""
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    with sweep(f"hydra.sweep.dir={conf}/out", conf=conf) as (loader, config):
        composition = Composition(loader, config)
        composition(["seed=1"])
        stamp = composition._stamp
        (conf / "out").mkdir()
        (conf / "out" / "best.yaml").write_text("seed: 3\n")
        (conf / "data.csv").write_text("1,2\n")
        composition(["seed=2"])
        assert composition._stamp == stamp
        for number in range(2100):
            (conf / f"image_{number}.png").touch()
        assert composition._files() is None
        assert same(loader, config, composition, ["seed=2", "model.width=12"])


def test_a_worker_starts_with_what_was_read(monkeypatch):
    with sweep() as (loader, config):
        composition = Composition(loader, config)
        composition(["seed=1"])
        copy = pickle.loads(pickle.dumps(composition))
        monkeypatch.setattr(type(loader), "load_sweep_config", None)
        assert copy(["seed=2"]).seed == 2
