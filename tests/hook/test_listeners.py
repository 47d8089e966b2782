"""Components that want all events: called in this process, or sent each delivery, with progress of their own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from prow.bus.endpoint import Endpoint
from prow.bus.listener import Listener
from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from prow.github.webhook import Verifier, sign
from prow.hook.external import EventEndpoint
from prow.hook.service import Hook
from prow.hook.settings import Settings
from prow.lib import http
from prow.lib.clock import Clock, SystemClock
from prow.lib.errors import Permanent, Retry, UsageError
from prow.lib.http_client import http_client
from prow.lib.secrets import Secret
from prow.lib.virtual_clock import VirtualClock
from prow.model.events import Event, EventKind, IssueCommentEvent
from prow.model.prowjob import ProwJob
from prow.plugin.ports import GitHubForPlugins
from tests.bus.support import Noting, comment
from tests.support.processes import free_port

KEY = b"s3cret-key"


class Snap(msgspec.Struct, frozen=True):
    config: Config = Config()
    plugins: PluginsConfig = PluginsConfig()


class Nobody:
    """No plugin runs here, so nobody asks."""

    async def create(self, job: object) -> ProwJob:
        raise AssertionError(job)

    async def patch(self, name: str, merge_patch: Mapping[str, object], *, resource_version: str = "") -> ProwJob:
        raise AssertionError(name, merge_patch, resource_version)

    def unfinished_presubmits(self, org: str, repo: str, number: int) -> tuple[()]:
        raise AssertionError(org, repo, number)


def no_github(caller: str) -> GitHubForPlugins:
    raise AssertionError(caller)


class World(msgspec.Struct):
    hook: Hook
    url: str

    async def deliver(
        self, guid: str, *, number: int = 5, event: str = "issue_comment", body: bytes | None = None
    ) -> None:
        body = comment(number, f"text of {guid}") if body is None else body
        headers = {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": guid,
            "X-Hub-Signature-256": sign(body, KEY),
            "Content-Type": "application/json",
        }
        async with http_client() as client:
            assert (await client.post(self.url, content=body, headers=headers)).status_code == 200


def done(folder: Path, consumer: str) -> bool:
    """Whether that consumer need not see the first delivery again, as it is on disk."""
    connection = sqlite3.connect(folder / "hook.db")
    try:
        return bool(connection.execute("SELECT 1 FROM progress WHERE consumer = ?", (consumer,)).fetchall())
    finally:
        connection.close()


@asynccontextmanager
async def running(
    folder: Path,
    *,
    listeners: Sequence[Listener] = (),
    endpoints: Sequence[EventEndpoint] = (),
    clock: Clock | None = None,
) -> AsyncIterator[World]:
    hook = await Hook.open(
        Settings(handler_deadline=5),
        folder / "hook.db",
        hmac=Secret(folder / "hmac", KEY),
        plugins=(),
        snapshot=Snap,
        github=no_github,
        jobs=Nobody(),
        known_jobs=Nobody(),
        clock=clock or VirtualClock(),
        listeners=listeners,
        endpoints=endpoints,
    )
    task = asyncio.create_task(hook.run())
    try:
        async with http.serve(hook.app) as port:
            yield World(hook, f"http://127.0.0.1:{port}/hook")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await hook.close()


@asynccontextmanager
async def receiving(listener: Listener) -> AsyncIterator[str]:
    """The listener in a process of its own, as far as hook can tell."""
    endpoint = Endpoint(listener, Verifier(Secret(Path("hmac"), KEY)), clock=SystemClock(), path="/events")
    async with http.serve(endpoint.app) as port:
        yield f"http://127.0.0.1:{port}/events"


async def test_a_listener_gets_events_of_repositories_without_plugins_in_order(tmp_path: Path) -> None:
    tide = Noting("tide")
    async with running(tmp_path, listeners=[tide]) as world:
        for number in range(10):
            await world.deliver(f"d{number}")
        await world.hook.idle()
    assert tide.guids == [f"d{number}" for number in range(10)]
    assert isinstance(tide.events[0], IssueCommentEvent)


async def test_a_listener_gets_only_the_kinds_it_declares(tmp_path: Path) -> None:
    tide, deck = Noting("tide", kinds={EventKind.STATUS}), Noting("deck")
    async with running(tmp_path, listeners=[tide, deck]) as world:
        await world.deliver("comment")
        await world.deliver("unknown", event="repository", body=b"{}")
        await world.hook.idle()
    assert (tide.guids, deck.guids) == ([], ["comment"])


async def test_a_listener_that_cannot_take_it_now_parks_only_itself(tmp_path: Path) -> None:
    clock, ready = VirtualClock(), asyncio.Event()

    async def not_yet(_: Event) -> None:
        if not ready.is_set():
            raise Retry("not yet", after=30)

    tide, deck = Noting("tide", first=not_yet), Noting("deck")
    async with running(tmp_path, listeners=[tide, deck], clock=clock) as world:
        await world.deliver("one")
        await world.deliver("two")
        await world.deliver("other lane", number=6)
        await world.hook.drain()
        assert (tide.guids, len(deck.guids)) == ([], 3)
        ready.set()
        await world.hook.idle()
    assert [guid for guid in tide.guids if guid != "other lane"] == ["one", "two"]


async def test_after_a_restart_only_the_listener_that_was_behind_is_told_again(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def not_now(_: Event) -> None:
        asked.set()
        raise Retry("not now", after=3600)

    tide, deck = Noting("tide", first=not_now), Noting("deck")
    async with running(tmp_path, listeners=[tide, deck], clock=SystemClock()) as world:
        await world.deliver("one")
        await asked.wait()
        await world.hook.drain()
        assert done(tmp_path, "deck")
    tide, deck = Noting("tide"), Noting("deck")
    async with running(tmp_path, listeners=[tide, deck]) as world:
        await world.hook.idle()
    assert (tide.guids, deck.guids) == (["one"], [])


async def test_a_listener_that_refuses_for_good_is_not_asked_again(tmp_path: Path) -> None:
    async def no(_: Event) -> None:
        raise Permanent("not mine")

    async with running(tmp_path, listeners=[Noting("tide", first=no)]) as world:
        await world.deliver("one")
        await world.hook.idle()
        assert await world.hook.failures() == [("one", "tide", "not mine")]


async def test_an_endpoint_gets_the_same_log_over_http(tmp_path: Path) -> None:
    tide = Noting("tide")
    async with receiving(tide) as url, running(tmp_path, endpoints=[EventEndpoint("tide", url)]) as world:
        for number in range(5):
            await world.deliver(f"d{number}")
        await world.deliver("unreadable", body=b'{"issue": 5, "repository": {"full_name": "acme/rockets"}}')
        await world.hook.idle()
        assert [failure[:2] for failure in await world.hook.failures()] == [("unreadable", "tide")]
    assert tide.guids == [f"d{number}" for number in range(5)]


async def test_an_endpoint_is_sent_only_its_kinds(tmp_path: Path) -> None:
    deck = Noting("deck", kinds=set(EventKind))
    async with receiving(deck) as url:
        endpoint = EventEndpoint("deck", url, frozenset({EventKind.STATUS}))
        async with running(tmp_path, endpoints=[endpoint]) as world:
            await world.deliver("comment")
            await world.hook.idle()
    assert not deck.guids


async def test_an_endpoint_that_fails_is_sent_it_again_and_later_ones_wait(tmp_path: Path) -> None:
    answers: list[Exception] = [Retry("starting"), ZeroDivisionError()]

    async def at_first(_: Event) -> None:
        if answers:
            raise answers.pop(0)

    clock, tide = VirtualClock(), Noting("tide", first=at_first)
    async with receiving(tide) as url, running(tmp_path, endpoints=[EventEndpoint("tide", url)], clock=clock) as world:
        await world.deliver("one")
        await world.deliver("two")
        await world.hook.idle()
        assert not await world.hook.failures()
    assert tide.guids == ["one", "two"]


async def test_an_endpoint_that_stays_away_does_not_fill_the_inbox_for_ever(tmp_path: Path) -> None:
    endpoint = EventEndpoint("tide", f"http://127.0.0.1:{free_port()}/events")
    async with running(tmp_path, endpoints=[endpoint]) as world:
        await world.deliver("one")
        await world.deliver("two")
        await world.hook.idle()
        failures = await world.hook.failures()
    assert [guid for guid, _, _ in failures] == ["two", "one"]
    assert "cannot be reached for 60 minutes" in failures[0][2]


async def test_what_is_tried_again_later_does_not_hold_up_the_end(tmp_path: Path) -> None:
    clock = VirtualClock()

    async def not_now(_: Event) -> None:
        raise Retry("not now", after=600)

    async with running(tmp_path, listeners=[Noting("tide", first=not_now)], clock=clock) as world:
        await world.deliver("one")
        await world.hook.drain()
        assert clock.monotonic() < 10


async def test_two_consumers_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two consumers of events are called tide"):
        async with running(tmp_path, listeners=[Noting("tide")], endpoints=[EventEndpoint("tide", "http://x")]):
            pass
