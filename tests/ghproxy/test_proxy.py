"""ghproxy between clients and the simulated GitHub: ours, and clients that know nothing of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import REGISTRY

from prow.ghproxy.model import Settings
from prow.ghproxy.service import Ghproxy
from prow.ghproxy.upstream import Upstream
from prow.github.cache import MemoryCache
from prow.github.disk_cache import DiskCache
from prow.github.limiter import Limits
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.errors import Unauthenticated
from prow.lib.http_client import http_client
from prow.lib.virtual_clock import VirtualClock
from prow.sim.plan import Error, Match, NoAnswer, Reset, Rule
from tests.ghproxy.support import World, answered, mode, proxied, running
from tests.support.foreign import certificate, gh_environment, needs_gh, run


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path, SystemClock()) as made:
        yield made


async def test_two_components_share_one_proxy_and_so_one_budget(world: World) -> None:
    token = world.sim.world.token("prow-bot")
    hook, tide = world.github("hook", token=token), world.github("tide", token=token)
    number = world.pr.number
    await hook.list_files("acme", "rockets", number)
    before = world.used
    assert {f.filename for f in await tide.list_files("acme", "rockets", number)} == {"a", "c"}
    assert world.used == before
    assert (hook.spent().charged, tide.spent().charged, tide.spent().free) == (1, 0, 1)
    await world.pr.push({"d": "d\n"})
    assert {f.filename for f in await tide.list_files("acme", "rockets", number)} == {"a", "c", "d"}
    assert tide.spent().charged == 1
    await hook.aclose()
    await tide.aclose()


async def test_a_free_answer_gives_the_component_s_own_throttle_its_token_back(world: World) -> None:
    github = world.github(limits=Limits(hourly_tokens=2, allowed_burst=2))
    for _ in range(10):
        await github.get_repo("acme", "rockets")
    await github.aclose()


async def test_who_collaborates_is_asked_in_a_way_that_can_be_kept(world: World) -> None:
    """The answer about one name has no ETag; the list has."""
    github = world.github()
    assert await github.is_collaborator("acme", "rockets", "prow-bot")
    before = world.used
    for login, collaborates in (("prow-bot", True), ("stranger", False), ("Prow-Bot", True)):
        assert await github.is_collaborator("acme", "rockets", login) is collaborates
    assert world.used == before
    await github.aclose()


async def test_everything_that_our_client_does_works_through_it(world: World) -> None:
    github, number = world.github(), world.pr.number
    await github.add_labels("acme", "rockets", number, ["kind/bug"])
    await github.remove_label("acme", "rockets", number, "kind/bug")
    made = await github.create_comment("acme", "rockets", number, "hello")
    await github.edit_comment("acme", "rockets", made.id, "hello again")
    assert [c.body for c in await github.list_comments("acme", "rockets", number)] == ["hello again"]
    assert await github.graphql(dict, "{viewer {login}}", {}) == {"viewer": {"login": "prow-bot"}}
    for text in range(110):
        await world.pr.comment("mia", str(text))
    assert len(await github.list_comments("acme", "rockets", number)) == 111
    await github.aclose()


async def test_the_modes_tell_how_an_answer_came_about(world: World) -> None:
    path = f"/repos/acme/rockets/issues/{world.pr.number}"
    async with world.client() as client:
        assert mode(await client.get(path)) == "MISS"
        again = await client.get(path)
        assert (mode(again), again.json()["title"]) == ("REVALIDATED", "Change")
        await world.pr.edit("mia", title="Another")
        changed = await client.get(path)
        assert (mode(changed), changed.json()["title"]) == ("CHANGED", "Another")
        assert mode(await client.get("/repos/acme/nothing")) == "NO-STORE"
        assert mode(await client.patch(path, json={"title": "Third"})) == "SKIP"
        assert mode(await client.post("/graphql", json={"query": "{viewer {login}}"})) == "SKIP"
        assert again.headers["cache-control"] == "no-cache"


async def test_equal_reads_at_the_same_time_are_one() -> None:
    asked, arrived, go_on = 0, asyncio.Event(), asyncio.Event()

    async def slow(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        nonlocal asked
        asked += 1
        await receive()
        arrived.set()
        await go_on.wait()
        await answered(send, 200, [1, 2], etag='"1"')

    clock = SystemClock()
    async with http.serve(slow) as port:
        upstream = Upstream(f"http://127.0.0.1:{port}", clock=clock)
        proxy = Ghproxy(Settings(), upstream=upstream, cache=MemoryCache(), clock=clock)
        direct = httpx2.ASGITransport(app=proxy.app)
        async with httpx2.AsyncClient(transport=direct, base_url="http://proxy", trust_env=False) as client:
            waiting = [asyncio.create_task(client.get("/repos/a/b/pulls/1/files")) for _ in range(6)]
            await arrived.wait()
            for _ in range(100):
                await clock.sleep(0)
            go_on.set()
            answers = await asyncio.gather(*waiting)
        await proxy.aclose()
    assert sorted(map(mode, answers)) == ["COALESCED"] * 5 + ["MISS"]
    assert {len(answer.json()) for answer in answers} == {2}
    assert asked == 1


@pytest.mark.parametrize("own", [{"If-None-Match": '"1"'}, {"Range": "bytes=0-1"}], ids=lambda own: next(iter(own)))
async def test_who_asks_for_less_at_the_same_time_takes_nothing_from_the_others(own: dict[str, str]) -> None:
    """A client that has the answer already, or wants a part of it, gets what it asked for; and so do they."""
    arrived: list[http.Scope] = []
    both = asyncio.Event()

    async def slow(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        await receive()
        arrived.append(scope)
        if len(arrived) == 2:
            both.set()
        await both.wait()
        given = dict(scope["headers"])
        status = 304 if b"if-none-match" in given else 206 if b"range" in given else 200
        await answered(send, status, None if status == 304 else "part" if status == 206 else "whole", etag='"1"')

    async with behind(slow) as client, SystemClock().timeout(5):
        less, whole = await asyncio.gather(client.get("/x", headers=own), client.get("/x"))
    assert less.status_code in {304, 206}
    assert (whole.status_code, whole.json()) == (200, "whole")


async def test_what_github_does_not_find_any_more_is_not_kept_any_longer(world: World) -> None:
    cache = MemoryCache()
    token = {"Authorization": f"Bearer {world.sim.world.token('prow-bot')}"}
    async with (
        proxied(world.sim.world.base, clock=world.sim.clock, cache=cache) as url,
        http_client(url, headers=token) as bot,
    ):
        assert (await bot.get("/repos/acme/rockets")).status_code == 200
        assert len(cache) == 1
        world.repo.repo.private = True
        del world.repo.repo.collaborators["prow-bot"]
        assert (await bot.get("/repos/acme/rockets")).status_code == 404
    assert len(cache) == 0


async def test_what_one_token_may_see_another_may_not(world: World) -> None:
    world.repo.repo.private = True
    async with world.client() as bot, world.client("stranger") as stranger, world.client("") as nobody:
        assert (await bot.get("/repos/acme/rockets")).status_code == 200
        assert (await stranger.get("/repos/acme/rockets")).status_code == 404
        assert (await nobody.get("/repos/acme/rockets")).status_code == 404
        claimed = await stranger.get("/repos/acme/rockets", headers={"X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER": "bot"})
        assert claimed.status_code == 404


async def test_access_that_was_lost_is_lost_at_once(world: World) -> None:
    world.repo.repo.private = True
    async with world.client() as bot:
        assert (await bot.get("/repos/acme/rockets")).status_code == 200
        del world.repo.repo.collaborators["prow-bot"]
        assert (await bot.get("/repos/acme/rockets")).status_code == 404


async def test_a_client_with_a_cache_of_its_own_is_told_that_nothing_changed(world: World) -> None:
    path = f"/repos/acme/rockets/issues/{world.pr.number}"
    async with world.client() as client:
        etag = (await client.get(path)).headers["etag"]
        same = await client.get(path, headers={"If-None-Match": etag})
        assert (same.status_code, same.content, mode(same)) == (304, b"", "REVALIDATED")
        await world.pr.edit("mia", title="Another")
        fresh = await client.get(path, headers={"If-None-Match": etag})
        assert (fresh.status_code, fresh.json()["title"]) == (200, "Another")


async def test_a_client_s_own_conditions_are_used_while_the_proxy_knows_nothing(world: World) -> None:
    token = world.sim.world.token("prow-bot")
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    async with http_client(headers=headers) as client:
        etag = (await client.get(f"{world.sim.world.base}/repos/acme/rockets")).headers["etag"]
        before = world.used
        same = await client.get(f"{world.url}/repos/acme/rockets", headers={"If-None-Match": etag})
        assert (same.status_code, mode(same), world.used) == (304, "REVALIDATED", before)


async def test_other_methods_pass_as_they_are(world: World) -> None:
    async with world.client() as client:
        head = await client.head("/repos/acme/rockets")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 100
        made = await client.post(f"/repos/acme/rockets/issues/{world.pr.number}/comments", json={"body": "ü" * 50_000})
        assert (made.status_code, len(made.json()["body"])) == (201, 50_000)
        path = f"/repos/acme/rockets/issues/comments/{made.json()['id']}"
        gone = await client.delete(path)
        assert (gone.status_code, gone.content) == (204, b"")
        assert "content-length" not in gone.headers


async def test_pygithub_works_behind_it(world: World) -> None:
    """A client of somebody else, with its own ideas of headers, pages and conditions."""
    import github as pygithub  # noqa: PLC0415 - slow to import, and only here

    token = world.sim.world.token("prow-bot")
    for text in range(35):
        await world.pr.comment("mia", str(text))

    world.sim.world.base = world.url  # the addresses in GitHub's answers, which PyGithub follows

    def drive() -> list[str]:
        auth = pygithub.Auth.Token(token)
        with pygithub.Github(
            auth=auth, base_url=world.url, per_page=30, seconds_between_requests=0, seconds_between_writes=0
        ) as client:
            repo = client.get_repo("acme/rockets")
            pull = repo.get_pull(world.pr.number)
            issue = repo.get_issue(world.pr.number)
            issue.create_comment("from PyGithub")
            issue.add_to_labels("kind/bug")
            return [pull.title, *(comment.body for comment in issue.get_comments())]

    first = await asyncio.to_thread(drive)
    assert first[:2] == ["Change", "0"]
    assert len(first) == 37
    before = world.used
    again = await asyncio.to_thread(drive)
    assert len(again) == 38
    # Two writes, and what the first round changed: the issue, its pull request, the last page of comments. The rest was as before.
    assert world.used - before == 5
    assert world.pr.labels == {"kind/bug"}


@needs_gh
async def test_gh_works_behind_it(world: World, tmp_path: Path) -> None:
    """It insists on HTTPS, which stands before the proxy."""
    tls = certificate(tmp_path)
    for text in ("one", "two", "three"):
        await world.pr.comment("mia", text)
    async with proxied(world.sim.world.base, clock=world.sim.clock, tls=tls) as url:
        env = gh_environment(url, world.sim.world.token("prow-bot"), tls, tmp_path)
        here = ("-R", f"{url.removeprefix('https://')}/acme/rockets")
        comments = f"repos/acme/rockets/issues/{world.pr.number}/comments?per_page=1"
        listed = await run("gh", "api", "--paginate", comments, "--jq", ".[].body", env=env, cwd=tmp_path)
        assert listed.split() == ["one", "two", "three"]
        await run("gh", "pr", "comment", str(world.pr.number), *here, "--body", "four", env=env, cwd=tmp_path)
        seen = await run("gh", "pr", "view", str(world.pr.number), *here, "--json", "comments", env=env, cwd=tmp_path)
        assert [comment["body"] for comment in json.loads(seen)["comments"]] == ["one", "two", "three", "four"]


async def test_a_github_that_cannot_be_reached_is_a_502_that_costs_nothing() -> None:
    async with (
        proxied("http://127.0.0.1:9", clock=SystemClock()) as url,
        http_client(url) as client,
    ):
        answer = await client.get("/repos/acme/rockets")
        assert (answer.status_code, mode(answer)) == (502, "ERROR")
        assert answer.text.startswith("GitHub cannot be reached")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_connection_that_breaks_is_not_kept_for_an_answer(world: World) -> None:
    world.sim.faults.add(Rule(match=Match(path="*/issues/*"), what=Reset(), times=1))
    path = f"/repos/acme/rockets/issues/{world.pr.number}"
    async with world.client() as client:
        assert (await client.get(path)).status_code == 502
        assert mode(await client.get(path)) == "MISS"


async def test_errors_are_passed_on_and_not_kept(world: World) -> None:
    path = f"/repos/acme/rockets/issues/{world.pr.number}"
    async with world.client() as client:
        await client.get(path)
        world.sim.faults.add(Rule(match=Match(path="*/issues/*"), what=Error(503, "Later"), times=1))
        failed = await client.get(path)
        assert (failed.status_code, failed.json()["message"], mode(failed)) == (503, "Later", "NO-STORE")
        assert mode(await client.get(path)) == "REVALIDATED"


async def test_a_request_that_takes_too_long_is_answered_with_503(tmp_path: Path) -> None:
    async with running(tmp_path, VirtualClock(), Settings(request_timeout=7)) as world:
        world.sim.faults.add(Rule(match=Match(path="*/issues/*"), what=NoAnswer(), times=2))
        async with world.client() as client:
            path = f"/repos/acme/rockets/issues/{world.pr.number}"
            for answer in (await client.get(path), await client.patch(path, json={})):
                assert (answer.status_code, answer.text) == (503, "ghproxy timed out after 7s")
            assert (await client.get(path)).status_code == 200


async def test_requests_of_one_budget_are_spaced(tmp_path: Path) -> None:
    settings = Settings(spacing=2.0, get_spacing=0.5, graphql_spacing=4.0)
    async with running(tmp_path, VirtualClock(), settings) as world:
        clock = world.sim.clock
        async with world.client() as client, world.client("mia") as mia:
            began = clock.monotonic()
            await client.get("/repos/acme/rockets")
            await client.get("/repos/acme/rockets/labels")
            assert clock.monotonic() - began == pytest.approx(0.5, abs=0.1)
            await mia.get("/repos/acme/rockets")
            assert clock.monotonic() - began == pytest.approx(0.5, abs=0.1)
            await client.post(f"/repos/acme/rockets/issues/{world.pr.number}/labels", json={"labels": ["x"]})
            assert clock.monotonic() - began == pytest.approx(2.5, abs=0.1)
            for _ in range(2):
                await client.post("/graphql", json={"query": "{viewer {login}}"})
            assert clock.monotonic() - began == pytest.approx(6.5, abs=0.1)


async def test_what_clients_call_themselves_fills_no_metrics(tmp_path: Path) -> None:
    async with running(tmp_path, SystemClock(), Settings(named_programs=2, named_budgets=2)) as world:
        before = labels()
        async with world.client() as client:
            for number in range(9):
                named = {
                    "User-Agent": f"bounded-{number}/1.0",
                    "X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER": f"bounded-{number}",
                }
                await client.get("/repos/acme/rockets", headers=named)
                await client.get(f"/_sim/odd-{number}", headers=named)  # no GitHub has that
        new = labels() - before
        assert {value for _, value in new if value.startswith("bounded-")} == {"bounded-0", "bounded-1"}
        assert {("user_agent", "other"), ("token_hash", "other"), ("path", "/:unknown")} <= labels()
        assert not any("odd-" in value.lower() for _, value in new)


def labels() -> set[tuple[str, str]]:
    """All that metrics have."""
    return {pair for family in REGISTRY.collect() for sample in family.samples for pair in sample.labels.items()}


# A GitHub App


# What the simulated GitHub does not say


App = Callable[[http.Scope, http.Receive, http.Send], Any]


@asynccontextmanager
async def behind(app: App, *, max_bytes: int = 32 << 20) -> AsyncIterator[httpx2.AsyncClient]:
    cache = MemoryCache(max_bytes)
    async with http.serve(app) as port, proxied(f"http://127.0.0.1:{port}", clock=SystemClock(), cache=cache) as url:
        async with http_client(url) as client:
            yield client


async def test_redirects_are_the_client_s_to_follow() -> None:
    async def moved(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        await receive()
        await answered(send, 301, {}, location="https://api.github.com/repositories/42")

    async with behind(moved) as client:
        answer = await client.get("/repos/acme/old")
        assert (answer.status_code, answer.headers["location"]) == (301, "https://api.github.com/repositories/42")


@pytest.mark.parametrize("sized", [True, False], ids=["its length is said", "it comes in chunks"])
async def test_a_body_too_large_for_the_cache_comes_through_piece_by_piece(*, sized: bool) -> None:
    asked = 0

    async def large(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        nonlocal asked
        asked += 1
        await receive()
        headers = [(b"etag", b'"1"'), *([(b"content-length", b"6400000")] if sized else [])]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(100):
            await send({"type": "http.response.body", "body": bytes([number]) * 64_000, "more_body": number < 99})

    async with behind(large, max_bytes=1 << 20) as client:
        first, second = await asyncio.gather(client.get("/repos/a/b/large"), client.get("/repos/a/b/large"))
        third = await client.get("/repos/a/b/large")
        for answer in (first, second, third):
            assert (len(answer.content), answer.content[-1], mode(answer)) == (6_400_000, 99, "SKIP")
    assert asked <= 5


async def test_compressed_bodies_are_kept_and_given_as_they_came() -> None:
    import gzip  # noqa: PLC0415

    packed, asked = gzip.compress(b'{"id": 1}'), []

    async def zipped(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        await receive()
        headers = dict(scope["headers"])
        asked.append((headers[b"accept-encoding"], b"if-none-match" in headers))
        if b"if-none-match" in headers:
            await answered(send, 304, None, etag='"1"')
            return
        zips = headers[b"accept-encoding"] == b"gzip"
        fields = [(b"etag", b'"1"'), *([(b"content-encoding", b"gzip")] if zips else [])]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": packed if zips else b'{"id": 1}'})

    async with behind(zipped) as client:
        for _ in range(2):
            answer = await client.get("/x", headers={"Accept-Encoding": "gzip, br"})
            assert (answer.headers["content-encoding"], answer.json()) == ("gzip", {"id": 1})
            plain = await client.get("/x", headers={"Accept-Encoding": "identity"})
            assert ("content-encoding" in plain.headers, plain.json()) == (False, {"id": 1})
    assert asked == [(b"gzip", False), (b"identity", False), (b"gzip", True), (b"identity", True)]


async def test_a_part_of_an_answer_is_not_kept_for_the_whole() -> None:
    async def ranged(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        await receive()
        part = b"range" in dict(scope["headers"])
        await answered(send, 206 if part else 200, "part" if part else "whole", etag='"1"')

    async with behind(ranged) as client:
        assert (await client.get("/x", headers={"Range": "bytes=0-1"})).json() == "part"
        assert (await client.get("/x")).json() == "whole"


async def test_a_request_s_body_without_end_is_refused_and_the_connection_closed() -> None:
    settings = Settings(largest_request=100_000)
    async with proxied("http://127.0.0.1:9", clock=SystemClock(), settings=settings) as url:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /repos/a/b/issues HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write((b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 4)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert answer.endswith(b"more than 100000 bytes are not passed on")
        writer.close()


@pytest.mark.parametrize("line", ["CONNECT api.github.com:443", "OPTIONS *", "TRACE /"])
async def test_what_is_nothing_for_github_s_api_is_not_passed_on(line: str) -> None:
    async with proxied("http://127.0.0.1:9", clock=SystemClock()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(f"{line} HTTP/1.1\r\nHost: proxy\r\n\r\n".encode())
        answer = await reader.read()
        assert answer.startswith((b"HTTP/1.1 405 ", b"HTTP/1.1 400 "))
        writer.close()


async def test_what_was_kept_on_disk_is_revalidated_after_a_restart(tmp_path: Path, world: World) -> None:
    clock, token = SystemClock(), {"Authorization": f"Bearer {world.sim.world.token('prow-bot')}"}
    modes = []
    for _ in range(2):
        cache = await DiskCache.open(tmp_path / "cache", max_bytes=10 << 20, clock=clock)
        async with proxied(world.sim.world.base, clock=clock, cache=cache) as url:
            async with http_client(headers=token) as client:
                modes.append(mode(await client.get(f"{url}/repos/acme/rockets")))
        await cache.aclose()
    assert modes == ["MISS", "REVALIDATED"]


async def test_a_wrong_token_is_refused_by_github_itself(world: World) -> None:
    github = world.github(token="wrong")
    with pytest.raises(Unauthenticated):
        await github.get_repo("acme", "rockets")
    await github.aclose()
