"""The receiving side of hook's events: what it answers, and what the listener gets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from prow.bus.endpoint import Endpoint
from prow.github.reception import answer
from prow.github.webhook import Verifier, sign
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.errors import Permanent, RateLimited, Retry
from prow.lib.http import Receive, Scope, Send
from prow.lib.http_client import http_client
from prow.lib.secrets import Secret
from prow.lib.virtual_clock import VirtualClock
from prow.model.events import Event, IssueCommentEvent
from tests.bus.support import Noting, comment

KEY = b"s3cret-key"


@asynccontextmanager
async def serving(listener: Noting, *, clock: VirtualClock | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    endpoint = Endpoint(listener, Verifier(Secret(Path("hmac"), KEY)), clock=clock or SystemClock())
    async with http.serve(endpoint.app) as port:
        async with http_client(f"http://127.0.0.1:{port}") as client:
            yield client


async def post(
    client: httpx2.AsyncClient,
    body: bytes = comment(5, "hello"),
    *,
    event: str = "issue_comment",
    key: bytes = KEY,
    path: str = "/hook",
) -> httpx2.Response:
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "guid-1",
        "X-Hub-Signature-256": sign(body, key),
        "Content-Type": "application/json",
        "User-Agent": "ProwHook",
    }
    return await client.post(path, content=body, headers=headers)


async def test_a_signed_delivery_becomes_an_event() -> None:
    tide = Noting("tide")
    async with serving(tide) as client:
        assert (await post(client)).status_code == 200
    (event,) = tide.events
    assert isinstance(event, IssueCommentEvent)
    assert (event.guid, event.org, event.comment.body) == ("guid-1", "acme", "hello")


async def test_a_foreign_signature_is_refused() -> None:
    tide = Noting("tide")
    async with serving(tide) as client:
        answered = await post(client, key=b"another")
        assert (answered.status_code, "Invalid X-Hub-Signature-256" in answered.text) == (403, True)
        assert (await client.get("/hook")).status_code == 405
    assert not tide.events


async def test_what_nobody_wants_is_not_sent_again() -> None:
    tide = Noting("tide")
    async with serving(tide) as client:
        assert (await post(client, event="status")).status_code == 200
        assert (await post(client, b"{}", event="ping")).status_code == 200
    assert not tide.events


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Retry("still reading"), 503),
        (RateLimited("no budget", until=datetime(2026, 1, 1, tzinfo=UTC)), 503),
        (ZeroDivisionError(), 500),
        (Permanent("no such branch"), 422),
    ],
)
async def test_the_answer_says_whether_to_send_it_again(error: Exception, status: int) -> None:
    async def fail(_: Event) -> None:
        raise error

    async with serving(Noting("tide", first=fail)) as client:
        assert (await post(client)).status_code == status


async def test_a_listener_that_hangs_is_given_up_for_now() -> None:
    clock = VirtualClock()

    async def hang(_: Event) -> None:
        await clock.sleep(3600)

    async with serving(Noting("tide", first=hang), clock=clock) as client:
        assert (await post(client)).status_code == 503


async def test_a_payload_that_cannot_be_read_is_not_sent_again() -> None:
    async with serving(Noting("tide")) as client:
        body = b'{"issue": 5, "repository": {"full_name": "acme/rockets"}}'
        assert (await post(client, body)).status_code == 400


async def test_it_stands_beside_another_application() -> None:
    async def pools(_: Scope, __: Receive, send: Send) -> None:
        await answer(send, 200, b"[]", (b"content-type", b"application/json"))

    tide = Noting("tide")
    endpoint = Endpoint(tide, Verifier(Secret(Path("hmac"), KEY)), clock=SystemClock(), path="/events")
    async with http.serve(endpoint.beside(pools)) as port:
        async with http_client(f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/history")).text == "[]"
            assert (await post(client, path="/events")).text == "Event received.\n"
    assert len(tide.events) == 1
