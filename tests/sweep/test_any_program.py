"""The sweeper in a program that knows nothing of zmodel: one override, no key of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import pytest
from any_program import AnyProgram
from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import OmegaConf
from optuna.trial import TrialState
from runs import CONF

import zmodel
from zmodel.analysis.rules.suggested_commands import final_command, new_study, reproduce_command
from zmodel.cli.command import is_users, message
from zmodel.core.interrupt import Interrupted, Paused, stop
from zmodel.core.running_trial import running
from zmodel.study.folder import existing_folder
from zmodel.study.journal import retold
from zmodel.study.location import address_of
from zmodel.study.records import find_study

X = "x=interval(0,1)"
MEDIAN = ("hydra/sweeper/pruner=median", "+hydra.sweeper.pruner.n_startup_trials=1")


class State(Enum):
    ON = 1
    OFF = 2


@pytest.fixture
def program(tmp_path: Path) -> AnyProgram:
    return AnyProgram(tmp_path)


def composed(*overrides: str):
    with initialize(None):
        return compose(overrides=list(overrides), return_hydra_config=True).hydra.sweeper


# --- what Hydra knows of it ---


def test_hydra_knows_the_sweeper_and_its_groups_as_conf_describes_them():
    shipped = OmegaConf.load(Path(CONF, "hydra", "sweeper", "zmodel.yaml"))
    found = composed("hydra/sweeper=zmodel")
    for key in set(shipped) - {"defaults"}:
        assert found[key] == shipped[key], key
    for inner in ("sampler", "pruner", "stopping"):
        for file in Path(CONF, "hydra", "sweeper", inner).glob("*.yaml"):
            known = ConfigStore.instance().list(f"hydra/sweeper/{inner}")
            name = next(n for n in (f"zmodel_{file.name}", file.name) if n in known)
            node = ConfigStore.instance().load(f"hydra/sweeper/{inner}/{name}").node
            assert node == OmegaConf.load(file), name


def test_the_stock_plugin_keeps_its_samplers_and_ours_are_the_default():
    assert (
        composed("hydra/sweeper=optuna", "hydra/sweeper/sampler=tpe").sampler.constant_liar is False
    )
    assert composed("hydra/sweeper=zmodel").sampler == {
        "_target_": "optuna.samplers.TPESampler", "seed": None,
    }  # fmt: skip


def test_no_file_of_ours_is_offered_to_other_programs():
    assert not {"train.yaml", "data", "model", "hparams_search"} & set(
        ConfigStore.instance().list("")
    )


# --- before the first trial ---


@pytest.mark.parametrize("choices", ["a,c", "c,a"])
def test_a_choice_that_cannot_be_composed_costs_no_trial(program, tmp_path, capsys, choices):
    folder = tmp_path / "conf" / "db"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("port: 1\n")
    try:
        code, said = program.run(f"db={choices}", config={"defaults": [{"db": "a"}], "x": 1}), ""
    except HydraException as refused:  # the example of a configuration has the first choice
        code, said = 1, str(refused)
    assert code == 1 and "Could not find 'db/c'" in said + capsys.readouterr().err
    assert not (program.folder / "study.journal").exists()


def test_a_constraint_on_what_nothing_logs_costs_no_trial(program, capsys):
    bound = "hydra.sweeper.constraints={parameters: '<= 5'}"
    assert program.run(X, bound) == 1
    said = capsys.readouterr().err
    assert "no trial can be judged" in said and "there are: none." in said
    assert [t.state for t in program.record.trials] == ["waiting"]


@dataclass
class Typed:
    x: float = 0.5
    kind: State = State.ON
    both: list[State] = field(default_factory=lambda: [State.ON, State.OFF])
    home: Path = Path("/somewhere")
    blob: bytes = b"\xff"
    none: int | None = None


def test_a_structured_configuration_with_values_that_json_lacks(program):
    ConfigStore.instance().store(name="typed", node=Typed)
    config = {"defaults": ["typed", "_self_"]}
    assert program.run(X, config=config, task=lambda cfg: cfg.x + (cfg.kind is State.ON)) == 0
    assert program.record.attrs["fixed"]["kind"] == "ON"
    assert program.record.attrs["fixed"]["both"] == ["ON", "OFF"]
    assert program.trials[0].value == 1.5
    assert program.run(X, "hydra.sweeper.n_trials=5", config=config) == 0, "it goes on"
    with pytest.raises(ValueError, match='fixed.kind: "ON" -> "OFF"'):
        program.run(X, "kind=OFF", "hydra.sweeper.n_trials=6", config=config)


# --- results ---


def test_a_function_that_returns_a_number_is_minimised(program):
    assert program.run(X, task=lambda cfg: (cfg.x - 0.3) ** 2) == 0
    assert [t.state for t in program.trials] == 4 * [TrialState.COMPLETE]
    first = program.trials[0]  # the configuration as composed
    assert (first.params, first.value) == ({"x": 0.5}, pytest.approx(0.04))
    results = OmegaConf.load(program.folder / "optimization_results.yaml")
    assert results.best_value == min(t.value for t in program.trials)
    assert program.record.directions == ("minimize",)


def test_several_values_have_a_direction_each(program):
    directions = "hydra.sweeper.direction=[minimize,maximize]"
    assert program.run(X, directions, task=lambda cfg: (cfg.x, 2 * cfg.x)) == 0
    assert [t.values for t in program.trials] == [
        [t.params["x"], 2 * t.params["x"]] for t in program.trials
    ]
    assert "solutions" in OmegaConf.load(program.folder / "optimization_results.yaml")


def test_the_samplers_of_the_stock_plugin_work_as_their_users_name_them(program):
    given = ["hydra.sweeper.direction=[minimize,minimize]", "hydra/sweeper/sampler=nsgaii"]
    given += ["hydra.sweeper.sampler.seed=123", "hydra.sweeper.sampler.population_size=2"]
    assert program.run(X, *given, task=lambda cfg: (cfg.x, 1 - cfg.x)) == 0
    assert len(program.trials) == 4


@pytest.mark.parametrize(
    "needs_one",
    [
        MEDIAN[:1],
        ["hydra.sweeper.history=100"],
        ["hydra.sweeper.coverage={x: 1}", "hydra.sweeper.policy={}"],
    ],
)
def test_what_needs_one_value_is_refused_with_several(program, needs_one):
    given = ["x=choice(0.1, 0.2)", "hydra.sweeper.direction=[minimize,maximize]", *needs_one]
    with pytest.raises(ValueError, match="one objective"):
        program.run(*given)
    assert not program.folder.exists()


@pytest.mark.parametrize(
    ("returned", "named"),
    [(None, "None"), ((1.0, 2.0), "hydra.sweeper.direction")],
)
def test_what_no_study_can_use_ends_it_at_the_first_trial(program, capsys, returned, named):
    assert program.run(X, task=lambda cfg: returned) == 1
    assert named in capsys.readouterr().err
    (trial,) = program.trials
    assert "interrupted" in trial.user_attrs  # its slot is given again
    assert program.run(X) == 0
    assert sum(t.state == TrialState.COMPLETE for t in program.trials) == 4


def test_a_direction_that_the_first_trial_has_shown_to_be_wrong_can_be_put_right(
    program, monkeypatch
):
    def task(cfg):
        return cfg.x, 1 - cfg.x

    def cut(*args, **kwargs):
        raise OSError("power cut")

    assert program.run(X, task=task) == 1
    directed = "hydra.sweeper.direction=[minimize,maximize]"
    with monkeypatch.context() as patched, pytest.raises(OSError, match="power cut"):
        patched.setattr(retold, "write", cut)
        program.run(X, directed, task=task)
    assert [t.state.name for t in program.trials] == ["FAIL"], "nothing is lost on the way"
    assert program.run(X, directed, task=task) == 0
    assert program.record.directions == ("minimize", "maximize")
    assert [t.state.name for t in program.trials] == ["FAIL", *4 * ["COMPLETE"]]


def test_a_value_that_is_not_finite_fails_its_trial_alone(program):
    values = iter([float("nan"), 1.0, 2.0, 3.0])
    assert program.run(X, task=lambda cfg: next(values)) == 0
    assert [t.state.name for t in program.trials] == ["FAIL", *3 * ["COMPLETE"]]


def test_another_direction_is_answered_with_what_names_this_study(program):
    assert program.run(X) == 0
    with pytest.raises(ValueError, match=r"hydra\.sweep\.dir="):
        program.run(X, "hydra.sweeper.direction=[minimize,maximize]")
    with pytest.raises(ValueError, match=r"hydra\.sweep\.dir="):
        program.run("x=interval(0,2)")


def test_a_task_that_raises_what_ctrl_c_raises_fails_in_a_worker(program, monkeypatch):
    monkeypatch.setattr(stop, "sigint", False)  # as in a worker, whom Ctrl-C does not reach

    def task(cfg):
        raise KeyboardInterrupt

    assert program.run(X, task=task) == 3
    assert [t.state.name for t in program.trials] == 4 * ["FAIL"]
    assert not any("interrupted" in t.user_attrs for t in program.trials)


def test_the_search_may_stand_in_the_programs_own_file(program):
    params = {"x": "range(0, 1, 0.25)", "layers": "int(interval(1, 3))"}
    config = {
        "x": 0.5,
        "layers": 1,
        "hydra": {"sweeper": {"params": params, "direction": "maximize"}},
    }
    assert program.run("layers=2", config=config) == 0
    assert {t.params["x"] for t in program.trials} <= {0.0, 0.25, 0.5, 0.75}
    assert program.record.directions == ("maximize",)
    assert set(program.trials[0].params) == {"x"}  # what the command fixes is not searched


def test_a_task_that_workers_cannot_have_is_refused_before_anything_is_written(program):
    lock = threading.Lock()

    def task(cfg):
        with lock:
            return cfg.x

    with pytest.raises(ValueError, match=r"picklable.*n_jobs=0"):
        program.run(X, "hydra.sweeper.n_jobs=2", task=task)
    assert not program.folder.exists()
    assert program.run(X, task=task) == 0


def test_a_search_for_nothing_is_refused(program):
    with pytest.raises(ValueError, match="something to search"):
        program.run()
    assert not program.folder.exists()


# --- folders ---


@pytest.mark.parametrize(
    ("subdir", "where"),
    [
        (None, "{number}"),
        ("runs/${hydra.job.num}/here", "runs/{number}/here"),
        ("${hydra_override_dirname:}", "x={x}"),
    ],
)
def test_runs_lie_where_hydra_is_told_to_put_them(program, subdir, where):
    seen = []

    def task(cfg):
        seen.append(Path(HydraConfig.get().runtime.output_dir))
        return cfg.x

    given = [] if subdir is None else [f"hydra.sweep.subdir='{subdir}'"]
    assert program.run(X, *given, "hydra.sweeper.n_trials=2", task=task) == 0
    expected = [
        program.folder / where.format(number=t.number, x=t.params["x"]) for t in program.trials
    ]
    assert seen == expected
    assert [Path(t.user_attrs["dir"]) for t in program.trials] == expected
    assert all((folder / ".hydra" / "config.yaml").is_file() for folder in expected)


def test_runs_without_their_journal_are_not_overwritten(program):
    assert program.run(X) == 0
    (program.folder / "study.journal").unlink()
    with pytest.raises(ValueError, match="repair"):
        program.run(X)


def test_the_command_that_continues_names_a_folder_that_has_the_time_in_it(tmp_path):
    program = AnyProgram(tmp_path)
    assert program.run(X, f"hydra.sweep.dir='{tmp_path}/${{now:%Y}}/sweep'") == 0
    (folder,) = tmp_path.glob("2*/sweep")
    noted = json.loads((folder / "study.json").read_text())
    assert noted["command"].endswith(f"hydra.sweep.dir={folder}")
    assert program.run(X, "hydra.sweeper.n_trials=6", f"hydra.sweep.dir={folder}") == 0
    assert len(find_study(str(folder), tmp_path).trials) == 6


# --- zmodel.report ---


def loop(cfg):
    for epoch in range(cfg.epochs):
        zmodel.report(epoch, cfg.x + 1 / (epoch + 1))
    return cfg.x


def test_reports_are_the_curve_of_a_trial(program):
    assert program.run(X, task=loop) == 0
    for trial in program.trials:
        assert trial.intermediate_values == {
            epoch: trial.params["x"] + 1 / (epoch + 1) for epoch in range(3)
        }


def test_a_report_ends_what_the_pruner_gives_up(program):
    values = "x=choice(0.1, 0.2, 0.3, 0.4, 0.9)"
    first = "hydra.sweeper.enqueue=[{x: 0.1}, {x: 0.9}]"
    assert program.run(values, first, "hydra.sweeper.baseline=false", *MEDIAN, task=loop) == 0
    assert [t.state.name for t in program.trials[:2]] == ["COMPLETE", "PRUNED"]
    assert len(program.trials[1].intermediate_values) < 3


def test_a_pruner_that_nobody_reports_to_ends_the_study_at_once(program, capsys):
    assert program.run(X, *MEDIAN) == 1
    assert "zmodel.report" in capsys.readouterr().err
    assert [t.state.name for t in program.trials] == ["COMPLETE"]  # its result counts


def test_a_report_gives_a_trial_back_when_the_study_is_to_stop(program, monkeypatch):
    monkeypatch.setattr(stop, "signum", None)

    def task(cfg):
        zmodel.report(0, 1.0)
        stop.request(15)
        zmodel.report(1, 1.0)
        raise AssertionError("it was to end here")

    assert program.run(X, task=task) == 143
    assert [set(t.intermediate_values) for t in program.trials] == [{0, 1}]
    assert "interrupted" in program.trials[0].user_attrs


def test_a_report_at_which_the_trial_pauses_pauses_it_although_the_study_is_to_stop(monkeypatch):
    """Given again, it would take a step more than the budget has for it."""
    monkeypatch.setattr(stop, "signum", 15)
    told = []
    trial = SimpleNamespace(
        number=0, pause_at=2, report=lambda *said: told.append(said), should_prune=lambda: False
    )
    with running(trial):
        with pytest.raises(Interrupted):
            zmodel.report(0, 1.0)
        with pytest.raises(Paused):
            zmodel.report(1, 1.0)
    assert told == [(0, 1.0), (1, 1.0)]


def test_a_stopping_rule_pauses_any_loop(program):
    halving = [
        "hydra/sweeper/stopping=depth_halving", "hydra.sweeper.epochs=12", "+trainer.max_epochs=4",
        "hydra.sweeper.n_trials=null", "hydra.sweeper.baseline=false", "epochs=4",
    ]  # fmt: skip
    assert program.run(X, *halving, task=loop) == 0
    lengths = [len(t.intermediate_values) for t in program.trials]
    assert max(lengths) == 4 and min(lengths) < 4


def test_outside_a_study_a_report_does_nothing():
    assert zmodel.report(0, 0.5) is None
    for wrong in (-1, 0.5, "a", None):
        with pytest.raises(ValueError, match="step"):
            zmodel.report(wrong, 0.5)
    for wrong in ("good", None, (0.5, 1)):
        with pytest.raises(ValueError, match="value"):
            zmodel.report(0, wrong)


# --- afterwards ---


def test_a_study_is_found_by_the_path_of_its_folder(program, monkeypatch):
    assert program.run(X) == 0
    monkeypatch.chdir(program.folder.parent)
    for path in ("sweep", "./sweep", str(program.folder)):
        found = find_study(path, Path("logs"))
        assert (found.name, len(found.runs)) == ("sweep", 4)
    with pytest.raises(ValueError, match="no study"):
        find_study("conf", Path("logs"))
    Path("logs/studies/sweep").mkdir(parents=True)
    Path("logs/studies/sweep/study.json").write_text("{}")
    assert existing_folder("logs", "sweep") == Path("logs/studies/sweep")  # the name comes first


def test_a_study_kept_elsewhere_is_found_through_its_folder(program, tmp_path):
    program.folder.mkdir()
    for address, found in (
        ("sqlite:////data/all.db", "sqlite:////data/all.db"),
        ("postgresql://me:***@host/db", "sweep/study.journal"),  # whose password only you know
    ):
        (program.folder / "study.json").write_text(json.dumps({"storage": address}))
        (program.folder / "study.journal").write_text("{}")
        assert address_of(str(program.folder), tmp_path).endswith(found)


def test_what_a_report_suggests_is_a_command_of_that_program(program, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["app.py", "-m", "hydra/sweeper=zmodel", X, "epochs=1"])
    assert program.run(X) == 0
    study = program.record
    trial = study.best_first[0]
    assert reproduce_command(study, trial) == f"python app.py epochs=1 x={trial.params['x']}"
    assert f"hydra.sweep.dir={program.folder}-wider" in (new_study(study, "wider", {}) or "")
    assert final_command(study) is None  # its runs are no runs of train.py


# --- what it costs ---

IMPORTS = """
import sys, zmodel, zmodel.sweep.sweeper
zmodel.report(0, 1.0)
assert "optuna" not in sys.modules, "at every start of every program"
import zmodel.sweep.start, zmodel.analysis.analyze_command, zmodel.study.__main__
heavy = {"torch", "pytorch_lightning", "torchmetrics", "mnist1d", "pandas", "PIL", "requests"}
print(sorted(heavy & sys.modules.keys()))
"""


@pytest.mark.long
def test_the_sweeper_and_the_analysis_import_nothing_that_trains():
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_training_without_its_packages_says_what_to_install():
    error = ModuleNotFoundError("No module named 'torch'", name="torch")
    assert is_users(error) and "zmodel[train]" in message(error)
    assert not is_users(ModuleNotFoundError("No module named 'mine'", name="mine"))


APP = """
import sys
import hydra
import zmodel


