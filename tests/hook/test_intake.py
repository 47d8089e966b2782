"""The webhook endpoint, over real HTTP: its checks in their order, and what is on disk when it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from prow.github.webhook import Verifier, sign
from prow.hook.inbox import MIGRATIONS, Delivery, Inbox
from prow.hook.intake import Intake
from prow.hook.settings import Settings
from prow.lib import http
from prow.lib.http_client import http_client
from prow.lib.secrets import Secret
from prow.lib.sqlite import Database
from prow.lib.virtual_clock import VirtualClock

KEY = b"s3cret-key"
BODY = b'{"action":"created","issue":{"number":5},"repository":{"name":"r","full_name":"o/r","owner":{"login":"o"}},"sender":{"login":"mia"}}'


class World:
    def __init__(self, intake: Intake, inbox: Inbox, clock: VirtualClock, url: str) -> None:
        self.intake = intake
        self.inbox = inbox
        self.clock = clock
        self.url = url
        self.arrived: list[Delivery] = []

    async def post(
        self, body: bytes = BODY, *, path: str = "/hook", method: str = "POST", **headers: str | None
    ) -> httpx2.Response:
        given: dict[str, str | None] = {
            "X-GitHub-Event": "issue_comment",
            "X-GitHub-Delivery": "guid-1",
            "X-Hub-Signature-256": sign(body, KEY),
            "Content-Type": "application/json",
        }
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with http_client(self.url) as client:
            wanted = {k: v for k, v in given.items() if v is not None}
            return await client.request(method, path, content=body, headers=wanted)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = VirtualClock()
    database = await Database.open(tmp_path / "hook.db", MIGRATIONS)
    inbox = Inbox(database, clock=clock, window=600)
    arrived: list[Delivery] = []

    async def help_page() -> bytes:
        return b'{"AllRepos":[]}'

    settings = Settings(disabled_repos=frozenset({"o/off"}), largest_body=10_000)
    verifier = Verifier(Secret(tmp_path / "hmac", KEY))
    intake = Intake(settings, inbox, verifier, clock=clock, arrived=arrived.append, help_page=help_page)
    async with http.serve(intake.app) as port:
        made = World(intake, inbox, clock, f"http://127.0.0.1:{port}")
        made.arrived = arrived
        yield made
    await database.close()


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"method": "PUT"}, 405, "405 Method not allowed"),
        ({"X_GitHub_Event": None, "X_Hub_Signature_256": None}, 400, "400 Bad Request: Missing X-GitHub-Event Header"),
        (
            {"X_GitHub_Delivery": None, "X_Hub_Signature_256": None},
            400,
            "400 Bad Request: Missing X-GitHub-Delivery Header",
        ),
        (
            {"X_Hub_Signature_256": None, "Content_Type": "text/plain"},
            403,
            "403 Forbidden: Missing X-Hub-Signature-256",
        ),
        ({"Content_Type": "application/json; charset=utf-8"}, 400, "400 Bad Request: Hook only accepts content-type"),
        ({"X_Hub_Signature_256": "sha1=00"}, 403, "403 Forbidden: Invalid X-Hub-Signature-256 - invalid signature"),
        (
            {"X_Hub_Signature_256": "sha256=" + "0" * 64},
            403,
            "misconfigured webhook secret from organization/repo: o/r",
        ),
        ({"body": b"not json"}, 403, "403 Forbidden: Invalid X-Hub-Signature-256 - invalid payload"),
        ({"body": b'{"x":"' + b"y" * 20_000 + b'"}'}, 413, "413"),
    ],
)
async def test_what_is_not_githubs_is_refused_and_not_stored(
    world: World, change: dict[str, Any], status: int, text: str
) -> None:
    answer = await world.post(**change)
    assert answer.status_code == status
    assert answer.text.startswith(text) or text in answer.text
    assert answer.text.endswith("\n")
    assert not await world.inbox.unfinished(after=0, limit=10)


async def test_an_accepted_delivery_is_on_disk_when_it_is_answered(world: World) -> None:
    answer = await world.post()
    assert (answer.status_code, answer.text) == (200, "Event received. Have a nice day.")
    (kept,) = await world.inbox.unfinished(after=0, limit=10)
    delivery = await world.inbox.load(kept.seq)
    assert delivery is not None
    assert (delivery.body, delivery.lane, delivery.guid) == (BODY, "o/r#5", "guid-1")
    assert [d.seq for d in world.arrived] == [kept.seq]


async def test_the_same_guid_at_once_is_a_duplicate(world: World) -> None:
    await world.post()
    assert (await world.post()).status_code == 200
    assert (len(world.arrived), world.intake.duplicates) == (1, 1)


async def test_a_redelivery_by_a_person_later_is_handled_again(world: World) -> None:
    await world.post()
    await world.inbox.finish([world.arrived[0].seq])
    await world.clock.sleep(599)
    await world.post()
    assert len(world.arrived) == 1
    await world.clock.sleep(2)
    await world.post()
    assert len(world.arrived) == 2


async def test_an_unfinished_delivery_is_never_taken_twice(world: World) -> None:
    await world.post()
    await world.clock.sleep(3600)
    await world.post()
    assert len(world.arrived) == 1


async def test_repositories_that_are_switched_off_are_thanked_and_forgotten(world: World) -> None:
    body = BODY.replace(b'"o/r"', b'"o/off"').replace(b'"name":"r"', b'"name":"off"')
    assert (await world.post(body)).status_code == 200
    assert not world.arrived


async def test_other_paths_are_a_health_check_and_help_is_json(world: World) -> None:
    assert ((await world.post(path="/")).status_code, (await world.post(path="/")).text) == (200, "")
    help_page = await world.post(path="/plugin-help", method="GET")
    assert help_page.json() == {"AllRepos": []}
    assert help_page.headers["cache-control"] == "no-cache"
    assert (await world.post(path="/plugin-help")).status_code == 405
