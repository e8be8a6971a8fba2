"""The sweeper's settings: read once, checked, every key of the YAML and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from zmodel.sweep.launch import hardware
from zmodel.sweep.sampling.after_floors import Policy
from zmodel.sweep.settings import KEYS, read_settings, settled

CONF = Path(__file__).parents[2] / "conf"
GIVEN = {
    "n_trials": 5, "sampler": {"_target_": "optuna.samplers.RandomSampler"}, "seed": 0,
    "workers_per_gpu": 1, "max_attempts": 3, "on_change": "refuse", "max_failure_rate": 0.5,
    "baseline": True,
}  # fmt: skip


def read(folder: Path = Path("/logs/studies/deep"), **given):
    return read_settings({**dict.fromkeys(KEYS), **GIVEN, **given}, folder)


def test_fields_are_the_keys_of_the_yaml():
    with initialize_config_dir(str(CONF)):
        cfg = compose("train", ["hydra/sweeper=zmodel"], return_hydra_config=True)
    assert set(KEYS) == set(cfg.hydra.sweeper) - {"_target_"}
    given = OmegaConf.to_container(cfg.hydra.sweeper)
    del given["_target_"]
    assert read_settings(given, Path("/logs/studies/deep")).n_trials == given["n_trials"]


def test_null_becomes_what_it_stands_for():
    settings = read()
    assert settings.study_name == "deep"
    assert settings.storage == "/logs/studies/deep/study.journal"
    assert settings.n_jobs == (len(hardware.gpu_ids()) or hardware.cores())
    assert (settings.direction, settings.coverage, settings.preload) == ((), {}, ())
    assert read(control="5%").control == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"n_trial": 3}, "n_trials"),
        ({"study_name": ""}, "study_name"),
        ({"study_name": "../x"}, "study_name"),
        ({"n_trials": True}, "hydra.sweeper.n_trials"),
        ({"max_attempts": 0}, "hydra.sweeper.max_attempts"),
        ({"seed": -1}, "hydra.sweeper.seed"),
        ({"history": 10}, "hydra.sweeper.history"),
        ({"direction": "up"}, "hydra.sweeper.direction"),
        ({"on_change": "refused"}, "refuse"),
        ({"hours": 0}, "hydra.sweeper.hours=8"),
        ({"stop": {"hours": 0}}, "hydra.sweeper.stop.hours"),
        ({"stop": {"gain": "2%"}}, "hydra.sweeper.stop.gain"),
        ({"stop": {"trials": 3}}, "hours and gain"),
        ({"stop": 8}, "hours and gain"),
        ({"baseline": {"x": 1}}, "hydra.sweeper.enqueue"),
        ({"control": "120%"}, "hydra.sweeper.control"),
        ({"policy": {}}, "hydra.sweeper.coverage"),
        ({"policy": {"conf": 1}, "coverage": {"a": 1}}, "confidence"),
    ],
)
def test_what_cannot_work_is_named(given, named):
    with pytest.raises(ValueError, match=named):
        read(**given)


def test_a_missing_key_is_named():
    with pytest.raises(ValueError, match=r"hydra\.sweeper .*n_trials"):
        read_settings({key: None for key in KEYS if key != "n_trials"}, Path("/logs/a"))


def optimizing(metric):
    return OmegaConf.create({"optimized_metric": metric})


def test_the_direction_reaches_the_policy():
    raced = read(policy={"share": 0.25}, coverage={"layers": 3})
    assert settled(raced, optimizing("val/acc_best")).direction == ("maximize",)
    down = settled(raced, optimizing("val/loss_best"))
    assert (down.direction, down.policy) == (("minimize",), Policy(share=0.25, maximize=False))
    for several in (raced, read(history=100)):
        with pytest.raises(ValueError, match="one objective"):
            settled(several, optimizing(["val/acc_best", "parameters"]))
    both = settled(replace(raced, policy=None), optimizing(["val/acc", "epochs"]))
    assert both.direction == ("maximize", "minimize")


def test_the_rule_none_leaves_no_rule_whatever_a_study_had_set_for_it():
    assert read(stopping={"_target_": None, "guarantee": 2}).stopping is None
    with pytest.raises(ValueError, match="stopping=depth_halving"):
        read(stopping={"guarantee": 2})


@pytest.mark.parametrize(
    ("metric", "monitor"),
    [("parameters", None), ("val/acc_best", "val/loss"), ("val/acc_best", "mine")],
)
def test_a_pruner_compares_curves_that_are_better_as_the_objective_is(metric, monitor):
    cfg = optimizing(metric)
    cfg.callbacks = {"study_report": {"monitor": monitor}}
    pruned = read(pruner={"_target_": "optuna.pruners.MedianPruner"})
    with pytest.raises(ValueError, match=r"hydra\.sweeper\.pruner"):
        settled(pruned, cfg)
    settled(read(), cfg)
    settled(read(pruner={"_target_": "optuna.pruners.NopPruner"}), cfg)
    cfg.callbacks.study_report.monitor = "val/loss" if monitor is None else None
    settled(pruned, cfg)


@pytest.mark.parametrize(
    ("visible", "ids"),
    [
        ("0,1,3", ["0", "1", "3"]), ("-1", []), ("", []), ("2,-1,3", ["2"]),
        ("GPU-8932f937, 1", ["GPU-8932f937", "1"]),
    ],
)  # fmt: skip
def test_gpus_as_cuda_counts_them(monkeypatch, visible, ids):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert hardware.gpu_ids() == ids
    if not ids:
        assert read().n_jobs == hardware.cores()


def test_workers_by_the_number_of_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,3")
    assert read().n_jobs == 3
    assert read(workers_per_gpu=2).n_jobs == 6
    assert read(workers_per_gpu=2, n_jobs=4).n_jobs == 4
    with pytest.raises(ValueError, match="workers_per_gpu"):
        read(workers_per_gpu=0)


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "250000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        # the group of a container's process by the host's name; its quota lies at the root
        ("0::/docker/abc\n", {"cpu.max": "300000 100000\n"}, 3),
        # the narrowest of the groups around it
        ("0::/a/b\n", {"a/cpu.max": "400000 100000\n", "a/b/cpu.max": "max 100000\n"}, 4),
        (
            "4:memory:/x\n3:cpu,cpuacct:/x\n",
            {"cpu/x/cpu.cfs_quota_us": "200000\n", "cpu/x/cpu.cfs_period_us": "100000\n"}, 2,
        ),
        (
            "3:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8,
        ),
        ("", {}, 8),
    ],
)  # fmt: skip
def test_cores_of_a_container(tmp_path, monkeypatch, membership, files, cores):
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "membership").write_text(membership)
    monkeypatch.setattr(hardware, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(hardware, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert hardware.cores() == cores
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert hardware.cores() == 1
