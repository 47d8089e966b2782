"""A tide in another process: ours, the original, a broken one, none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from prow.deck.tide_client import TideClient
from prow.deck.tide_wire import read_history, read_pools
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.errors import Permanent, Retry, UsageError
from prow.model.base import to_json
from tests.support.deck import waiting_pull


@asynccontextmanager
async def tide(answer: object) -> AsyncIterator[TideClient]:
    """A server that gives `answer(path, query)`."""

    async def app(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        request = Request(scope)
        response: Response = answer(request.url.path, dict(request.query_params))  # type: ignore[operator]
        await response(scope, receive, send)

    async with http.serve(app) as port:
        client = TideClient(f"http://127.0.0.1:{port}/", clock=SystemClock())
        try:
            yield client
        finally:
            await client.aclose()


def ours(path: str, query: dict[str, str]) -> Response:
    match path:
        case "/explain" if query == {"org": "acme", "repo": "rockets", "pr": "12"}:
            return Response(to_json(waiting_pull()))
        case "/explain":
            return PlainTextResponse("unknown", 404)
        case "/history":
            return PlainTextResponse(
                '{"acme/rockets:main":[{"time":"2026-03-04T12:00:00Z","action":"MERGE","tenantids":[]}]}'
            )
    return PlainTextResponse('[{"Org":"acme","Repo":"rockets","Branch":"main","Action":"WAIT","SuccessPRs":null}]')


async def test_our_tide_is_read_and_explains() -> None:
    async with tide(ours) as client:
        assert (read_pools(await client.pools()) or ())[0].action == "WAIT"
        assert read_history(await client.history())["acme/rockets:main"][0].action == "MERGE"
        found = await client.explain("acme", "rockets", 12)
        assert found is not None
        assert found.gates[2].next_steps[0].what == "/approve"
        assert await client.explain("acme", "rockets", 13) is None


async def test_the_original_tide_is_shown_but_explains_nothing() -> None:
    async with tide(lambda path, _: PlainTextResponse("{}" if path == "/history" else "[]")) as client:
        assert read_pools(await client.pools()) == ()
        with pytest.raises(Permanent, match="does not explain pull requests"):
            await client.explain("acme", "rockets", 12)


@pytest.mark.parametrize("status", [302, 404, 500, 503])
async def test_a_broken_tide_is_asked_again_later(status: int) -> None:
    async with tide(lambda *_: PlainTextResponse("oops", status)) as client:
        with pytest.raises(Retry, match=f"answered with status {status}"):
            await client.pools()


async def test_no_tide_is_one_line() -> None:
    client = TideClient("http://127.0.0.1:1", clock=SystemClock())
    with pytest.raises(Retry, match=r"tide at http://127\.0\.0\.1:1 does not answer"):
        await client.explain("acme", "rockets", 12)
    await client.aclose()


@pytest.mark.parametrize("url", ["tide", "ftp://tide", "http://", "file:///etc/passwd"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--tide-url"):
        TideClient(url, clock=SystemClock())
