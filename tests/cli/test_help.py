"""``python train.py --help``: what a person sees first."""

from __future__ import annotations

from pathlib import Path

from hydra import compose, initialize_config_dir

import zmodel.cli.resolvers  # noqa: F401 - of the configuration
from zmodel.cli.conf_folder import CONF
from zmodel.cli.help_text import GROUPS, groups, settings, sweeper
from zmodel.sweep.settings import KEYS

OWN = ("local",)
"""Groups of the user."""


def test_every_group_says_what_is_chosen_in_it():
    folders = {path.parent.relative_to(CONF).as_posix() for path in Path(CONF).rglob("*.yaml")}
    hydra = {folder for folder in folders if folder.count("/") == 2}
    assert {f for f in folders if "/" not in f} - {".", "hydra", *OWN} | hydra == set(GROUPS)
    with initialize_config_dir(CONF):
        text = groups()
    assert "mnist1d" in text and "depth_halving" in text and "_space" not in text


def test_every_setting_of_a_study_has_one_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    chosen = {group.rpartition("/")[2] for group in GROUPS}
    assert {key for key, _, _ in settings()} == set(KEYS) - chosen
    lines = sweeper().splitlines()
    assert len(lines) == len(settings()) and all(
        line[0] != " " and len(line) < 80 for line in lines
    )


def test_the_examples_fit_into_eighty_columns():
    for name, least in (("train", 5), ("analyze", 5)):
        with initialize_config_dir(CONF):
            cfg = compose(name, return_hydra_config=True)
            header = cfg.hydra.help.header
        examples = [line for line in header.splitlines() if "python " in line]
        assert len(examples) >= least and all(len(line) < 80 for line in header.splitlines())
