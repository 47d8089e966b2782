"""The way to GitHub: HTTP/1.1 over connections that are kept, one request at a time on each (httptools parses).

A proxy makes thousands of small requests to one address; here that costs a third of what a general client takes. Bodies come
in pieces, and the sender is told to wait when nobody takes them. A request that found its kept connection closed before a
byte of the answer came is sent once more on a new one if it only reads.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import urllib.request
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast
from urllib.parse import unquote, urlsplit

import httptools

from prow.ghproxy.errors import Unreachable
from prow.lib.address import web_address
from prow.lib.clock import Clock
from prow.lib.errors import UsageError

_MOST_WAITING = 256 << 10
_LONGEST_IDLE = 50.0
_LONGEST_IDLE_FOR_WRITES = 5.0
"""Seconds: who closes an idle connection does not say so in time, and a write may not be repeated."""
_MOST_IDLE = 100
_LARGEST_HEAD = 256 << 10


class Response:
    """An answer whose body is still coming. Read it to its end, or `close` it."""

    def __init__(self, connection: _Connection, *, head_only: bool) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.head_only = head_only
        self.ended = False
        self.error: Exception | None = None
        self._connection = connection
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._wake: asyncio.Future[None] | None = None
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def read(self, limit: int) -> bytes:
        """The body, or the first pieces of it when it has more than `limit` bytes: then `ended` is still False."""
        found, size = [], 0
        async for piece in self.pieces():
            found.append(piece)
            size += len(piece)
            if size > limit:
                break
        return b"".join(found) if len(found) != 1 else found[0]

    async def pieces(self) -> AsyncIterator[bytes]:
        """What comes, as it comes. Raises Unreachable when the connection breaks."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._waiting -= len(piece)
                if self._waiting < _MOST_WAITING:
                    self._connection.resume()
                yield piece
            if self.error is not None:
                raise Unreachable(f"the connection to GitHub broke: {self.error}") from self.error
            if self.ended:
                return
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake

    def close(self) -> None:
        """Nobody wants the rest."""
        if not self.ended:
            self._connection.abort()

    def start(self) -> None:
        if not self.begun.done():
            self.begun.set_result(None)

    def take(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting >= _MOST_WAITING:
            self._connection.pause()
        self._notify()

    def finish(self, error: Exception | None = None) -> None:
        if self.ended:
            return
        self.ended = error is None
        self.error = error
        if not self.begun.done():
            if error is None:
                self.begun.set_result(None)
            else:
                self.begun.set_exception(error)
                self.begun.exception()  # whoever waits for it hears of it; a request that was given up has nobody
        self._notify()

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class _Connection(asyncio.Protocol):
    """httptools calls the `on_` methods while it parses."""

    def __init__(self, release: Callable[[_Connection], None]) -> None:
        self._release = release
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._response: Response | None = None
        self._keep = False
        self._head = 0
        self._paused = False
        self.closed = False
        self.idle_since = 0.0

    def send(self, head: bytes, body: bytes, *, head_only: bool) -> Response:
        """Begin an exchange; the connection is nobody else's until it ends."""
        assert self._transport is not None
        response = self._response = Response(self, head_only=head_only)
        self._parser = httptools.HttpResponseParser(self)
        self._head = 0
        self._transport.write(head + body if len(body) < 16_384 else head)
        if len(body) >= 16_384:
            self._transport.write(body)
        return response

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.abort()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._broken(ConnectionError("GitHub wants to speak another protocol"))
        except httptools.HttpParserError as error:
            if self._response is not None:
                self._broken(ConnectionError(f"this is not HTTP: {error}"))

    def eof_received(self) -> None:
        """The transport closes by itself."""

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        response = self._response
        if response is None:
            return
        self._response = None
        ends_so = error is None and response.status and not self._has_length(response)
        response.finish(None if ends_so else error or ConnectionError("closed before the answer was complete"))

    @staticmethod
    def _has_length(response: Response) -> bool:
        return any(name in {b"content-length", b"transfer-encoding"} for name, _ in response.headers)

    def abort(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._paused = False

    def _broken(self, error: Exception) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.finish(error)
        self.abort()

    # The parser's side

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if self._head > _LARGEST_HEAD:
            raise ConnectionError("the head of the answer is too large")
        if self._response is not None:
            self._response.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        response, parser = self._response, self._parser
        if response is None or parser is None:
            return
        status = parser.get_status_code()
        if status < 200:
            response.headers.clear()
            return
        response.status = status
        self._keep = parser.should_keep_alive()
        response.start()
        if response.head_only:
            self._over(response)

    def on_body(self, piece: bytes) -> None:
        if self._response is not None:
            self._response.take(piece)

    def on_message_complete(self) -> None:
        if self._response is not None and self._response.status:
            self._over(self._response)

    def _over(self, response: Response) -> None:
        self._response = self._parser = None
        self.resume()
        response.finish()
        if self._keep and not self.closed:
            self._release(self)
        else:
            self.abort()


class _Tunnel(asyncio.Protocol):
    """Waits for a proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self._head = b""
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._head += data
        if not self.answered.done() and (b"\r\n\r\n" in self._head or len(self._head) > _LARGEST_HEAD):
            self.answered.set_result(self._head)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(ConnectionError(f"it did not answer: {error or 'closed'}"))


class Upstream:
    """`url`: scheme, host and base path of the API. `proxy`: None for the one that the environment names. Close it with `aclose`."""

    def __init__(self, url: str, *, clock: Clock, tls: ssl.SSLContext | None = None, proxy: str | None = None) -> None:
        parts = web_address(url)
        if parts is None or not parts.hostname:
            raise UsageError(f'--upstream "{url}": give an address such as https://api.github.com')
        self.base = parts.path.rstrip("/")
        self.host = parts.netloc.rpartition("@")[2]
        self.url = f"{parts.scheme}://{self.host}{self.base}"
        self._name = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._clock = clock
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        if self._tls is not None:
            self._tls.set_alpn_protocols(["http/1.1"])
        self._proxy = _address(proxy if proxy is not None else _environments(parts.scheme, self.host))
        self._idle: deque[_Connection] = deque()

    async def request(
        self, method: str, target: str, headers: Sequence[tuple[bytes, bytes]], body: bytes = b""
    ) -> Response:
        """Send it; returns when the head of the answer is there. Raises Unreachable."""
        lines = [f"{method} {self.base}{target} HTTP/1.1\r\nhost: {self.host}\r\n".encode("latin-1")]
        lines += [b"%b: %b\r\n" % header for header in headers]
        if body or method in {"POST", "PUT", "PATCH"}:
            lines.append(b"content-length: %d\r\n" % len(body))
        lines.append(b"\r\n")
        head = b"".join(lines)
        reads = method in {"GET", "HEAD"}
        connection = self._kept(_LONGEST_IDLE if reads else _LONGEST_IDLE_FOR_WRITES)
        if connection is not None:
            response = connection.send(head, body, head_only=method == "HEAD")
            try:
                return await self._begun(response)
            except OSError as error:
                if not reads or response.headers:
                    raise Unreachable(f"GitHub cannot be reached: {error}") from error
        try:
            connection = await self._connect()
            return await self._begun(connection.send(head, body, head_only=method == "HEAD"))
        except OSError as error:
            raise Unreachable(f"GitHub cannot be reached: {error}") from error

    async def aclose(self) -> None:
        """Close the connections that wait for work."""
        while self._idle:
            self._idle.pop().abort()
        await self._clock.sleep(0)

    @staticmethod
    async def _begun(response: Response) -> Response:
        try:
            await response.begun
        except asyncio.CancelledError:
            response.close()
            raise
        return response

    def _kept(self, longest: float) -> _Connection | None:
        """The connection that was used last; older ones go when they are too old."""
        now = self._clock.monotonic()
        while self._idle and now - self._idle[0].idle_since > _LONGEST_IDLE:
            self._idle.popleft().abort()
        while self._idle:
            connection = self._idle.pop()
            if connection.closed:
                continue
            if now - connection.idle_since > longest:
                self._idle.append(connection)
                return None
            return connection
        return None

    def _released(self, connection: _Connection) -> None:
        connection.idle_since = self._clock.monotonic()
        self._idle.append(connection)
        if len(self._idle) > _MOST_IDLE:
            self._idle.popleft().abort()

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        if self._proxy is not None and self._tls is not None:
            return await self._tunnel(*self._proxy)
        _, connection = await loop.create_connection(
            lambda: _Connection(self._released),
            self._name,
            self._port,
            ssl=self._tls,
            server_hostname=self._name if self._tls else None,
        )
        return connection

    async def _tunnel(self, host: str, port: int, credentials: str) -> _Connection:
        """TLS through a proxy that the environment names (`https_proxy`)."""
        loop = asyncio.get_running_loop()
        plain, asked = await loop.create_connection(_Tunnel, host, port)
        where = f"{self._name}:{self._port}"
        authorized = f"Proxy-Authorization: Basic {credentials}\r\n" if credentials else ""
        plain.write(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{authorized}\r\n".encode("latin-1"))
        try:
            head = await asked.answered
            if head.split(b" ", 2)[1:2] != [b"200"]:
                raise ConnectionError(f"refused: {head.splitlines()[0].decode('latin-1')}")
        except BaseException as error:
            plain.abort()
            if isinstance(error, ConnectionError):
                raise ConnectionError(f"the proxy {host}:{port}: {error}") from error
            raise
        connection = _Connection(self._released)
        transport = await loop.start_tls(plain, connection, self._tls, server_hostname=self._name)  # type: ignore[arg-type]
        if transport is None:
            raise ConnectionError(f"the proxy {host}:{port} closed the connection")
        connection.connection_made(transport)
        return connection


def _environments(scheme: str, host: str) -> str:
    """The proxy that the environment names for this address."""
    if scheme != "https" or urllib.request.proxy_bypass(host):
        return ""
    return urllib.request.getproxies().get(scheme, "")


def _address(proxy: str) -> tuple[str, int, str] | None:
    """Its host, port and credentials."""
    parts = urlsplit(proxy)
    if not parts.hostname:
        return None
    secret = ""
    if parts.username:
        secret = base64.b64encode(f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()).decode()
    return parts.hostname, parts.port or 3128, secret
