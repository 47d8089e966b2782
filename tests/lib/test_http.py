from __future__ import annotations

import asyncio
import socket

import httpx2
import pytest

from prow.lib import http
from prow.lib.errors import UsageError
from prow.lib.http_client import http_client


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_cannot_be_is_told(port: int) -> None:
    with pytest.raises(UsageError, match=f"port {port}: give one from 0 to 65535"):
        http.bind("127.0.0.1", port)


def test_without_a_host_every_address_answers() -> None:
    listener = http.bind("", 0)
    port = listener.getsockname()[1]
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    if listener.family is socket.AF_INET6:
        socket.create_connection(("::1", port), timeout=5).close()
    with pytest.raises(UsageError, match=f"port {port} on this machine is in use"):
        http.bind("", port)
    listener.close()


@pytest.mark.parametrize(
    ("host", "address"),
    [("", "http://localhost:1/x"), ("::1", "http://[::1]:1/x"), ("10.0.0.1", "http://10.0.0.1:1/x")],
)
def test_an_address_can_be_opened(host: str, address: str) -> None:
    assert http.url(host, 1, "/x") == address


class Slow:
    """An application that has begun and waits for `go`."""

    def __init__(self) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def app(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        if scope["path"] == "/slow":
            self.begun.set()
            await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})


async def test_a_server_that_stops_finishes_what_it_has_begun_and_drops_who_is_idle() -> None:
    slow = Slow()
    async with (
        http_client() as asking,
        asyncio.TaskGroup() as group,
    ):
        async with http.serve(slow.app) as port:
            assert (await asking.get(http.url("127.0.0.1", port, "/"))).text == "done"
            answer = group.create_task(asking.get(http.url("127.0.0.1", port, "/slow")))
            await slow.begun.wait()
            asyncio.get_running_loop().call_soon(slow.go.set)
        assert (await answer).text == "done"
        with pytest.raises(httpx2.ConnectError):
            await asking.get(http.url("127.0.0.1", port, "/"))


async def test_a_request_that_does_not_end_is_cut_off_after_the_grace(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    async with (
        http_client() as asking,
        asyncio.TaskGroup() as group,
    ):
        async with http.serve(slow.app, grace=1) as port:
            answer = group.create_task(asking.get(http.url("127.0.0.1", port, "/slow")))
            await slow.begun.wait()
        assert (await answer).status_code == 500
    assert "1 requests have not ended in time and are cut off." in caplog.text
