"""What cannot work is found before the first trial; nothing is left of a study that never began."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig

from zmodel.study.storage.errors import StorageError
from zmodel.sweep.workers.rehearsal import NOTICE

REHEARSED = "hydra.sweeper.preflight=['epochs=1']"


def failing(condition):
    def task(cfg):
        if condition(cfg):
            raise RuntimeError("told to fail")
        return cfg.x

    return task


def test_a_refused_start_leaves_nothing_although_trials_were_enqueued(inline, capsys):
    """Waiting trials are not begun ones: the mended command must not meet the old setting."""
    command = (REHEARSED, "hydra.sweeper.enqueue=[{x: 0.25}]")
    assert inline.run(*command, task=lambda cfg: None) == 1
    assert "got None" in capsys.readouterr().err
    assert not inline.folder.exists()
    assert inline.run(*command, "hydra.sweeper.n_trials=3") == 0
    assert inline.trials[0].params["x"] == 0.25 and len(inline.trials) == 3


@pytest.mark.parametrize(
    ("override", "condition", "named"),
    [
        ("seconds=0", lambda cfg: cfg.layers > 3, "the search has layers=4"),
        ("seconds=choice(0.01, oops)", lambda cfg: cfg.seconds == "oops", "seconds=oops"),
    ],
)
def test_an_end_of_the_space_that_cannot_work_is_refused(
    inline, capsys, override, condition, named
):
    """Both ends of numbers and every choice are tried, and the culprit among them is named."""
    assert inline.run(REHEARSED, override, task=failing(condition)) == 1
    err = capsys.readouterr().err
    assert "told to fail" in err and named in err
    assert not inline.folder.exists()


def test_ends_of_the_space_that_only_fail_together_are_said(inline, capsys):
    task = failing(lambda cfg: cfg.layers > 3 and cfg.x > 0.9)
    few = (REHEARSED, "hydra.sweeper.max_failure_rate=1", "hydra.sweeper.n_trials=3")
    assert inline.run(*few, task=task) == 0
    assert not capsys.readouterr().err  # as long as the sampler has not joined them
    together = "hydra.sweeper.enqueue=[{x: 0.95, layers: 4}]"
    assert inline.named("other").run(*few, together, task=task) == 0
    err = capsys.readouterr().err
    assert "{'x': 1.0, 'layers': 4}" in err and f"told to fail ({__file__}" in err


def test_what_an_end_of_the_space_is_worth_does_not_count(inline):
    """A learning rate may diverge at its upper end; that is for the search to find out."""
    few = (REHEARSED, "hydra.sweeper.n_trials=3")
    assert inline.run(*few, task=failing(lambda cfg: cfg.x > 0.99)) == 1
    assert inline.run(*few, task=lambda cfg: cfg.x * (1e999 if cfg.x > 0.99 else 1)) == 0


@pytest.mark.parametrize("x", [0.0, 1.0])  # the first point, and the other end
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left"),
        (StorageError("j.journal: EROFS"), "j.journal: EROFS"),
    ],
)
def test_no_value_is_blamed_for_a_disk(inline, capsys, x, error, said):
    def task(cfg):
        if cfg.x == x:
            raise error
        return cfg.x

    assert inline.run(REHEARSED, task=task) == 1
    err = capsys.readouterr().err
    assert said in err and "tried before" not in err and "trials like" not in err


def test_what_every_point_warns_of_is_told_once(inline, capsys):
    """A warning that some value of the space does not deserve would be a false alarm."""

    def task(cfg):
        text = f"layers {cfg.layers}" if cfg.layers < most else None
        Path(HydraConfig.get().runtime.output_dir, "result.json").write_text(
            json.dumps({"warning": text})
        )
        return cfg.x

    for most, kept in ((99, "layers 4"), (3, None)):
        study = inline.named(f"below{most}")
        assert study.run(REHEARSED, "hydra.sweeper.n_trials=1", task=task) == 0
        assert study.study.user_attrs.get(NOTICE) == kept
        assert capsys.readouterr().err.count("warning: layers") == (kept is not None)
