"""Endpoints that are away: looked for by one delivery, found soon after they are back, given up after an hour."""

from __future__ import annotations

import pytest

from prow.github.reception import answer
from prow.hook.external import Forwarder
from prow.hook.inbox import Delivery
from prow.hook.rules import Unreachable
from prow.lib import http
from prow.lib.errors import Permanent, Retry
from prow.lib.virtual_clock import VirtualClock
from tests.support.processes import free_port

DELIVERY = Delivery(
    seq=1, guid="one", event="push", org="acme", repo="rockets", lane="x", headers=b'[["X-GitHub-Event","push"]]', body=b"{}"
)  # fmt: skip


class Receiver:
    """Answers `status`, and notes the headers it was sent."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.headers: list[dict[str, str]] = []

    async def app(self, scope: http.Scope, _: http.Receive, send: http.Send) -> None:
        self.headers.append({key.decode(): value.decode() for key, value in scope["headers"]})
        await answer(send, self.status, b"")


async def attempt(forwarder: Forwarder, url: str) -> Unreachable | None:
    try:
        await forwarder.send(url, DELIVERY)
    except Unreachable as error:
        return error
    return None


async def test_an_endpoint_that_is_away_is_found_soon_after_it_is_back() -> None:
    clock, receiver, port = VirtualClock(), Receiver(), free_port()
    url = f"http://127.0.0.1:{port}/hook"
    forwarder = Forwarder(clock=clock)
    while clock.monotonic() < 1200:
        error = await attempt(forwarder, url)
        assert error is not None
        assert error.after is not None
        assert error.after <= 3
        await clock.sleep(error.after)
    async with http.serve(receiver.app, port=port):
        back = clock.monotonic()
        while (error := await attempt(forwarder, url)) is not None:
            await clock.sleep(error.after or 0)
        assert clock.monotonic() - back <= 3
        assert await attempt(forwarder, url) is None
    await forwarder.close()
    assert [sent["user-agent"] for sent in receiver.headers] == ["ProwHook", "ProwHook"]
    assert receiver.headers[0]["x-github-event"] == "push"


async def test_while_an_endpoint_is_away_one_delivery_looks_for_it_and_the_others_wait() -> None:
    clock, receiver, port = VirtualClock(), Receiver(), free_port()
    url = f"http://127.0.0.1:{port}/hook"
    forwarder = Forwarder(clock=clock)
    first = await attempt(forwarder, url)
    assert first is not None
    async with http.serve(receiver.app, port=port):
        assert await attempt(forwarder, url) is not None
        assert not receiver.headers
        await clock.sleep(first.after or 0)
        assert await attempt(forwarder, url) is None
    await forwarder.close()


async def test_an_endpoint_that_was_away_for_an_hour_is_given_up() -> None:
    clock, url = VirtualClock(), f"http://127.0.0.1:{free_port()}/hook"
    forwarder = Forwarder(clock=clock)
    assert await attempt(forwarder, url) is not None
    await clock.sleep(3700)
    with pytest.raises(Permanent, match="cannot be reached for 62 minutes"):
        await forwarder.send(url, DELIVERY)
    await forwarder.close()


@pytest.mark.parametrize(("status", "error"), [(503, Retry), (404, Permanent), (302, Permanent)])
async def test_an_answer_that_is_not_2xx_is_a_failure(status: int, error: type[Exception]) -> None:
    receiver, forwarder = Receiver(status), Forwarder(clock=VirtualClock())
    async with http.serve(receiver.app) as port:
        with pytest.raises(error, match=f"answered {status}"):
            await forwarder.send(f"http://127.0.0.1:{port}/hook", DELIVERY)
    await forwarder.close()
    assert len(receiver.headers) == 1


async def test_an_address_that_is_none_is_given_up() -> None:
    forwarder = Forwarder(clock=VirtualClock())
    with pytest.raises(Permanent, match="is no address of an external plugin"):
        await forwarder.send("tide/hook", DELIVERY)
    await forwarder.close()
