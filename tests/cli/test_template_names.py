"""Names of the lightning-hydra-template: accepted, or answered with ours."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import open_dict
from runs import CONF, SMALL, config, result

from zmodel.cli.command import message, written_out
from zmodel.run import run


def composed(*words: str):
    with initialize_config_dir(str(CONF)):
        return compose("train", written_out(list(words)))


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["trainer.max_steps=7"], "max_steps", 7),
        (["+trainer.max_steps=7"], "max_steps", 7),
        (["trainer.limit_val_batches=0.1"], "limit_val_batches", 0.1),
        (["trainer.overfit_batches=3", "debug=overfit"], "overfit_batches", 3),
        (["+trainer.fast_dev_run=true"], "fast_dev_run", True),
        (["+trainer.max_epochs=3"], "max_epochs", 3),
    ],
)
def test_an_option_of_the_trainer_is_set_or_added(words, key, value):
    assert composed(*words).trainer[key] == value


def test_groups_may_be_empty_and_have_the_bar_of_the_template():
    for word in ("logger=[]", "~logger", "logger=null"):
        assert not composed(word).get("logger")
    assert not composed("callbacks=null").get("callbacks") and composed("tags=[]").tags == []
    bar = composed("callbacks=rich_progress_bar").callbacks.progress_bar
    assert bar._target_.endswith("RichProgressBar")


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        ("data.num_workers=4", "in memory"),
        ("data.pin_memory=true", "in memory"),
        ("logger=comet", "CometLogger"),
        ("logger=neptune", "NeptuneLogger"),
        ("logger=aim", "ZMODEL_ALLOW=aim"),
        ("callbacks=model_checkpoint", "callbacks=checkpoint"),
        ("callbacks.model_checkpoint.monitor=val/loss", "callbacks.checkpoint"),
        ("callbacks=model_summary", "trainer.enable_model_summary"),
        ("model.net.lin1_size=64", "model.width"),
        ("debug=true", "debug=default"),
    ],
)
def test_a_name_that_differs_is_answered_with_ours(word, instead):
    with pytest.raises(Exception) as error:  # noqa: PT011 - of Hydra, several kinds
        composed(word)
    assert instead in message(error.value)


def test_a_misspelled_option_of_the_trainer_is_still_one():
    with pytest.raises(Exception) as error:  # noqa: PT011
        composed("trainer.max_epoch=3")
    assert "max_epochs" in message(error.value)


def test_a_composed_configuration_is_run_as_the_tests_of_the_template_do_it(tmp_path):
    with initialize_config_dir(str(CONF)):
        cfg = compose("train", ["data=digits"], return_hydra_config=True)
    with open_dict(cfg):
        cfg.paths.root_dir = cfg.paths.output_dir = cfg.paths.log_dir = str(tmp_path)
        cfg.trainer.max_epochs = 1
        cfg.trainer.limit_train_batches = 0.1
        cfg.trainer.enable_progress_bar = False
        cfg.logger = None
        cfg.extras.enforce_tags = cfg.extras.print_config = False
    HydraConfig.instance().set_config(cfg)
    try:
        value = run(cfg)
    finally:
        HydraConfig.instance().cfg = None
    assert value == result(tmp_path)["metrics"]["val/acc_best"]
    assert "test/acc" in result(tmp_path)["metrics"]


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_share_of_less_than_one_batch_is_refused_before_anything_is_trained(part, tmp_path):
    cfg = config(tmp_path, *SMALL, f"+trainer.limit_{part}_batches=0.1")
    with pytest.raises(ValueError, match=r"data\.eval_batch_size="):
        run(cfg)
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_run_that_nothing_ends_is_refused():
    cfg = composed("trainer.max_epochs=-1", "callbacks=none")
    with pytest.raises(ValueError, match="early_stopping"):
        run(cfg)
