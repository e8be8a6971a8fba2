"""A study goes on with a later version of the program, whose configuration has further settings."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from runs import CONF

from zmodel.study.fingerprint import SINCE, fixed_part

KNOWN = """
    callbacks.checkpoint._target_ callbacks.checkpoint.every callbacks.checkpoint.mode
    callbacks.checkpoint.monitor callbacks.early_stopping._target_
    callbacks.early_stopping.cooldown callbacks.early_stopping.loss
    callbacks.early_stopping.min_delta callbacks.early_stopping.mode
    callbacks.early_stopping.monitor callbacks.early_stopping.patience
    callbacks.early_stopping.patience_steps callbacks.study_report._target_
    callbacks.study_report.monitor data._target_ data.augment._target_ data.augment.max_shift
    data.batch_size data.data_dir data.epoch_steps data.eval_batch_size data.folds
    data.normalize data.split_seed data.train_on_all data.val_fraction model._target_
    model.activation model.class_weights model.compile model.dropout model.growth
    model.kernel_size model.kind model.label_smoothing model.network._partial_
    model.network._target_ model.norm model.optimizer._partial_ model.optimizer._target_
    model.optimizer.lr model.optimizer.weight_decay model.padding model.pool model.residual
    model.scheduler model.stride model.width model.z_layers optimized_metric seed task test
    train trainer._target_ trainer.accelerator trainer.check_val_every_n_epoch
    trainer.deterministic trainer.devices trainer.fast_dev_run trainer.gradient_clip_val
    trainer.inference_mode trainer.log_every_n_steps trainer.max_epochs trainer.min_epochs
    trainer.num_sanity_val_steps trainer.precision z_layers.max z_layers.min
"""
"""Settings of a study of z-layers on 26 November 2026. A later one belongs into SINCE."""


def test_each_later_setting_is_shipped_with_the_value_that_changes_nothing():
    with initialize_config_dir(str(CONF)):
        cfg = compose("train", ["hparams_search=zlayers", "data=digits"])
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    later = {k: v for k, v in fixed_part(plain, []).items() if k not in KNOWN.split()}
    assert later == SINCE


def test_a_study_goes_on_although_a_setting_is_newer_than_it(inline, monkeypatch):
    later = ("+model.block=conv", "+data.reshuffle=false")
    wide = ("x=interval(0,2)", "hydra.sweeper.on_change=widen")
    assert inline.run("hydra.sweeper.n_trials=1", "x=interval(0,1)") == 0
    assert inline.run("hydra.sweeper.n_trials=2", "x=interval(0,1)", *later) == 0
    assert "changes" not in inline.study.user_attrs
    assert inline.run("hydra.sweeper.n_trials=3", *wide, *later) == 0
    with pytest.raises(ValueError, match="former values: model.block=conv"):
        inline.run("hydra.sweeper.n_trials=4", wide[0], "+model.block=gru", later[1])
    changed = ["+model.block=gru", later[1]]
    monkeypatch.setattr("sys.argv", ["quick.py", *changed])
    with pytest.raises(ValueError, match=r"former values: \+model.block=conv"):
        inline.run("hydra.sweeper.n_trials=4", wide[0], *changed)
    assert len(inline.trials) == 3
