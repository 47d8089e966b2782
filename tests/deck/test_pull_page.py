"""`/pr/ORG/REPO/N` and `/tide-explain` over real HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import httpx2
import msgspec
import pytest

from prow.config.config import Config
from prow.config.sections import Deck as DeckConfig
from prow.config.tide import Tide as TideConfig
from prow.config.tide import TideQuery
from prow.lib.errors import Retry
from prow.lib.http_client import http_client
from prow.model.explanation import Explanation, Gate, GateState, NextStep
from prow.model.prowjob import JobState
from tests.support.deck import BEFORE, HEAD, DeckWorld, Tide, deck, waiting_pull

PAGE = "/pr/acme/rockets/12"
EXPLAIN = "/tide-explain?org=acme&repo=rockets&pr=12"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'`/lgtm`"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DeckWorld]:
    tide = Tide()
    tide.knows(waiting_pull())
    config = Config(
        tide=TideConfig(queries=(TideQuery(orgs=("acme",)),)), deck=DeckConfig(hidden_repos=("acme/secret", "cia"))
    )
    async with deck(tmp_path, tide=tide, config=config) as world:
        yield world


@pytest.fixture
async def client(world: DeckWorld) -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client(world.url) as client:
        yield client


def words(html: str) -> str:
    """What a reader sees of a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


