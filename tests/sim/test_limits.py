"""What GitHub lets a caller spend: hourly limits by identity and kind of call, and limits against haste. On the virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from prow.lib.virtual_clock import VirtualClock
from prow.sim.accounts import Identity
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import bearer, expect, installed
from tests.sim.support import client, simulated

ISSUES = "/repos/acme/widgets/issues"


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Sim]:
    async with simulated(tmp_path, clock=VirtualClock()) as sim:
        yield sim


async def test_each_identity_has_limits_of_its_own_for_each_kind_of_call(sim: Sim, repo: RepoStory) -> None:
    token = installed(sim, "app", {"issues": "write"})
    async with client(sim, "prow-bot") as bot, client(sim) as nobody, bearer(sim, token) as app:
        for caller, core, search in ((bot, 5000, 30), (app, 5000, 30), (nobody, 60, 10)):
            await expect(caller.get(ISSUES), 200)
            await expect(caller.get("/search/issues?q=is:open"), 200)
            told = (await expect(caller.get("/rate_limit"), 200))["resources"]
            assert (told["core"]["limit"], told["core"]["used"]) == (core, 1)
            assert (told["search"]["limit"], told["search"]["remaining"]) == (search, search - 1)
        answer = await bot.get("/search/issues?q=is:open")
        assert answer.headers["x-ratelimit-resource"] == "search"


async def test_a_large_installation_may_do_more(sim: Sim, repo: RepoStory) -> None:
    for number in range(22):
        await sim.world.create_repo(f"acme/r{number}")
    who = sim.world.identify(installed(sim, "app", {"issues": "write"}))
    assert sim.world.budget(who, "core").limit == 5000 + 50 * 3
    sim.budgets.enterprise.add("acme")
    again = sim.world.identify(installed(sim, "other", {"issues": "write"}))
    assert sim.world.budget(again, "core").limit == 15_000


async def test_what_is_over_the_limit_has_no_effect_and_the_next_hour_is_new(sim: Sim, repo: RepoStory) -> None:
    sim.budgets.limit = 2
    async with client(sim, "prow-bot") as bot:
        first = await bot.get(ISSUES)
        await expect(bot.post(ISSUES, json={"title": "One"}), 201)
        refused = await bot.post(ISSUES, json={"title": "Two"})
        assert refused.status_code == 403
        assert refused.json()["message"].startswith("API rate limit exceeded for user")
        assert (refused.headers["x-ratelimit-remaining"], refused.headers["x-ratelimit-used"]) == ("0", "2")
        assert len(repo.repo.issues) == 1
        reset = int(first.headers["x-ratelimit-reset"]) - sim.clock.now().timestamp()
        await sim.clock.sleep(reset + 1)
        await expect(bot.post(ISSUES, json={"title": "Two"}), 201)


async def test_searches_are_counted_by_the_minute(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        for _ in range(30):
            await expect(bot.get("/search/issues?q=is:open"), 200)
        await expect(bot.get("/search/issues?q=is:open"), 403)
        await expect(bot.get(ISSUES), 200)
        await sim.clock.sleep(61)
        await expect(bot.get("/search/issues?q=is:open"), 200)


async def test_eighty_writes_a_minute_are_the_most(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    path = f"{ISSUES}/{issue.number}/comments"
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        for number in range(80):
            await expect(bot.post(path, json={"body": str(number)}), 201)
        refused = await bot.post(path, json={"body": "too many"})
        assert (refused.status_code, len(issue.comments)) == (403, 80)
        assert "secondary rate limit" in refused.json()["message"]
        assert "secondary-rate-limits" in refused.json()["documentation_url"]
        await expect(mia.post(path, json={"body": "not my problem"}), 201)
        await expect(bot.get(path), 200)
        await sim.clock.sleep(int(refused.headers["retry-after"]))
        await expect(bot.post(path, json={"body": "patient"}), 201)


async def test_five_hundred_writes_an_hour_are_the_most(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    path = f"{ISSUES}/{issue.number}/comments"
    async with client(sim, "prow-bot") as bot:
        for number in range(499):
            if number % 50 == 0:
                await sim.clock.sleep(60)
            sim.budgets.wrote(sim.world.identify(sim.world.token("prow-bot")))
        await expect(bot.post(path, json={"body": "the last"}), 201)
        await sim.clock.sleep(60)
        refused = await bot.post(path, json={"body": "too many"})
        assert refused.status_code == 403
        assert int(refused.headers["retry-after"]) > 2000
        change = {"query": 'mutation($id: ID!) { addComment(input: {subjectId: $id, body: "x"}) { subject { id } } }'}
        told = await bot.post("/graphql", json=change | {"variables": {"id": f"I_sim{issue.issue.id}"}})
        assert told.status_code == 403
        await sim.clock.sleep(int(refused.headers["retry-after"]))
        await expect(bot.post(path, json={"body": "patient"}), 201)


async def test_nine_hundred_points_a_minute_are_the_most(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        for _ in range(899):
            with sim.budgets.hurry(Identity("prow-bot"), "core", write=False):
                pass
        await expect(bot.get("/rate_limit"), 200)
        refused = await bot.get("/rate_limit")
        assert (refused.status_code, refused.headers["retry-after"]) == (403, "60")


async def test_a_hundred_calls_at_a_time_are_the_most(sim: Sim, repo: RepoStory) -> None:
    with ExitStack() as others:
        for _ in range(100):
            others.enter_context(sim.budgets.hurry(Identity("prow-bot"), "core", write=False))
        async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
            refused = await expect(bot.get(ISSUES), 403)
            assert "secondary rate limit" in refused["message"]
            await expect(mia.get(ISSUES), 200)
    async with client(sim, "prow-bot") as bot:
        await expect(bot.get(ISSUES), 200)


async def test_reads_that_change_nothing_are_free_of_the_hourly_limit(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        first = await bot.get(ISSUES)
        again = [await bot.get(ISSUES, headers={"If-None-Match": first.headers["etag"]}) for _ in range(3)]
        assert [a.status_code for a in again] == [304, 304, 304]
        assert again[-1].headers["x-ratelimit-used"] == "1"
        async with client(sim, "prow-bot") as other:
            assert (await other.get(ISSUES, headers={"If-None-Match": first.headers["etag"]})).status_code == 200


async def test_limits_against_haste_can_be_lifted(sim: Sim, repo: RepoStory) -> None:
    sim.budgets.secondary = False
    async with client(sim, "prow-bot") as bot:
        made = await asyncio.gather(*(bot.post(ISSUES, json={"title": str(n)}) for n in range(85)))
    assert {m.status_code for m in made} == {201}


async def test_what_is_known_is_free_for_those_who_say_who_they_are(sim: Sim, repo: RepoStory) -> None:
    async with client(sim) as nobody, client(sim, "prow-bot") as bot:
        for caller, private, costs in ((nobody, "public", 1), (bot, "private", 0)):
            first = await caller.get("/repos/acme/widgets")
            assert first.headers["cache-control"] == f"{private}, max-age=60, s-maxage=60"
            assert "Authorization" in first.headers["vary"]
            for known in (first.headers["etag"], f'"other", {first.headers["etag"].removeprefix("W/")}'):
                again = await caller.get("/repos/acme/widgets", headers={"If-None-Match": known})
                assert (again.status_code, again.content) == (304, b"")
                spent = int(again.headers["x-ratelimit-used"]) - int(first.headers["x-ratelimit-used"])
                assert spent == costs, "GitHub counts what nobody asks in any case"
                first = again
            others = {"If-None-Match": first.headers["etag"], "Authorization": f"token {sim.world.token('mia')}"}
            assert (await caller.get("/repos/acme/widgets", headers=others)).status_code == 200


async def test_whoever_has_no_name_is_refused(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        del bot.headers["user-agent"]
        refused = await bot.get("/repos/acme/widgets")
        assert (refused.status_code, "User-Agent header" in refused.json()["message"]) == (403, True)
        assert refused.headers["x-github-request-id"]


async def test_what_has_a_time_may_be_asked_for_by_it_with_any_token(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    said = await issue.comment("mia", "Please")
    async with client(sim, "prow-bot") as bot, client(sim, "wernher") as other:
        for path in (f"{ISSUES}/{issue.number}", f"{ISSUES}/comments/{said.id}", "/repos/acme/widgets/commits/main"):
            first = await bot.get(path)
            since = {"If-Modified-Since": first.headers["last-modified"]}
            assert (await other.get(path, headers=since)).status_code == 304
            assert (await other.get(path, headers=since | {"If-None-Match": '"other"'})).status_code == 200
            assert (await other.get(path, headers={"If-Modified-Since": "yesterday"})).status_code == 200
        first = await bot.get(f"{ISSUES}/{issue.number}")
        await sim.clock.sleep(1)
        await issue.comment("mia", "Really")
        since = {"If-Modified-Since": first.headers["last-modified"]}
        assert (await other.get(f"{ISSUES}/{issue.number}", headers=since)).json()["comments"] == 2
