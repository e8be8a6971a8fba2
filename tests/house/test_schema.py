"""The schemas for editors accept every shipped YAML and find a mistake."""

from __future__ import annotations

import fnmatch
import json

import pytest
import yaml
from schema import CONF, ROOT, VSCODE, files

jsonschema = pytest.importorskip("jsonschema")
MADE = files()
MAPPING = json.loads(MADE[VSCODE / "settings.json"])["yaml.schemas"]


def validator(file: str):
    """The one that an editor would take for this file of a folder conf/."""
    chosen = [
        name
        for name, globs in MAPPING.items()
        if any(fnmatch.fnmatch(f"x/conf/{file}", pattern) for pattern in globs)
    ]
    assert len(chosen) <= 1
    if not chosen:
        return None
    return jsonschema.Draft7Validator(json.loads(MADE[ROOT / chosen[0]]))


def test_the_editor_finds_every_schema():
    """The settings are part of the checkout; the schemas beside them are made by `make schema`."""
    settings = VSCODE / "settings.json"
    assert settings.read_text() == MADE[settings]
    assert {ROOT / name for name in MAPPING} == set(MADE) - {settings}


def test_every_yaml_fulfils_its_schema():
    checked = 0
    for path in [*CONF.rglob("*.yaml"), *ROOT.glob("examples/*/conf/**/*.yaml")]:
        conf = next(parent for parent in path.parents if parent.name == "conf")
        found = validator(path.relative_to(conf).as_posix())
        if found is not None:
            found.validate(yaml.safe_load(path.read_text()))
            checked += 1
    assert checked > 50


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model/mine.yaml", {"z_layers": "three"}),
        ("experiment/mine.yaml", {"trainer": {"max_epochs": "many"}}),
        ("hparams_search/mine.yaml", {"hydra": {"sweeper": {"n_trials": [40]}}}),
    ],
)
def test_a_value_of_the_wrong_kind_is_marked(file, content):
    assert not validator(file).is_valid(content)


def test_comments_are_shown():
    schema = json.loads(MADE[VSCODE / "schemas" / "model.json"])
    assert "logistic regression" in schema["properties"]["z_layers"]["description"]
