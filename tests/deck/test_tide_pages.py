"""`/tide`, `/tide-history` and their scripts over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from prow.config.config import Config
from prow.config.sections import Deck as DeckConfig
from prow.config.tide import Tide as TideConfig
from prow.config.tide import TideQuery
from prow.lib.errors import Retry
from prow.lib.http_client import http_client
from tests.deck.test_pull_page import EVIL, next_data, words
from tests.support.deck import DeckWorld, Tide, deck

QUERIES = (
    TideQuery(
        orgs=("acme",), excluded_repos=("acme/attic",), labels=("lgtm", "bug,feature"), missing_labels=("do-not-merge/hold",)
    ),
    TideQuery(repos=("other/things",), included_branches=("main",), review_approved_required=True),
)  # fmt: skip


def pull(number: int, title: str = "Paint the fins") -> dict[str, Any]:
    return {
        "Number": number,
        "Title": title,
        "HeadRefOID": "a" * 40,
        "Mergeable": "MERGEABLE",
        "Body": "long",
        "GitHub": None,
    }


def pool(repo: str = "rockets", *, branch: str = "main", action: str = "WAIT", **more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("SuccessPRs", "PendingPRs", "MissingPRs", "BatchPending", "Target", "Blockers"))
    return {
        "Org": "acme",
        "Repo": repo,
        "Branch": branch,
        "Action": action,
        "Error": "",
        "TenantIDs": [],
        **empty,
        **more,
    }


def record(minute: int, number: int, *, action: str = "MERGE", **more: Any) -> dict[str, Any]:
    target = [
        {"number": number, "author": "wernher", "sha": "d" * 40, "title": f"Change {number}", "head_ref": "topic"}
    ]
    return {
        "time": f"2026-03-04T12:{minute:02}:00.123456789Z",
        "action": action,
        "baseSHA": "c" * 40,
        "target": target,
        "tenantids": [""],
        **more,
    }


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DeckWorld]:
    tide = Tide()
    tide.pool_list = [
        pool(action="MERGE", Target=[pull(14)], SuccessPRs=[pull(14), pull(15, "Count down")], MissingPRs=[pull(17)]),
        pool(
            "engines",
            action="BLOCKED",
            Blockers=[{"Number": 88, "Title": "Stand on fire", "URL": "https://github.com/x/88"}],
        ),
        pool("pads", action="MERGE", Target=[pull(4)], Error="GitHub refused"),
        pool("secret"),
        pool("tenant", TenantIDs=["them"]),
    ]
    tide.records = {
        "acme/rockets:main": [record(30, 14), record(10, 12, action="TRIGGER")],
        "acme/pads:release-1:0": [record(20, 4, err="required review is missing")],
        "acme/secret:main": [record(1, 1)],
        "acme/tenant:main": [record(1, 1, tenantids=["them"])],
    }
    config = Config(tide=TideConfig(queries=QUERIES), deck=DeckConfig(hidden_repos=("acme/secret",)))
    async with deck(tmp_path, tide=tide, config=config) as world:
        yield world


@pytest.fixture
async def client(world: DeckWorld) -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client(world.url) as client:
        yield client


async def test_pools_say_what_tide_is_doing(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/tide")).text
    text = words(html)
    assert '<a href="/pr/acme/rockets/14">#14</a>' in html
    assert "Merging #14" in text
    assert "Tests passed #15 Count down" in text
    assert "Nothing merges while an issue blocks this branch" in text
    assert 'blocked by <a href="https://github.com/x/88"' in html
    assert "The last attempt failed" in text
    assert "GitHub refused" in text
    assert "secret" not in text
    assert "tenant" not in text
    assert words((await client.get("/tide?repo=acme/pads")).text).count("into main") == 1


async def test_requirements_can_be_read(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/tide")).text
    text = words(html)
    assert "In all of acme , but not acme/attic" in text
    assert "bug or feature" in text
    assert "In other/things , into main, with an approving review at GitHub" in text
    assert "https://github.com/search?q=is%3Apr+state%3Aopen" in html
    assert "None" not in text


async def test_nothing_to_do_is_said_too(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    world.tide.pool_list = []
    assert "No pull request is ready to be merged" in words((await client.get("/tide")).text)
    world.tide.pool_list = None
    assert "Tide has just started" in words((await client.get("/tide")).text)
    world.tide.records = {}
    assert "Tide has done nothing yet." in words((await client.get("/tide-history")).text)


async def test_hostile_words_of_pools_and_records_stay_words(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    blocker = {"Number": 1, "Title": EVIL, "URL": "javascript:alert(1)"}
    world.tide.pool_list = [
        pool(EVIL, branch=EVIL, action=EVIL, SuccessPRs=[pull(1, EVIL)], Blockers=[blocker], Error=EVIL)
    ]
    world.tide.records = {f"acme/{EVIL}:{EVIL}": [record(1, 1, action=EVIL, err=EVIL, baseSHA=EVIL)]}
    for path in ("/tide", "/tide-history", f"/tide-history?repo={EVIL}", f"/tide?repo={EVIL}"):
        html = (await client.get(path)).text
        assert "<script>alert" not in html
        assert "<img" not in html
        assert 'href="javascript' not in html


async def test_tide_js_has_the_shape_of_the_original(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/tide.js")
    assert answer.headers["content-type"] == "application/json"
    data = answer.json()
    assert list(data) == ["Queries", "TideQueries", "Pools"]
    assert data["Queries"][1] == 'is:pr state:open archived:false base:"main" review:approved repo:"other/things"'
    assert data["TideQueries"][0] == {
        "orgs": ["acme"], "excludedRepos": ["acme/attic"], "labels": ["lgtm", "bug,feature"], "missingLabels": ["do-not-merge/hold"],
    }  # fmt: skip
    first = data["Pools"][0]
    assert list(first) == [
        "Org", "Repo", "Branch", "SuccessPRs", "PendingPRs", "MissingPRs", "BatchPending", "Action", "Target", "Blockers", "Error", "TenantIDs",
    ]  # fmt: skip
    assert first["Target"] == [
        {"Title": "Paint the fins", "Number": 14, "HeadRefOID": "a" * 40, "Mergeable": "MERGEABLE"}
    ]
    assert first["PendingPRs"] is None
    assert [p["Repo"] for p in data["Pools"]] == ["rockets", "engines", "pads"]


async def test_var_makes_a_script_but_only_of_a_name(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/tide.js?var=tideData")
    assert answer.headers["content-type"].startswith("application/javascript")
    assert answer.text.startswith('var tideData = {"Queries":')
    assert answer.text.endswith("};")
    for bad in ("a b", "alert(1)//", "1a", "a;b", "%0a"):
        assert (await client.get(f"/tide-history.js?var={bad}")).status_code == 400


async def test_tide_history_js_leaves_out_what_is_not_shown(client: httpx2.AsyncClient) -> None:
    history = (await client.get("/tide-history.js")).json()["History"]
    assert list(history) == ["acme/rockets:main", "acme/pads:release-1:0"]
    assert history["acme/pads:release-1:0"][0]["err"] == "required review is missing"
    assert history["acme/rockets:main"][0]["baseSHA"] == "c" * 40
    assert history["acme/rockets:main"][0]["tenantids"] == [""]
    assert "err" not in history["acme/rockets:main"][0]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [14, 4, 12]),
        ("repo=acme/rockets", [14, 12]),
        ("branch=release-1:0", [4]),
        ("pull=12", [12]),
        ("author=WERNHER&action=TRIGGER", [12]),
        ("state=failure", [4]),
        ("state=success", [14, 12]),
        ("repo=acme/none", []),
        ("action=none&pull=many", [14, 4, 12]),
    ],
)
async def test_the_history_is_filtered_newest_first(client: httpx2.AsyncClient, query: str, numbers: list[int]) -> None:
    html = (await client.get(f"/tide-history?{query}")).text
    found = [number for number in (14, 4, 12) if f"Change {number}" in html]
    assert found == numbers
    places = [html.index(f"Change {number}") for number in numbers]
    assert places == sorted(places)
    assert f"Showing {len(numbers)} of {len(numbers)} actions." in words(html)


async def test_pools_and_history_change_by_themselves(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/tide/events?repo=acme/rockets") as events:
        lines = events.aiter_lines()
        assert "Merging #14" in await next_data(lines)
        world.tide.pool_list = [pool(PendingPRs=[pull(17)])]
        assert "Waiting for tests" in await next_data(lines)
    async with client.stream("GET", "/tide-history/events?pull=99") as events:
        lines = events.aiter_lines()
        assert "Change" not in await next_data(lines)
        world.tide.records = {"acme/rockets:main": [record(31, 99)]}
        assert "Change 99" in await next_data(lines)


async def test_a_tide_that_goes_away_leaves_its_last_words(world: DeckWorld, client: httpx2.AsyncClient) -> None:
    await client.get("/tide")
    await client.get("/tide-history")
    world.tide.error = Retry("no route")
    assert "Tide does not answer. This is what it said" in words((await client.get("/tide")).text)
    assert "Merging #14" in (await client.get("/tide")).text
    assert (await client.get("/tide.js")).json()["Pools"][0]["Action"] == "MERGE"
    assert "Tide does not answer." in words((await client.get("/tide-history")).text)
    assert "Change 14" in (await client.get("/tide-history")).text