async def test_the_page_says_why_it_waits_and_who_can_act(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    await world.job("unit")
    await world.job("lint", JobState.FAILURE)
    await world.job("unit", JobState.FAILURE, sha=BEFORE)
    page = await client.get(PAGE)
    text = words(page.text)
    assert page.status_code == 200
    order = ["Waits for somebody", "needs approval for engine/", "3 of 6 passed", "Reviewed passed", "Approved by owners to do"]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert '<code class="copy">/approve</code>' in page.text
    assert "mary or dorothy" in text
    assert "5h 0m ago" in text
    assert re.search(r'<time datetime="[^"]+" title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"', page.text)
    assert 'href="https://github.com/acme/rockets/pull/12"' in page.text
    now, before = page.text.split("Jobs of earlier commits (1)")
    assert words(now).count("presubmit") == 2
    assert "/log?job=lint&amp;id=" in now
    assert '<code class="copy">/test lint</code>' in now
    assert "unit" in before


async def test_hostile_words_stay_words(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    world.tide.knows(
        Explanation(
            org="acme", repo="rockets", number=12, title=EVIL, author=EVIL, url="javascript:alert(1)", base_ref=EVIL, head_sha=EVIL, verdict=EVIL,
            gates=(Gate(name=EVIL, title=EVIL, facts=(EVIL,), next_steps=(NextStep(who=EVIL, what=EVIL),)),),
        )
    )  # fmt: skip
    html = (await client.get(PAGE)).text
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "javascript:" not in html
    assert html.count("&lt;script&gt;alert(1)") >= 8
    async with client.stream("GET", f"{PAGE}/events") as events:
        data = await first_data(events)
    assert "<img" not in data


async def test_every_page_of_tide_has_the_headers_and_the_host_check(
    world: DeckWorld, client: httpx2.AsyncClient
) -> None:
    for path in (PAGE, f"{PAGE}/none", "/pr/acme/rockets/99", "/tide", "/tide-history", "/tide.js", EXPLAIN):
        answer = await client.get(path)
        assert "default-src 'none'; script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await client.get(path, headers={"Host": "evil.example"})).status_code == 421


async def test_an_unknown_pull_request_gets_help(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    page = await client.get("/pr/acme/rockets/99")
    assert page.status_code == 404
    assert "Tide does not know acme/rockets#99." in words(page.text)
    assert 'href="https://github.com/acme/rockets/pull/99"' in page.text
    other = await client.get("/pr/other/things/1")
    assert "None of tide's queries is about other/things" in words(other.text)
    await world.job("unit", number=99)
    assert (await client.get("/pr/acme/rockets/99")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/pr/acme/rockets/none", "/pr/acme/rockets/0x1", "/pr/acme/rockets/1234567890", "/pr/acme/ro%20ckets/1",
        "/pr/acme/..%2frockets/1", "/pr/acme/secret/1", "/pr/cia/area/51", "/pr/acme/rockets/none/events",
    ],
)  # fmt: skip
async def test_what_cannot_be_a_pull_request_or_is_hidden_is_not_found(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_a_merged_one_shows_its_final_state(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    for state, word in (("merged", "Merged"), ("closed", "Closed")):
        done = msgspec.structs.replace(waiting_pull(), state=state, verdict="It is over.", gates=())
        world.tide.knows(done)
        html = (await client.get(PAGE)).text
        assert f'verdict {state}"' in html
        assert f"{word} It is over." in words(html)
        assert "passed" not in words(html)


async def test_a_tide_that_does_not_answer_is_told_and_its_last_words_stay(
    world: DeckWorld, client: httpx2.AsyncClient
) -> None:
    await client.get(PAGE)
    world.tide.error = Retry("tide at http://tide does not answer: <b>no route</b>")
    page = await client.get(PAGE)
    assert page.status_code == 200
    assert "Tide does not answer. This is what it said" in words(page.text)
    assert "&lt;b&gt;no route&lt;/b&gt;" in page.text
    assert "Approved by owners" in page.text
    assert (await client.get("/pr/acme/rockets/13")).status_code == 503
    assert (await client.get(EXPLAIN)).status_code == 503


async def test_a_dashboard_without_tide_says_so(tmp_path: Path) -> None:
    async with (
        deck(tmp_path, tide=None) as world,
        http_client(world.url) as client,
    ):
        page = await client.get(PAGE)
        assert page.status_code == 503
        assert "Tide is not connected to this dashboard" in words(page.text)
        await world.job("unit")
        assert "/log?job=unit" in (await client.get(PAGE)).text
        assert (await client.get(EXPLAIN)).json()["error"].startswith("Tide is not connected")
        assert "Tide is not connected" in words((await client.get("/tide")).text)
        assert "Tide is not connected" in words((await client.get("/tide-history")).text)
        assert (await client.get("/tide.js")).status_code == 404


async def test_the_list_links_to_the_page_of_a_pull_request(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    await world.job("unit")
    html = (await client.get("/")).text
    assert f'<a href="{PAGE}">#12</a>' in html
    assert 'href="https://github.com/acme/rockets/pull/12"' in html


async def test_the_explanation_is_json_for_programs(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    answer = await client.get(EXPLAIN)
    assert answer.headers["content-type"] == "application/json"
    assert msgspec.json.decode(answer.content, type=Explanation).gates[2].name == "approval"
    missing = await client.get("/tide-explain?org=acme&repo=rockets&pr=99")
    assert (missing.status_code, missing.json()) == (404, {"error": "tide does not know acme/rockets#99"})
    for bad in ("", "?org=acme", "?org=acme&repo=rockets&pr=x", "?org=a/b&repo=c&pr=1"):
        assert (await client.get(f"/tide-explain{bad}")).status_code == 400


async def test_the_page_changes_when_the_explanation_or_a_job_does(
    world: DeckWorld, client: httpx2.AsyncClient
) -> None:
    async with client.stream("GET", f"{PAGE}/events") as events:
        lines = events.aiter_lines()
        assert "Approved by owners" in await next_data(lines)
        await world.job("unit", JobState.PENDING)
        assert 'id=\\"now-unit-abcd-12\\"' in await next_data(lines)
        await world.job("unit", number=13)
        done = msgspec.structs.replace(waiting_pull(), state="merged", verdict="Merged into main.", gates=())
        world.tide.knows(done)
        merged = await next_data(lines)
        assert "Merged into main." in merged
        assert "now-unit-abcd-13" not in merged


async def test_an_explanation_can_be_watched(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", f"{EXPLAIN}&watch=true") as events:
        lines = events.aiter_lines()
        assert msgspec.json.decode(await next_data(lines), type=Explanation).number == 12
        world.tide.error = Retry("asleep")
        assert await next_data(lines) == '{"error":"asleep"}'
        world.tide.error = None
        world.tide.explanations.clear()
        assert "does not know" in await next_data(lines)


async def test_gates_that_share_a_name_keep_ids_of_their_own(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    twice = tuple(Gate(name="query", title=f"Query {n}", state=GateState.OPEN) for n in (1, 2))
    world.tide.knows(msgspec.structs.replace(waiting_pull(), gates=twice, head_sha=HEAD))
    ids = re.findall(r'id="(gate-[^"]+)"', (await client.get(PAGE)).text)
    assert len(set(ids)) == 2


async def next_data(lines: AsyncIterator[str]) -> str:
    """The data of the next event."""
    async for line in lines:
        if line.startswith("data: "):
            return line.removeprefix("data: ")
    raise AssertionError("the stream ended")


async def first_data(events: httpx2.Response) -> str:
    return await next_data(events.aiter_lines())
