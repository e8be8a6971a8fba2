"""Client of Optuna's gRPC proxy with a deadline for every call.

Without one a frozen server holds us.
"""

from __future__ import annotations

import functools
import ipaddress
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from zmodel.compat.optuna.grpc_proxy import ChannelProxy

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


def _channel(target: str, deadline: float) -> Any:
    """A call that is not answered in `deadline` seconds ends as DEADLINE_EXCEEDED."""
    channel = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.intercept_channel(channel, _Deadline(deadline))


class _Call(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Deadline(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc] # grpc has no types
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
            "machine: anybody who reaches it can change the study. Use a tunnel instead: "
            f"ssh -L {DEFAULT_PORT}:127.0.0.1:{DEFAULT_PORT} {host}, and grpc://127.0.0.1",
            file=sys.stderr,
        )


def open_proxy(address: str, *, deadline: float = 30.0) -> ChannelProxy:
    """The storage served at `grpc://HOST:PORT`; one question is asked to see that it answers."""
    parts = urlsplit(address)
    try:
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host = None
    if not host or parts.path.strip("/") or parts.query:
        raise ValueError(f"a gRPC storage must read grpc://HOST:PORT; received {address!r}")
    connect = functools.partial(_channel, deadline=deadline)
    proxy = ChannelProxy(connect, host=f"[{host}]" if ":" in host else host, port=port)
    try:
        proxy.get_all_studies()
    except BaseException:
        proxy.close()
        raise
    return proxy
