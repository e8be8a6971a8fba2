"""The engine on shared storages and through Hydra launchers; servers are started for real."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from engine import Engine, finished
from servers import PASSWORD, Postgres, Proxy

from zmodel.study.storage.opening import open_storage


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.remove()


def start_six_at_once(engine: Engine) -> None:
    command = ("hydra.sweeper.n_trials=24", "hydra.sweeper.n_jobs=1", "epochs=1")
    processes = [engine.start(*command) for _ in range(6)]
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    outcomes = engine.outcomes()
    assert len(engine.trials()) == 24 == finished(outcomes)
    assert [t.user_attrs["slot"] for t in outcomes] == list(range(24))
    assert len({str(t.params) for t in outcomes}) == 24


@pytest.mark.slow
def test_six_starts_at_once_on_an_empty_journal(engine):
    start_six_at_once(engine)


@pytest.mark.slow
def test_six_starts_at_once_on_an_empty_postgres(tmp_path, postgres):
    start_six_at_once(Engine(tmp_path, "six", postgres.url))


@pytest.mark.long
def test_postgres_runs_a_study_and_keeps_the_password_out_of_files(tmp_path, postgres):
    engine = Engine(tmp_path, "secret", postgres.url)
    output = engine.run("hydra.sweeper.n_trials=6", "dies='number == 1'")
    outcomes = engine.outcomes()
    assert len(outcomes) == 6 == finished(outcomes)
    assert PASSWORD not in output
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert PASSWORD not in path.read_text(errors="ignore"), path
    assert PASSWORD not in json.dumps(engine.study().user_attrs)


@pytest.mark.slow
def test_a_postgres_outage_of_thirty_seconds_is_survived(tmp_path):
    server = Postgres()
    try:
        engine = Engine(tmp_path, "outage", server.url)
        process = engine.start("hydra.sweeper.n_trials=12", "epochs=10", "seconds=0.3")
        time.sleep(6)  # a reader in the moment the schema is made would hold up its writer
        engine.wait(lambda ts: finished(ts) >= 2, timeout=60)
        server.stop()
        time.sleep(30)
        server.start()
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        outcomes = engine.outcomes()
        assert [t.user_attrs["slot"] for t in outcomes] == list(range(12))
        assert finished(outcomes) == 12
    finally:
        server.remove()


@pytest.mark.slow
def test_grpc_proxy_runs_a_study(tmp_path):
    proxy = Proxy()
    try:
        engine = Engine(tmp_path, "proxy", proxy.address)
        engine.run("hydra.sweeper.n_trials=8", "hydra.sweeper.n_jobs=3")
        assert len(engine.trials()) == 8 == finished(engine.outcomes())
    finally:
        proxy.remove()


@pytest.mark.slow
def test_sqlite_with_several_workers_is_exact(tmp_path):
    engine = Engine(tmp_path, "lite", f"sqlite:///{tmp_path}/study.db")
    engine.run("hydra.sweeper.n_trials=12", "hydra.sweeper.n_jobs=3", "epochs=1")
    assert len(engine.trials()) == 12 == finished(engine.outcomes())


@pytest.mark.long
def test_journal_deleted_while_running_is_an_error_not_a_new_study(engine):
    process = engine.start("hydra.sweeper.n_trials=50", "epochs=3", "seconds=0.1")
    engine.wait(lambda ts: len(ts) >= 2)
    (engine.folder / "study.journal").unlink()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "study.journal" in output and "Traceback" not in output
    assert not (engine.folder / "study.journal").exists()


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["submitit_local", "joblib", "ray"])
def test_workers_through_a_hydra_launcher(engine, launcher):
    """Launched workers share the budget and survive one that dies (joblib loses a whole round)."""
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.removesuffix('_local')}_launcher")
    output = engine.run(
        f"hydra/launcher={launcher}", "hydra.sweeper.n_trials=10", "dies='number == 3'", timeout=300
    )
    outcomes = engine.outcomes()
    assert [t.user_attrs["slot"] for t in outcomes] == list(range(10))
    assert finished(outcomes) == 10, output
    assert outcomes[3].user_attrs["attempt"] >= 2
    storage = open_storage(str(engine.folder / "study.journal"), read_only=True)
    assert storage.get_all_studies()[0].study_name == "quick"
