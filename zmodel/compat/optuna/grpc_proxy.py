"""Optuna's gRPC client with a channel of our own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.storages import GrpcStorageProxy


class ChannelProxy(GrpcStorageProxy):
    """GrpcStorageProxy over a channel of the caller's: its own has no deadline and no options.

    Args:
        connect: makes the channel to ``host:port``.
    """

    def __init__(self, connect: Callable[[str], Any], *, host: str, port: int) -> None:
        self._connect = connect
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(host=host, port=port)

    def _setup(self) -> None:
        super()._setup()
        self._channel.close()
        self._channel = self._connect(f"{self._host}:{self._port}")
        self._stub = type(self._stub)(self._channel)
        self._cache.grpc_client = self._stub
