"""The proxy's own way to GitHub, against servers that say exactly what is in the test."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from prow.ghproxy.errors import Unreachable
from prow.ghproxy.upstream import Upstream
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.lib.virtual_clock import VirtualClock

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Number: 1\r\n\r\nok"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Answers each request on a connection with the next of `answers`; None: it hangs up."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.heads: list[bytes] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.answers:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            self.heads.append(head)
            answer = self.answers.pop(0)
            if answer is None:
                break
            writer.write(answer)
        writer.close()


@asynccontextmanager
async def serving(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):  # the end of the test
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handled, "127.0.0.1", 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def upstream(*answers: bytes | None, base: str = "") -> AsyncIterator[tuple[Upstream, Server]]:
    server = Server(*answers)
    async with serving(server) as port:
        made = Upstream(f"http://127.0.0.1:{port}{base}", clock=SystemClock())
        yield made, server
        await made.aclose()


async def asked(made: Upstream, method: str = "GET", target: str = "/x", body: bytes = b"") -> tuple[int, bytes]:
    response = await made.request(method, target, [(b"accept", b"*/*")], body)
    return response.status, await response.read(1 << 20)


async def test_a_connection_is_used_again() -> None:
    async with upstream(OK, OK, OK) as (made, server):
        for _ in range(3):
            assert await asked(made) == (200, b"ok")
        assert server.connections == 1


async def test_the_request_is_what_it_should_be() -> None:
    async with upstream(OK, OK, base="/api/v3") as (made, server):
        await asked(made, target="/repos/a/b?per_page=1")
        await asked(made, "POST", "/repos/a/b", b"")
        host = made.host.encode()
        assert server.heads == [
            b"GET /api/v3/repos/a/b?per_page=1 HTTP/1.1\r\nhost: " + host + b"\r\naccept: */*\r\n\r\n",
            b"POST /api/v3/repos/a/b HTTP/1.1\r\nhost: " + host + b"\r\naccept: */*\r\ncontent-length: 0\r\n\r\n",
        ]


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200, b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", 201, b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
    ],
    ids=["chunks", "204", "304 with a length", "100 before", "empty"],
)
async def test_answers_end_where_they_end(answer: bytes, status: int, body: bytes) -> None:
    async with upstream(answer, OK) as (made, server):
        assert await asked(made) == (status, body)
        assert await asked(made) == (200, b"ok")
        assert server.connections == 1


async def test_a_head_has_no_body_whatever_its_length_says() -> None:
    async with upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", OK) as (made, server):
        response = await made.request("HEAD", "/x", [])
        assert (response.status, await response.read(10), dict(response.headers)) == (
            200,
            b"",
            {b"content-length": b"5000"},
        )
        assert await asked(made) == (200, b"ok")
        assert server.connections == 1


async def test_an_answer_may_end_with_its_connection() -> None:
    async with upstream(b"HTTP/1.1 200 OK\r\n\r\nall of it") as (made, _):
        assert await asked(made) == (200, b"all of it")


async def test_a_kept_connection_that_was_closed_costs_a_read_nothing() -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    async with upstream(OK, None, OK, closing, OK) as (made, server):
        assert await asked(made) == (200, b"ok")
        assert await asked(made) == (200, b"ok")  # the second request was hung up on, and asked again
        assert await asked(made) == (200, b"ok")
        assert await asked(made) == (200, b"ok")
        assert server.connections == 3


async def test_a_write_is_not_repeated_by_the_proxy() -> None:
    async with upstream(OK, None, OK) as (made, server):
        await asked(made)
        with pytest.raises(Unreachable):
            await asked(made, "POST", body=b"{}")
        assert len([head for head in server.heads if head.startswith(b"POST")]) == 1


async def test_a_write_does_not_use_a_connection_that_may_have_been_closed_meanwhile() -> None:
    clock, server = VirtualClock(), Server(OK, OK, OK)
    async with serving(server) as port:
        made = Upstream(f"http://127.0.0.1:{port}", clock=clock)
        await asked(made)
        await clock.sleep(20)
        await asked(made, "POST")
        assert server.connections == 2
        await clock.sleep(20)
        await asked(made)
        assert server.connections == 2
        await made.aclose()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\npar",
        b"this is not HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        None,
    ],
    ids=["half", "half a chunk", "no HTTP", "a head without end", "another protocol", "nothing"],
)
async def test_what_cannot_be_understood_is_an_error_and_not_an_answer(answer: bytes | None) -> None:
    async with upstream(answer) as (made, _):
        with pytest.raises(Unreachable):
            await asked(made)


async def test_nobody_there_is_an_error() -> None:
    with pytest.raises(Unreachable, match="GitHub cannot be reached"):
        await asked(Upstream("http://127.0.0.1:9", clock=SystemClock()))


async def test_who_does_not_read_stops_the_sender() -> None:
    sent = 0

    async def large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        try:
            while sent < 100_000_000:
                writer.write(b"x" * 100_000)
                sent += 100_000
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async with serving(large) as port:
        made = Upstream(f"http://127.0.0.1:{port}", clock=SystemClock())
        response = await made.request("GET", "/x", [])
        for _ in range(200):
            await SystemClock().sleep(0)
        held = sent
        assert held < 50_000_000
        assert len(await response.read(60_000_000)) > 60_000_000
        assert not response.ended
        response.close()
        await made.aclose()


@pytest.mark.parametrize("url", ["", "api.github.com", "ftp://x", "http://", "http://x:99999", "http://[::1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--upstream"):
        Upstream(url, clock=SystemClock())


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server named localhost, and of who trusts it."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - dt.timedelta(days=3650)).not_valid_after(now + dt.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = folder / "pem"
    pem.write_bytes(
        made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


async def test_tls_is_checked_and_a_proxy_in_between_is_passed(tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path)
    connects: list[bytes] = []
    async with serving(Server(OK, OK), tls=theirs) as port:

        async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connects.append(await reader.readuntil(b"\r\n\r\n"))
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

            async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                while data := await source.read(65_536):
                    target.write(data)
                target.close()

            try:
                await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)
            finally:
                far_writer.close()

        url = f"https://localhost:{port}"
        with pytest.raises(Unreachable, match="certificate"):
            await asked(Upstream(url, clock=SystemClock(), proxy=""))
        direct = Upstream(url, clock=SystemClock(), tls=ours, proxy="")
        assert await asked(direct) == (200, b"ok")
        await direct.aclose()
        async with serving(tunnel) as between:
            through = Upstream(url, clock=SystemClock(), tls=ours, proxy=f"http://me:pass@127.0.0.1:{between}")
            assert await asked(through) == (200, b"ok")
            await through.aclose()
        assert connects[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % port)
        assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in connects[0]


async def test_a_proxy_that_refuses_is_named() -> None:
    async with serving(Server(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")) as port:
        made = Upstream("https://localhost:1", clock=SystemClock(), proxy=f"http://127.0.0.1:{port}")
        with pytest.raises(Unreachable, match=r"the proxy 127\.0\.0\.1:\d+: refused: HTTP/1\.1 407"):
            await asked(made)
