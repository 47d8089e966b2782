"""Releases: drafts, tags, the newest, notes, and the files that belong to them."""

from __future__ import annotations

from prow.sim.gitrepo import resolve
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import expect
from tests.sim.support import Events, ask, client

AT = "/repos/acme/widgets/releases"


async def test_a_release_makes_its_tag_and_is_told(sim: Sim, repo: RepoStory, events: Events) -> None:
    async with client(sim, "prow-bot") as bot, client(sim) as nobody:
        made = await expect(bot.post(AT, json={"tag_name": "v1", "name": "One", "body": "First."}), 201)
        assert await resolve(repo.repo.path, "refs/tags/v1") == await repo.tip()
        assert made["upload_url"] == f"{made['url']}/assets{{?name,label}}"
        for path in ("/latest", "/tags/v1", f"/{made['id']}"):
            assert (await expect(nobody.get(AT + path), 200))["id"] == made["id"]
        assert [one["id"] for one in await expect(nobody.get(AT), 200)] == [made["id"]]
        again = await expect(bot.post(AT, json={"tag_name": "v1"}), 422)
        assert again["errors"] == [{"resource": "Release", "field": "tag_name", "code": "already_exists"}]
        await expect(bot.delete(f"{AT}/{made['id']}"), 204)
        assert await expect(nobody.get(AT), 200) == []
    assert await resolve(repo.repo.path, "refs/tags/v1") is not None
    told = [action for name, action in events.names if name == "release"]
    assert told == ["created", "published", "released", "deleted"]
    assert events.payloads("release")[0]["release"]["draft"] is False


