"""`from_study=` and `trial=`: a run with the configuration of a trial, the user's word last."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from zmodel.cli.overrides_of_trial import expand

ROOT = Path(__file__).parents[2]
TRIALS = {
    0: ["hparams_search=zlayers", "data=digits", "model.z_layers=1", "model.width=16"],
    1: ["hparams_search=zlayers", "data=digits", "model.z_layers=2", "model.width=8"],
    3: ["hparams_search=zlayers", "data=digits", "model.z_layers=3", "logger=none"],
}


@pytest.fixture
def log_dir(tmp_path: Path) -> Path:
    """The folder of a study `deep` whose trials 0, 1 and 3 have a configuration; 1 is the best."""
    for number, overrides in TRIALS.items():
        folder = tmp_path / "studies" / "deep" / "trials" / str(number) / ".hydra"
        folder.mkdir(parents=True)
        (folder / "overrides.yaml").write_text("".join(f"- {o}\n" for o in overrides))
    study = tmp_path / "studies" / "deep"
    (study / "study.json").write_text("{}")
    (study / "best.yaml").write_text("# python train.py ...\n# trial 1, value 0.9\n[]\n")
    return tmp_path


def test_the_trial_comes_first_and_the_user_last(log_dir):
    given = ["--cfg", "job", f"paths.log_dir={log_dir}", "from_study=deep", "trial=3",
             "model.z_layers=5", "logger=csv", "test=false"]  # fmt: skip
    assert expand(given) == [
        "--cfg", "job", "hparams_search=zlayers", "data=digits",
        "trainer.enable_progress_bar=true", "run_name=null", *given[2:],
    ]  # fmt: skip
    there = [f"paths.log_dir={log_dir}", "from_study=deep", "trial=3", "~logger"]
    assert expand(there)[:3] == TRIALS[3][:3] and expand(there)[-4:] == there
    assert "logger=none" not in expand(there)
    assert "data=digits" in expand(["-p", "data", *there])  # the value of an option
    assert expand(["seed=3", "-m"]) == ["seed=3", "-m"]
    best = expand([f"paths.log_dir={log_dir}", "from_study=deep"])
    assert best[:4] == TRIALS[1] and "test=true" in best


def test_without_best_yaml_the_best_completed_trial_counts(log_dir):
    import optuna
    from optuna.trial import TrialState, create_trial

    from zmodel.study.storage.opening import open_storage

    study = log_dir / "studies" / "deep"
    (study / "best.yaml").unlink()
    arguments = [f"paths.log_dir={log_dir}", "from_study=deep"]
    with pytest.raises(ValueError, match="trial=17"):
        expand(arguments)
    made = optuna.create_study(
        study_name="deep", storage=open_storage(str(study / "study.journal")), direction="maximize"
    )
    for value in (0.5, 0.7, None, 0.7):
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        made.add_trial(create_trial(state=state, value=value))
    assert expand(arguments)[:4] == TRIALS[1]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["from_study=dep"], "did you mean deep"),
        (["from_study=../deep"], "path separator"),
        (["from_study=deep", "trial=2"], "0 to 1, 3"),
        (["from_study=deep", "trial=-1"], "0 to 1, 3"),
        (["-m", "from_study=deep"], "hparams_search=final study=deep"),
    ],
)
def test_what_is_not_there_is_named(log_dir, arguments, named):
    with pytest.raises(ValueError, match=named):
        expand([*arguments, f"paths.log_dir={log_dir}"])


@pytest.mark.slow
def test_the_command_runs_and_tests_the_configuration(log_dir):
    def run(*overrides: str, code: int = 0) -> str:
        command = [sys.executable, "train.py", f"paths.log_dir={log_dir}", *overrides]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stderr
        return done.stderr

    run("from_study=deep", "trainer.max_epochs=1", "model.width=9", "logger=csv")
    (path,) = log_dir.glob("train/runs/*/result.json")
    result = json.loads(path.read_text())
    assert "test/acc" in result["metrics"] and result["epochs"] == 1
    config = (path.parent / ".hydra" / "config.yaml").read_text()
    assert "zmodel.data.Digits" in config and "z_layers: 2" in config and "width: 9" in config
    assert "did you mean deep" in run("from_study=deeq", code=1)
