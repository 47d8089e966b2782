"""Tokens: what their scopes open, and what GitHub says where they do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from prow.lib.virtual_clock import VirtualClock
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import ask_as, bearer, expect, installed
from tests.sim.support import client, simulated


async def test_a_token_tells_its_scopes_and_what_the_call_takes(sim: Sim, repo: RepoStory) -> None:
    async with bearer(sim, sim.world.token("prow-bot", scopes=["public_repo", "read:org"])) as bot:
        answer = await bot.get("/repos/acme/widgets/issues")
        assert answer.headers["x-oauth-scopes"] == "public_repo, read:org"
        assert answer.headers["x-accepted-oauth-scopes"] == "repo"
        assert (await bot.get("/orgs/acme/teams")).headers["x-accepted-oauth-scopes"].startswith("admin:org")
    async with client(sim) as nobody:
        assert "x-oauth-scopes" not in (await nobody.get("/repos/acme/widgets")).headers


async def test_a_private_repository_is_there_for_those_who_may_read_it_with_the_right_scope(
    sim: Sim, repo: RepoStory
) -> None:
    repo.repo.private = True
    public = sim.world.token("prow-bot", scopes=["public_repo"])
    async with (
        client(sim) as nobody,
        client(sim, "mia") as mia,
        bearer(sim, public) as narrow,
        client(sim, "prow-bot") as bot,
    ):
        for path in ("/repos/acme/widgets", "/repos/acme/widgets/issues", "/repos/acme/widgets/branches/main"):
            for caller in (nobody, mia, narrow):
                assert (await expect(caller.get(path), 404))["message"] == "Not Found"
            await expect(bot.get(path), 200)
        listed = await expect(nobody.get("/orgs/acme/repos"), 200)
        assert listed == []
    query = '{ repository(owner: "acme", name: "widgets") { name } }'
    assert (await ask_as(sim, public, query))["errors"][0]["type"] == "NOT_FOUND"
    assert (await ask_as(sim, sim.world.token("prow-bot"), query))["data"]["repository"]["name"] == "widgets"


@pytest.mark.parametrize(
    ("scopes", "status"),
    [([], 404), (["read:org"], 404), (["repo:status"], 201), (["public_repo"], 201), (["repo"], 201)],
)
async def test_a_status_takes_a_scope_of_its_own(sim: Sim, repo: RepoStory, scopes: list[str], status: int) -> None:
    async with bearer(sim, sim.world.token("prow-bot", scopes=scopes)) as bot:
        path = f"/repos/acme/widgets/statuses/{await repo.tip()}"
        await expect(bot.post(path, json={"state": "success"}), status)


@pytest.mark.parametrize(("scopes", "status"), [([], 404), (["repo:status"], 404), (["public_repo"], 201)])
async def test_without_a_scope_nothing_is_written(sim: Sim, repo: RepoStory, scopes: list[str], status: int) -> None:
    issue = await repo.open_issue("mia", title="Help")
    async with bearer(sim, sim.world.token("prow-bot", scopes=scopes)) as bot:
        path = f"/repos/acme/widgets/issues/{issue.number}/comments"
        await expect(bot.post(path, json={"body": "Hello"}), status)
        await expect(bot.get(path), 200)


async def test_the_scope_for_an_organisation_is_told_when_it_is_missing(sim: Sim) -> None:
    sim.world.org("acme", owners=["boss"])
    async with bearer(sim, sim.world.token("boss", scopes=["public_repo"])) as narrow:
        refused = await narrow.put("/orgs/acme/memberships/wernher", json={"role": "member"})
        assert refused.status_code == 403
        assert "admin:org" in refused.headers["x-accepted-oauth-scopes"]
        await expect(narrow.get("/orgs/acme/hooks"), 403)


async def test_a_revoked_token_is_no_token(sim: Sim, repo: RepoStory) -> None:
    token = sim.world.token("prow-bot")
    async with bearer(sim, token) as bot:
        await expect(bot.get("/user"), 200)
        sim.world.revoke(token)
        refused = await expect(bot.get("/user"), 401)
        assert refused["message"] == "Bad credentials"
        await expect(bot.get("/repos/acme/widgets"), 401)
        assert (await bot.post("/graphql", json={"query": "{ viewer { login } }"})).status_code == 401


async def test_graphql_changes_nothing_without_the_scope_or_the_permission(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    change = 'mutation($id: ID!) { addComment(input: {subjectId: $id, body: "Hello"}) { clientMutationId } }'
    variables = {"id": f"I_sim{issue.issue.id}"}
    narrow = await ask_as(sim, sim.world.token("prow-bot", scopes=["read:org"]), change, variables)
    assert narrow["errors"][0]["type"] == "INSUFFICIENT_SCOPES"
    app = await ask_as(sim, installed(sim, "pusher", {"contents": "write"}), change, variables)
    assert app["errors"][0]["message"] == "Resource not accessible by integration"
    assert "errors" not in await ask_as(sim, installed(sim, "talker", {"issues": "write"}), change, variables)
    assert [comment.user.login for comment in issue.comments] == ["talker[bot]"]


async def test_a_fine_grained_token_is_for_repositories_of_one_owner_and_for_what_was_ticked(
    sim: Sim, repo: RepoStory
) -> None:
    secret = await RepoStory.create(sim, "acme/secret", files={"a": "b"})
    other = await RepoStory.create(sim, "acme/other", files={"a": "b"})
    foreign = await RepoStory.create(sim, "globex/gears", files={"a": "b"})
    secret.repo.private = other.repo.private = True
    for story in (secret, other, foreign):
        story.collaborator("prow-bot", "write")
    token = sim.world.fine_token("prow-bot", "acme", {"issues": "write"}, repos=[secret.repo, repo.repo])
    refusal = "Resource not accessible by personal access token"
    async with bearer(sim, token) as bot:
        made = await expect(bot.post("/repos/acme/secret/issues", json={"title": "Help"}), 201)
        assert made["user"]["login"] == "prow-bot"
        answer = await bot.post(f"/repos/acme/secret/statuses/{await secret.tip()}", json={"state": "success"})
        assert (answer.status_code, answer.json()["message"]) == (403, refusal)
        assert answer.headers["x-accepted-github-permissions"] == "statuses=write"
        assert "x-oauth-scopes" not in answer.headers
        await expect(bot.get("/repos/acme/other"), 404)
        await expect(bot.get("/repos/globex/gears/issues"), 200)
        there = await expect(bot.post("/repos/globex/gears/issues", json={"title": "Help"}), 403)
        assert there["message"] == refusal, "what is public it reads like everybody, and no more"
        assert (await expect(bot.get("/user"), 200))["login"] == "prow-bot"
        assert (await expect(bot.get("/orgs/acme/teams"), 403))["message"] == refusal
        assert (await expect(bot.get("/orgs/acme/members"), 200)) == []
        await expect(bot.post("/user/repos", json={"name": "mine"}), 403)
        await expect(bot.post("/repos/acme/widgets/forks"), 403)


async def test_a_fine_grained_token_allows_no_more_than_its_user_may(sim: Sim, repo: RepoStory) -> None:
    everything = {"administration": "write", "contents": "write", "members": "write", "pull_requests": "write"}
    token = sim.world.fine_token("prow-bot", "acme", everything)
    async with bearer(sim, token) as bot:
        refused = await expect(bot.put("/repos/acme/widgets/branches/main/protection", json={}), 403)
        assert refused["message"] == "Must have admin rights to Repository."
        assert {one["login"] for one in await expect(bot.get("/orgs/acme/members"), 200)} == {"wernher", "prow-bot"}
        await expect(bot.put("/orgs/acme/memberships/mia"), 403)
        file = {"message": "Add", "content": "YQ=="}
        await expect(bot.put("/repos/acme/widgets/contents/a.txt", json=file), 201)


async def test_graphql_keeps_what_a_token_was_narrowed_to(sim: Sim, repo: RepoStory) -> None:
    other = await RepoStory.create(sim, "acme/other", files={"a": "b"})
    other.collaborator("prow-bot", "write")
    here, there = await repo.open_issue("mia", title="Here"), await other.open_issue("mia", title="There")
    token = sim.world.fine_token("prow-bot", "acme", {"issues": "write"}, repos=[repo.repo])
    change = "mutation($id: ID!) { closeIssue(input: {issueId: $id}) { issue { state } } }"
    closed = await ask_as(sim, token, change, {"id": f"I_sim{here.issue.id}"})
    assert closed["data"]["closeIssue"]["issue"]["state"] == "CLOSED"
    refused = await ask_as(sim, token, change, {"id": f"I_sim{there.issue.id}"})
    assert refused["errors"][0]["type"] == "FORBIDDEN"
    reading = sim.world.fine_token("prow-bot", "acme", {"issues": "read"})
    refused = await ask_as(sim, reading, change, {"id": f"I_sim{there.issue.id}"})
    assert refused["errors"][0]["message"] == "Resource not accessible by personal access token"


async def test_a_token_tells_when_it_ends_and_then_it_does(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with simulated(tmp_path, clock=clock) as sim:
        ends = clock.now() + timedelta(days=30)
        async with bearer(sim, sim.world.fine_token("mia", "mia", {}, expires=ends)) as mia:
            answer = await mia.get("/user")
            told = answer.headers["github-authentication-token-expiration"]
            assert datetime.strptime(told, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) == ends.replace(microsecond=0)
            await clock.sleep(31 * 86_400)
            assert (await expect(mia.get("/user"), 401))["message"] == "Bad credentials"


async def test_git_takes_a_fine_grained_token_where_contents_were_ticked(sim: Sim, repo: RepoStory) -> None:
    writing = sim.world.fine_token("prow-bot", "acme", {"contents": "write"}, repos=[repo.repo])
    reading = sim.world.fine_token("prow-bot", "acme", {"contents": "read"})
    other = await RepoStory.create(sim, "acme/other", files={"a": "b"})
    other.collaborator("prow-bot", "write")
    for token, name, status in ((writing, "widgets", 200), (reading, "widgets", 403), (writing, "other", 403)):
        async with bearer(sim, token) as git:
            asked = await git.get(f"/acme/{name}.git/info/refs?service=git-receive-pack")
            assert asked.status_code == status, (name, asked.text)
