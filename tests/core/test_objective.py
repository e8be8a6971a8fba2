"""Which way is better, from the names of metrics and from what the configuration says."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from zmodel.core.metric_direction import direction_of
from zmodel.core.objective import counterpart_in_test, directions, settle_monitors


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val/acc_best", "maximize"), ("val/f1_macro", "maximize"), ("BinaryAUROC", "maximize"),
        ("R2Score", "maximize"), ("recall_at_k", "maximize"), ("map50", "maximize"),
        ("neg_mean_squared_error", "maximize"), ("log_likelihood", "maximize"),
        ("val/loss", "minimize"), ("val/mse", "minimize"), ("MeanSquaredError", "minimize"),
        ("top5_error", "minimize"), ("error_rate", "minimize"), ("brier_score", "minimize"),
        ("negative_log_likelihood", "minimize"), ("cross_entropy", "minimize"),
        ("val/perplexity_best", "minimize"), ("parameters", "minimize"),
        ("val/score", None), ("val/mine", None), ("error_reduction", None), ("loss_gap", None),
    ],
)  # fmt: skip
def test_the_name_of_a_metric_says_which_way_is_better(name, direction):
    assert direction_of(name) == direction


def settings(metric, **modes) -> OmegaConf:
    """A configuration with callbacks of these modes."""
    callbacks = {key: {"monitor": None, "mode": mode} for key, mode in modes.items()}
    return OmegaConf.create({"optimized_metric": metric, "callbacks": callbacks})


def test_a_study_goes_the_way_of_its_metric():
    assert directions(settings("val/mse"), None) == ("minimize",)
    assert directions(settings(["val/acc", "parameters"]), None) == ("maximize", "minimize")
    assert directions(settings(["val/acc", "mine"]), [None, "minimize"])[1] == "minimize"
    assert directions(settings("val/mine_best", checkpoint="min"), None) == ("minimize",)
    assert directions(settings("val/mine", checkpoint=None), "minimize") == ("minimize",)
    with pytest.raises(ValueError, match="direction"):
        directions(settings(["val/acc", "parameters"]), ["maximize"])


@pytest.mark.parametrize(
    ("metric", "modes", "given", "words"),
    [
        (
            "val/mse",
            {},
            "maximize",
            "sweeper.direction .*minimize .*val/mse, got max",
        ),
        ("val/mse", {"early_stopping": "max"}, None, "early_stopping.mode .*min .*val/mse"),
        ("val/mine", {"a": "min", "b": "max"}, None, "callbacks.b.mode .*min .*val/mine"),
        (
            "val/mine",
            {"a": "min"},
            "maximize",
            "a.mode .*max .*val/mine, got min",
        ),
        (
            "val/mine",
            {"a": None},
            None,
            "callbacks.checkpoint.mode=min",
        ),
    ],
)
def test_what_goes_two_ways_is_refused(metric, modes, given, words):
    with pytest.raises(ValueError, match=words):
        directions(settings(metric, **modes), given)


def test_one_place_that_says_which_way_is_enough():
    for cfg, given in (
        (settings("val/mine_best", stopping="min", checkpoint=None), None),
        (settings("val/mine_best", stopping=None, checkpoint=None), "minimize"),
    ):
        settle_monitors(cfg, None, given)
        assert [dict(c) for c in cfg.callbacks.values()] == [
            {"monitor": "val/mine", "mode": "min"}
        ] * 2


@pytest.mark.parametrize(
    ("metric", "test"),
    [
        ("val/dice_best", "test/dice"), ("val_loss", "test_loss"), ("valid_ppl", "test_ppl"),
        ("validation/loss/a", "test/loss/a"), ("train/loss", "test/loss"), ("ppl", "test/ppl"),
        ("test/acc", "test/acc"), ("value/gain", "test/value/gain"), ("val", "test/val"),
    ],
)  # fmt: skip
def test_a_metric_has_a_counterpart_in_the_test(metric, test):
    assert counterpart_in_test(metric) == test


def test_a_module_that_logs_no_best_value_is_told_the_metric_that_does():
    cfg = OmegaConf.create({"optimized_metric": "val/acc_best"})
    with pytest.raises(ValueError, match="Set optimized_metric=val/acc:"):
        settle_monitors(cfg, ["val/acc", "val/loss"])
    for logged, named in ((["val/loss"], "val/loss"), ([], "none")):
        with pytest.raises(ValueError, match=rf"Logged: {named}\.$"):
            settle_monitors(cfg, logged)
