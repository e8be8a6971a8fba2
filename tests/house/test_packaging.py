"""The wheel: built, installed into an environment of its own, used from an empty folder."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # brought by pytest

ROOT = Path(__file__).parents[2]
QUICK = ["data=digits", "model.kernel_size=3", "trainer.max_epochs=1"]


def test_every_import_is_declared():
    """What zmodel imports is a dependency or belongs to an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    known = {d.split(">")[0].split("=")[0].replace("-", "_").lower() for d in declared}
    # imported under another name than the package has, or brought by a declared one
    known |= {"hydra", "hydra_plugins", "PIL", "sklearn", "yaml", "dotenv", "tqdm", "sqlalchemy"}
    known |= {"grpc", "psycopg2", "lightning_fabric"}
    found = set()
    for file in (ROOT / "zmodel").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    assert found - set(sys.stdlib_module_names) - {"zmodel"} <= known


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment with the wheel; other packages are borrowed."""
    folder = tmp_path_factory.mktemp("wheel")
    source, environment = folder / "source", folder / "environment"
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    (source / "conf" / "local").mkdir()
    (source / "conf" / "local" / "default.yaml").write_text("secret: of this machine\n")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, source]
    subprocess.run(build, check=True)
    venv.create(environment, with_pip=False)
    scheme = {"base": str(environment), "platbase": str(environment)}
    site = Path(sysconfig.get_path("purelib", "venv", scheme))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    commands = Path(sysconfig.get_path("scripts", "venv", scheme))
    wheel = next(folder.glob("*.whl"))
    target = ["--python", commands / "python", "install", "--no-deps", "--ignore-installed"]
    subprocess.run([*pip, *target, "--no-index", wheel], check=True)
    assert not (site / "zmodel" / "conf" / "local").exists()
    return commands


@pytest.mark.slow
def test_the_wheel_works_from_an_empty_folder(installed, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def run(*command: str) -> str:
        path = f"{installed}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, cwd=tmp_path, env={**environment, "PATH": path},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    where = "import zmodel; print(zmodel.__file__)"
    assert str(installed.parent) in run(str(installed / "python"), "-c", where)
    run("zmodel-train", *QUICK)
    run(str(installed / "python"), "-m", "zmodel.train", *QUICK, "test=false")
    results = sorted(tmp_path.glob("logs/train/runs/*/result.json"))
    assert len(results) == 2
    assert json.loads(results[0].read_text())["git"]["commit"] is None

    study = ["zmodel-train", "-m", "hparams_search=zlayers", *QUICK, "hydra.sweeper.n_trials=2"]
    run(*study, "hydra.sweeper.n_jobs=2", "hydra.sweeper.coverage=null")
    folder = tmp_path / "logs" / "studies" / "zlayers"
    assert len(list(folder.glob("trials/*/result.json"))) == 2
    noted = json.loads((folder / "study.json").read_text())["command"]
    assert noted.startswith("zmodel-train -m hparams_search=zlayers")
    assert "zlayers: 2 complete" in run("zmodel-analyze", "study=zlayers")
    assert "<style>" in (folder / "report" / "index.html").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["logs"]
