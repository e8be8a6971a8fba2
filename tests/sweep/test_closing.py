"""The last lines of a study."""

from __future__ import annotations

from datetime import timedelta

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState, create_trial

from zmodel.study.storage.opening import open_storage
from zmodel.sweep.closing import say_end

DEPTH = "model.z_layers"


def made(folder, minutes: float) -> str:
    folder.mkdir(parents=True)
    address = str(folder / "study.journal")
    study = optuna.create_study(study_name="s", storage=open_storage(address), direction="maximize")
    study.set_user_attr("optimized_metric", "val/acc_best")
    study.set_user_attr("command", "python train.py -m hparams_search=zlayers study_name=s")
    study.set_user_attr("n_trials", 20)
    for i in range(20):
        trial = create_trial(
            state=TrialState.COMPLETE,
            value=0.5 + (i % 5) / 10 + i / 1000,
            params={DEPTH: i % 5 + 1},
            distributions={DEPTH: IntDistribution(1, 5)},
        )
        trial.datetime_complete = trial.datetime_start + timedelta(minutes=minutes)
        study.add_trial(trial)
    return address


@pytest.mark.parametrize("minutes", [0, 1])
def test_the_end_names_folder_best_trial_verdict_and_next_command(
    tmp_path, capsys, monkeypatch, minutes
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "analyze.py").touch()
    folder = tmp_path / "logs" / "studies" / "s"
    say_end("s", made(folder, minutes), folder, stopped=False)
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["study"] == "logs/studies/s  20 complete"
    assert lines["best"] == "trial 19: val/acc_best 0.9190  z_layers=5"
    report = "python analyze.py study=s"
    if not minutes:  # judging takes longer than the study did
        assert lines["next"] == report and "verdict" not in lines
    else:
        assert lines["report"] == report and "boundary" in lines["verdict"]
        assert lines["next"].startswith("python train.py -m hparams_search=zlayers study_name=s ")


def test_a_study_that_was_never_made_has_no_end(tmp_path, capsys):
    say_end("s", str(tmp_path / "study.journal"), tmp_path, stopped=False)
    assert capsys.readouterr().out == ""
