"""What was typed is what is meant: names stay text, `~` is the home folder, null is a choice."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from runs import CONF

from zmodel.cli.spelling import spelled
from zmodel.core.names import folder_name


def read(argument: str) -> object:
    return OverridesParser.create().parse_override(spelled(argument)).value()


@pytest.mark.parametrize(
    "name",
    ["2024_01_15", "1e3", "1_000", "-7", "007", "0x10", "1.", "inf", "nan", "true", "False",
     "1e-05", "größe", "a b", "x-1", "v1.0"],
)  # fmt: skip
@pytest.mark.parametrize(
    "key",
    ["study_name", "task_name", "run_name", "from_study", "study", "hydra.sweeper.from_study",
     "+data.label_column", "logger.wandb.group", "paths.log_dir", "ckpt_path"],
)  # fmt: skip
def test_a_name_is_what_was_typed(key, name):
    assert read(f"{key}={name}") == name


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("tags=[1e3,true,null,dev]", ["1e3", "true", None, "dev"]),
        ("tags=['a,1e3,b', 7 ,\"8\"]", ["a,1e3,b", "7", "8"]),
        ("data.drop_columns=[2024, 2024_01]", ["2024", "2024_01"]),
        ("study=[2024_01_15,naive]", ["2024_01_15", "naive"]),
        ("study_name=null", None),
        ("study_name=", ""),
        ("study_name='1e3'", "1e3"),
        ("study_name=a 7", "a 7"),
        ("model.width=1e3", 1000.0),
        ("seed=2_000", 2000),
        ("model.names=3", 3),
        ("test=no", False),
        ("+data.normalize=Off", False),
        ("model.residual=on", True),
        ("model.residual='on'", "on"),
        ("data.label_column=yes", "yes"),
        ("debug=off", "off"),
    ],
)
def test_only_names_and_each_of_a_list(argument, value):
    assert read(argument) == value


def test_words_for_true_and_false_are_searched_as_such():
    override = OverridesParser.create().parse_override(spelled("model.residual=yes,no"))
    assert override.value().list == [True, False]


def test_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert read("paths.log_dir=~/x") == "/home/me/x" == read("paths.log_dir='~/x'")
    assert spelled("~logger") == "~logger" and spelled("~paths.log_dir=~") != "~paths.log_dir=~"
    assert read("model.kind='~/x'") == "~/x"


@pytest.mark.parametrize("group", ["logger", "callbacks"])
@pytest.mark.parametrize("override", ["{}=null", "{}=[]", "~{}", "{}=none"])
def test_a_group_of_a_run_may_be_empty(group, override):
    with initialize_config_dir(str(CONF)):
        cfg = compose("train", [spelled(override.format(group))])
    assert cfg[group] == {} and cfg.model.z_layers == 3


def test_null_is_a_choice():
    for argument in ("a=choice(null,1)", "a=choice(1, null)", "+a=choice(x,'y,z',null)"):
        override = OverridesParser.create().parse_override(spelled(argument))
        assert override.is_choice_sweep() and None in override.value().list
    for argument in ("a=choice(1,2)", "a=choice(nullx,1)", "a=tag(log,interval(1,2))", "-m", "a"):
        assert spelled(argument) == argument


@pytest.mark.parametrize("number", [20240115, 1000.0, True, None])
def test_a_number_is_no_name_of_a_folder(number):
    with pytest.raises(ValueError, match="^study_name must be text"):
        folder_name(number, "study_name")
