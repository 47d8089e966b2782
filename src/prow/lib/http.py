"""HTTP servers inside the running loop: uvicorn with httptools, bounded, drained at the end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from prow.lib.errors import UsageError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_BACKLOG = 2048
_HIGHEST_PORT = 65535
_TICKS_A_SECOND = 10
_LONGEST_PAUSE = 0.02
"""Seconds between looks at connections that are to end."""


def url(host: str, port: int, path: str = "") -> str:
    """The address of a listener, as this machine reaches it."""
    name = host or "localhost"
    return f"http://{f'[{name}]' if ':' in name else name}:{port}{path}"


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; `UsageError` in one line when the address cannot be had. No `host`: every address of this machine."""
    if not 0 <= port <= _HIGHEST_PORT:
        raise UsageError(f"port {port}: give one from 0 to {_HIGHEST_PORT}")
    both = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if both:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it: else the second part of an answer waits 40 ms for the first one's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} on {host or 'this machine'} is in use: stop what listens there, or give another port"
            ) from error
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    listener.setblocking(False)
    return listener


def bind_unix(path: str) -> socket.socket:
    """A listening Unix socket that only this user can reach; one that a dead process left there is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            Path(path).unlink()
        umask = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(umask)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen on {path}: {error.strerror}") from error
    listener.setblocking(False)
    return listener


class HungUp(ConnectionError):
    """Raised by an application that has begun its answer: the connection is closed, and nobody has to know."""


def _no_hang_ups(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HungUp))


class _Server(uvicorn.Server):
    """Signals belong to `lib.service`, not to each server; it wakes once a second, and at once when it has to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leave = asyncio.Event()

    def leave(self) -> None:
        self.should_exit = True
        self._leave.set()

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += _TICKS_A_SECOND
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leave.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, which sleeps for a tenth of a second however soon everybody is gone."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            await asyncio.wait_for(self._everybody_gone(), self.config.timeout_graceful_shutdown)
        except TimeoutError:
            logging.getLogger("uvicorn.error").error(
                "%d requests have not ended in time and are cut off.", len(self.server_state.tasks)
            )
            for task in self.server_state.tasks:
                task.cancel("the server stops")

    async def _everybody_gone(self) -> None:
        pause = 0.0
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(pause)  # noqa: TID251 - of a real socket, as uvicorn waits
            pause = min(pause + 0.001, _LONGEST_PAUSE)
        for server in self.servers:
            await server.wait_closed()

    def install_signal_handlers(self) -> None: ...

    def capture_signals(self) -> Any:
        return _nothing()


class _nothing:  # noqa: N801
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@dataclass(frozen=True)
class TLS:
    """PEM files of a certificate (with its chain) and its key."""

    certificate: Path
    key: Path


@asynccontextmanager
async def serve(
    app: App,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    listener: socket.socket | None = None,
    grace: float = 5.0,
    tls: TLS | None = None,
) -> AsyncIterator[int]:
    """Serve `app` while the block runs; gives the port (0: no port, a Unix socket). At the end open requests get `grace` seconds to finish."""
    listener = listener or bind(host, port)
    port = 0 if listener.family == socket.AF_UNIX else int(listener.getsockname()[1])
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        loop="none",
        http="httptools",
        ws="none",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(grace)),
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=64 << 10,
        ssl_certfile=str(tls.certificate) if tls is not None else None,
        ssl_keyfile=str(tls.key) if tls is not None else None,
    )
    errors = logging.getLogger("uvicorn.error")
    errors.parent = logging.getLogger("prow")
    errors.setLevel(logging.ERROR)
    errors.addFilter(_no_hang_ups)
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name=f"http-{port}")
    try:
        yield port
    finally:
        server.leave()
        await task
        listener.close()