@hydra.main(config_path=None)
def main(cfg):
    for step in range(3):
        zmodel.report(step, (cfg.x - 0.3) ** 2 + 1 / (step + 1))
    assert "torch" not in sys.modules
    return (cfg.x - 0.3) ** 2


if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_a_script_that_starts_itself_in_every_worker_is_told_so(tmp_path):
    (tmp_path / "app.py").write_text(
        APP.replace('if __name__ == "__main__":\n    main()', "main()")
    )
    command = [sys.executable, "app.py", "-m", "hydra/sweeper=zmodel", "+x=interval(0,1)"]
    done = subprocess.run(
        [*command, "hydra.sweep.dir=study"], cwd=tmp_path, text=True, capture_output=True
    )
    assert done.returncode == 1
    assert '__name__ == "__main__"' in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "study").exists()


@pytest.mark.slow
def test_the_whole_way_from_a_script_to_its_report(tmp_path):
    (tmp_path / "app.py").write_text(APP)

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    study = ("app.py", "-m", "hydra/sweeper=zmodel", "+x=interval(0,1)", "hydra.sweeper.n_jobs=2")
    output = run(*study, "hydra.sweeper.n_trials=6")
    (folder,) = tmp_path.glob("multirun/*/*")
    shown = str(folder.relative_to(tmp_path))
    assert f"zmodel-analyze study={shown}" in output
    assert sorted(f.name for f in folder.iterdir() if f.name.isdigit()) == list("012345")
    run(*study, "hydra.sweeper.n_trials=8", f"hydra.sweep.dir={shown}")
    run("-m", "zmodel.analyze", f"study={shown}")
    summary = json.loads((folder / "report" / "summary.json").read_text())
    assert summary["states"]["complete"] == 8
    run("app.py", "+x=0.2")  # outside of a study
