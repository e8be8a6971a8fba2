"""Client of Optuna's gRPC proxy whose calls end: without a deadline a frozen server holds us."""

from __future__ import annotations

import ipaddress
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from optuna.exceptions import ExperimentalWarning
from optuna.storages import GrpcStorageProxy

try:
    import grpc
except ImportError as error:
    raise ValueError(
        "a grpc:// storage needs the packages grpcio and protobuf; run: pip install grpcio protobuf"
    ) from error

DEFAULT_PORT = 13000  # Optuna's
CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    # By default a channel that lost its server tries again after up to two minutes only.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
]


class DeadlineProxy(GrpcStorageProxy):
    """GrpcStorageProxy; a call that is not answered in `deadline` seconds is DEADLINE_EXCEEDED."""

    def __init__(self, *, host: str, port: int, deadline: float) -> None:
        self._deadline = deadline
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(host=host, port=port)

    def _setup(self) -> None:
        super()._setup()
        self._channel.close()
        channel = grpc.insecure_channel(f"{self._host}:{self._port}", options=CHANNEL_OPTIONS)
        self._channel = grpc.intercept_channel(channel, _Deadline(self._deadline))
        self._stub = type(self._stub)(self._channel)
        self._cache.grpc_client = self._stub


class _Call(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Deadline(grpc.UnaryUnaryClientInterceptor):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Any], details: Any, request: Any
    ) -> Any:
        call = _Call(
            details.method,
            self._seconds,
            details.metadata,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
        return continuation(call, request)


def warn_beyond_loopback(address: str) -> None:
    """Say on stderr what it means when the proxy is on another machine."""
    host = urlsplit(address).hostname or ""
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return
    if host != "localhost":
        print(
            f"warning: a storage proxy neither encrypts nor asks who calls, and {host} is another "
            "machine: whoever reaches it can change the study. Better a tunnel, "
            f"ssh -L {DEFAULT_PORT}:127.0.0.1:{DEFAULT_PORT} {host}, and grpc://127.0.0.1",
            file=sys.stderr,
        )


def open_proxy(address: str, *, deadline: float = 30.0) -> DeadlineProxy:
    """The storage served at `grpc://HOST:PORT`; one question is asked to see that it answers."""
    parts = urlsplit(address)
    try:
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host = None
    if not host or parts.path.strip("/") or parts.query:
        raise ValueError(f"a gRPC storage must read grpc://HOST:PORT; received {address!r}")
    proxy = DeadlineProxy(host=f"[{host}]" if ":" in host else host, port=port, deadline=deadline)
    try:
        proxy.get_all_studies()
    except BaseException:
        proxy.close()
        raise
    return proxy
