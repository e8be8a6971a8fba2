"""Starting a study: what is checked and refused, in the process of the test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from inline import APPS


def conf_with(tmp_path: Path, **files: str) -> Path:
    """The configuration of the quick task and further files, `group__option="text"`."""
    conf = tmp_path / "conf"
    shutil.copytree(APPS, conf)
    for name, text in files.items():
        path = conf / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("# @package _global_\n" + text)
    return conf


def test_a_searched_group_may_write_anywhere(inline, tmp_path):
    conf = conf_with(tmp_path, speed__slow="epochs: 4\n", speed__fast="epochs: 2\nseconds: 0\n")
    seen = []
    command = ("+speed=slow,fast", "hydra/sweeper/sampler=grid", "layers=1,2", "~x")
    assert inline.run(*command, task=lambda cfg: seen.append(cfg.epochs) or 1, conf=conf) == 0
    assert sorted(seen) == [2, 2, 4, 4]


def test_an_edited_choice_of_a_searched_group_ends_the_study(inline, tmp_path, capsys):
    conf = conf_with(tmp_path, speed__slow="epochs: 4\n", speed__fast="epochs: 2\n")
    slow = conf / "speed" / "slow.yaml"

    def task(cfg):
        slow.write_text(slow.read_text() + "# a comment\n")  # changes nothing
        if len(inline.study.trials) == 5:
            slow.write_text("# @package _global_\nepochs: 5\n")
        return cfg.epochs

    command = ("+speed=slow,fast", "hydra/sweeper/sampler=random")
    assert inline.run(*command, task=task, conf=conf) == 1
    assert "epochs: one of [4, 2] -> 5" in capsys.readouterr().err
    finished = [t for t in inline.study.trials if t.value]
    assert len(finished) >= 5 and {t.value for t in finished} == {2, 4}


def test_another_folder_for_trials_is_refused(inline):
    with pytest.raises(ValueError, match=r"hydra\.sweep\.subdir"):
        inline.run("hydra.sweep.subdir=my_${hydra.job.num}")
    assert not inline.folder.exists()


@pytest.mark.parametrize("choice", ["none", "disabled", "stdout"])
def test_jobs_may_be_logged_elsewhere(inline, choice):
    assert inline.run("hydra.sweeper.n_trials=1", f"hydra/job_logging={choice}") == 0
