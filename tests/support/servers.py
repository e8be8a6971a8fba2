"""Servers that tests start for themselves: a private PostgreSQL and Optuna's gRPC proxy."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

PASSWORD = "s3cret"

PROXY = """
import sys, optuna
from optuna.storages import InMemoryStorage, run_grpc_proxy_server
optuna.logging.set_verbosity(optuna.logging.ERROR)
run_grpc_proxy_server(InMemoryStorage(), host="127.0.0.1", port=int(sys.argv[1]))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def postgres_binaries() -> Path | None:
    """Folder of initdb and postgres: on the PATH, or where Debian keeps them."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((p for p in places if (p / "initdb").exists() and (p / "pg_ctl").exists()), None)


class Postgres:
    """A server on a random loopback port in a folder of its own; it is gone after `remove`."""

    def __init__(self) -> None:
        binaries = postgres_binaries()
        if binaries is None:
            pytest.skip("PostgreSQL is not installed (no initdb)")
        pytest.importorskip("psycopg2", reason="the driver psycopg2 is not installed")
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="zmodel-postgres-"))
        self._user: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            if shutil.which("setpriv") is None:
                pytest.skip("PostgreSQL does not run as root, and there is no setpriv")
            self._user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(self._folder, "postgres", "postgres")
        self.port = free_port()
        password = self._folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        data = str(self._folder / "data")
        options = ["--username=study", f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync"]
        self._run("initdb", "-D", data, "--encoding=UTF8", "--no-locale", *options)
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://study:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c unix_socket_directories={self._folder}"
        self._control("start", "-o", options, "-l", str(self._folder / "log"))

    def stop(self, mode: str = "immediate") -> None:
        self._control("stop", "-m", mode)

    def remove(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # it may be stopped
            self.stop()
        shutil.rmtree(self._folder)

    def _control(self, verb: str, *options: str) -> None:
        self._run("pg_ctl", verb, "-w", "-D", str(self._folder / "data"), *options)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._user, str(self._binaries / program), *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
        )


class Proxy:
    """Optuna's gRPC proxy over a storage in memory, in a process that can be frozen."""

    def __init__(self) -> None:
        pytest.importorskip("grpc", reason="grpcio is not installed")
        self.address = f"grpc://127.0.0.1:{(port := free_port())}"
        self._process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", PROXY, str(port)])
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError("the proxy did not start")

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # until it has stopped

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self._process.kill()
        self._process.wait()