async def test_a_draft_is_seen_by_those_who_may_write_and_has_no_tag_yet(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot, client(sim, "stranger") as stranger:
        made = await expect(bot.post(AT, json={"tag_name": "v1", "draft": True}), 201)
        assert (made["draft"], made["published_at"]) == (True, None)
        assert await resolve(repo.repo.path, "refs/tags/v1") is None
        assert await expect(stranger.get(AT), 200) == []
        await expect(stranger.get(f"{AT}/{made['id']}"), 404)
        await expect(bot.get(f"{AT}/latest"), 404)
        await expect(stranger.post(AT, json={"tag_name": "v2"}), 403)
        done = await expect(bot.patch(f"{AT}/{made['id']}", json={"draft": False, "body": "Now."}), 200)
        assert (done["draft"], done["body"]) == (False, "Now.")
        assert len(await expect(stranger.get(AT), 200)) == 1
    assert await resolve(repo.repo.path, "refs/tags/v1") == await repo.tip()


async def test_the_newest_is_no_prerelease_and_may_be_chosen(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        for about in (
            {"tag_name": "v1"},
            {"tag_name": "v0.9", "make_latest": "false"},
            {"tag_name": "v2", "prerelease": True},
        ):
            await expect(bot.post(AT, json=about), 201)
        assert (await expect(bot.get(f"{AT}/latest"), 200))["tag_name"] == "v1"
        assert [one["tag_name"] for one in await expect(bot.get(AT), 200)] == ["v2", "v0.9", "v1"]


async def test_a_tag_is_made_of_the_branch_that_is_named_or_not_at_all(sim: Sim, repo: RepoStory) -> None:
    tip = await repo.push("mia", {"a": "1"}, branch="old")
    async with client(sim, "prow-bot") as bot:
        await expect(bot.post(AT, json={"tag_name": "v0", "target_commitish": "old"}), 201)
        assert await resolve(repo.repo.path, "refs/tags/v0") == tip
        refused = await expect(bot.post(AT, json={"tag_name": "v1", "target_commitish": "gone"}), 422)
        assert refused["errors"][0]["field"] == "target_commitish"
        assert len(await expect(bot.get(AT), 200)) == 1


async def test_notes_name_what_was_merged_since_the_release_before(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("boss", "admin")
    first = await repo.open_pull_request("mia", title="First", files={"a": "1"})
    await first.expect_mergeable()
    await first.merge("boss")
    async with client(sim, "prow-bot") as bot:
        made = await expect(bot.post(AT, json={"tag_name": "v1", "generate_release_notes": True}), 201)
        assert "* First by @mia in " in made["body"]
        second = await repo.open_pull_request("mia", title="Second", files={"b": "1"})
        await second.expect_mergeable()
        await second.merge("boss")
        notes = await expect(bot.post(f"{AT}/generate-notes", json={"tag_name": "v2"}), 200)
    assert "* Second by @mia" in notes["body"]
    assert "First" not in notes["body"]
    assert notes["body"].endswith("/acme/widgets/compare/v1...v2")


async def test_files_are_uploaded_listed_fetched_renamed_and_deleted(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot, client(sim) as nobody:
        release = await expect(bot.post(AT, json={"tag_name": "v1"}), 201)
        place = f"{AT}/{release['id']}/assets"
        kind = {"Content-Type": "application/zip"}
        asset = await expect(bot.post(f"{place}?name=a.zip&label=All", content=b"PK\0\1", headers=kind), 201)
        assert (asset["size"], asset["content_type"], asset["label"]) == (4, "application/zip", "All")
        again = await expect(bot.post(f"{place}?name=a.zip", content=b"x", headers=kind), 422)
        assert again["errors"][0]["code"] == "already_exists"
        got = await nobody.get(f"{AT}/assets/{asset['id']}", headers={"Accept": "application/octet-stream"})
        assert (got.content, got.headers["content-type"]) == (b"PK\0\1", "application/octet-stream")
        (listed,) = await expect(nobody.get(place), 200)
        assert listed["download_count"] == 1
        assert listed["digest"].startswith("sha256:")
        renamed = await expect(bot.patch(f"{AT}/assets/{asset['id']}", json={"name": "b.zip"}), 200)
        assert renamed["browser_download_url"].endswith("/releases/download/v1/b.zip")
        await expect(bot.delete(f"{AT}/assets/{asset['id']}"), 204)
        assert (await expect(nobody.get(f"{AT}/tags/v1"), 200))["assets"] == []


async def test_people_react_to_a_release(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        release = await expect(bot.post(AT, json={"tag_name": "v1"}), 201)
        await expect(bot.post(f"{AT}/{release['id']}/reactions", json={"content": "rocket"}), 201)
        assert (await expect(bot.get(f"{AT}/{release['id']}"), 200))["reactions"]["rocket"] == 1


async def test_graphql_tells_of_releases_too(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        for about in ({"tag_name": "v1", "name": "One"}, {"tag_name": "v2", "draft": True}):
            release = await expect(bot.post(AT, json=about), 201)
        await expect(bot.post(f"{AT}/{release['id']}/assets?name=two.txt", content=b"two"), 201)
    query = """{repository(owner: "acme", name: "widgets") {
        latestRelease { tagName isLatest tagCommit { oid } }
        release(tagName: "v1") { name url }
        releases(first: 5) { totalCount nodes { tagName isDraft releaseAssets(first: 3) { nodes { name size } } } }
    }}"""
    told = (await ask(sim, query))["data"]["repository"]
    assert told["latestRelease"] == {"tagName": "v1", "isLatest": True, "tagCommit": {"oid": await repo.tip()}}
    assert told["release"]["url"].endswith("/acme/widgets/releases/tag/v1")
    drafts = [one["tagName"] for one in told["releases"]["nodes"] if one["isDraft"]]
    assert drafts == ["v2"]
    assert [one["releaseAssets"]["nodes"] for one in told["releases"]["nodes"]] == [
        [{"name": "two.txt", "size": 3}],
        [],
    ]
    strange = (await ask(sim, query, login="stranger"))["data"]["repository"]
    assert strange["releases"]["totalCount"] == 1
