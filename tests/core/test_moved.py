"""Paths of older versions, in configurations, saved models, studies and own code, still work."""

from __future__ import annotations

import importlib
import json
import sys

import pytest
import torch
from hydra import compose, initialize_config_dir
from pytorch_lightning.loggers import TensorBoardLogger
from runs import CONF

from zmodel.core.allow_list import check_allowed
from zmodel.core.moved import CLASSES, MODULES, current, translated
from zmodel.model.classifier import Classifier
from zmodel.model.znet import ZNet
from zmodel.predict import load
from zmodel.run.one_run import build
from zmodel.study.fingerprint import differences, fixed_part

OLD = {
    "model": {"_target_": "zmodel.classifier.Classifier", "width": 8},
    "data": {"augment": [{"_target_": "zmodel.znet.ZNet"}]},
    "callbacks": {"predictions": {"_target_": "zmodel.predictions.SavePredictions"}},
}


@pytest.mark.parametrize(("old", "new"), MODULES.items())
def test_an_old_module_is_the_new_one(old, new):
    assert importlib.import_module(old) is importlib.import_module(new) is sys.modules[old]
    assert sys.modules[new].__spec__.name == new


@pytest.mark.parametrize("path", [*MODULES.values(), *CLASSES.values(), "zmodel.znets.ZNet", ""])
def test_a_path_of_today_is_left_alone(path):
    assert current(path) == path


def test_a_configuration_with_old_paths_builds(tmp_path):
    with initialize_config_dir(str(CONF)):
        cfg = compose(
            "train",
            [
                "model._target_=zmodel.classifier.Classifier",
                "model.network._target_=zmodel.znet.ZNet",
                "logger.tensorboard._target_=zmodel.event_files.EventFiles",
                "+logger.tensorboard.every=10",
                f"paths.output_dir={tmp_path}",
            ],
        )
    model = build(cfg, "model")
    assert type(model) is Classifier
    assert type(model.make_network(input_shape=(1, 40), num_classes=10)) is ZNet
    logger = build(cfg, "logger.tensorboard")
    assert type(logger) is TensorBoardLogger
    logger.log_metrics({"x": 1.0}, 0)  # its writer takes no other options


def test_targets_are_translated_wherever_they_stand():
    new = translated(OLD)
    assert new["model"] == {"_target_": "zmodel.model.classifier.Classifier", "width": 8}
    assert new["data"]["augment"] == [{"_target_": "zmodel.model.znet.ZNet"}]
    for node in (new["model"], new["callbacks"]["predictions"]):
        check_allowed(node["_target_"])


def test_a_study_begun_with_old_paths_goes_on():
    assert differences(OLD, translated(OLD)) == []
    fixed = {"model._target_": "zmodel.classifier.Classifier", "model.width": 8}  # as it is stored
    assert differences(fixed, fixed_part({"model": translated(OLD)["model"]}, [])) == []
    other = {"model": {"_target_": "mine.Classifier", "width": 8}}
    assert len(differences(fixed, fixed_part(other, []))) == 1


def test_a_model_exported_with_an_old_path_predicts(tmp_path):
    arguments = {"z_layers": 1, "width": 2, "input_shape": [1, 8], "num_classes": 2}
    torch.save(ZNet(**arguments).state_dict(), tmp_path / "weights.pt")
    config = {
        "network": "zmodel.znet.ZNet", "arguments": arguments, "input_shape": [1, 8],
        "classes": ["a", "b"], "normalisation": None,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert type(load(tmp_path).module.net) is ZNet
