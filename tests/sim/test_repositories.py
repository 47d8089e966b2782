"""Repositories: made, forked, renamed, archived, deleted; empty ones; branches by name."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import bearer, expect, installed
from tests.sim.support import Events, client, shown

PLACE = "/repos/acme/widgets"


async def test_a_repository_is_made_in_an_organisation_or_for_oneself(sim: Sim) -> None:
    async with client(sim, "wernher") as wernher, client(sim, "mia") as mia, client(sim) as nobody:
        wanted = {"name": "engine", "description": "Goes up", "private": True, "auto_init": True}
        made = await expect(wernher.post("/orgs/acme/repos", json=wanted), 201)
        assert (made["full_name"], made["description"], made["visibility"]) == ("acme/engine", "Goes up", "private")
        taken = await expect(wernher.post("/orgs/acme/repos", json=wanted), 422)
        assert taken["errors"][0]["message"] == "name already exists on this account"
        await expect(mia.post("/orgs/acme/repos", json={"name": "x"}), 404)
        own = await expect(mia.post("/user/repos", json={"name": "notes"}), 201)
        assert (own["owner"]["login"], own["permissions"]["admin"]) == ("mia", True)
        await expect(nobody.get("/repos/acme/engine"), 404)
        assert [r["name"] for r in await expect(nobody.get("/users/mia/repos"), 200)] == ["notes"]
        assert [r["name"] for r in await expect(mia.get("/user/repos"), 200)] == ["notes"]
        readme = await expect(wernher.get("/repos/acme/engine/readme"), 200)
        assert readme["path"] == "README.md"


async def test_an_empty_repository_says_so(sim: Sim) -> None:
    async with client(sim, "mia") as mia:
        await expect(mia.post("/user/repos", json={"name": "void"}), 201)
        assert await expect(mia.get("/repos/mia/void/branches"), 200) == []
        for path in ("commits", "git/ref/heads/main", "git/trees/main"):
            assert (await expect(mia.get(f"/repos/mia/void/{path}"), 409))["message"] == "Git Repository is empty."
        assert (await expect(mia.get("/repos/mia/void/contents/a"), 404))["message"] == "This repository is empty."
        await expect(mia.get("/repos/mia/void/branches/main"), 404)
        made = await expect(
            mia.put("/repos/mia/void/contents/a.txt", json={"message": "Begin", "content": "eA=="}), 201
        )
        assert made["commit"]["parents"] == []
        assert [b["name"] for b in await expect(mia.get("/repos/mia/void/branches"), 200)] == ["main"]


async def test_a_fork_has_its_branches_a_little_later(sim: Sim, repo: RepoStory, events: Events) -> None:
    sim.world.fork_delay = 3600.0
    async with client(sim, "mia") as mia:
        made = await expect(mia.post(f"{PLACE}/forks", json={}), 202)
        assert (made["full_name"], made["fork"], made["parent"]["full_name"]) == ("mia/widgets", True, "acme/widgets")
        await expect(mia.get("/repos/mia/widgets/git/ref/heads/main"), 409)
    sim.world.fork_delay = 0.0
    async with client(sim, "ada") as ada:
        again = await expect(ada.post(f"{PLACE}/forks", json={"name": "gadgets"}), 202)
        assert again["full_name"] == "ada/gadgets"
        await sim.world.wait_until(lambda: bool(events.payloads("fork")), within=10)
        await expect(ada.get("/repos/ada/gadgets/git/ref/heads/main"), 200)
        same = await expect(ada.post(f"{PLACE}/forks", json={}), 202)
        assert same["full_name"] == "ada/gadgets"
        assert len(await expect(ada.get(f"{PLACE}/forks"), 200)) == 2
        assert (await expect(ada.get(PLACE), 200))["forks_count"] == 2


async def test_an_app_forks_only_into_organisations(sim: Sim, repo: RepoStory) -> None:
    sim.world.org("spare", members=["wernher"])
    async with bearer(sim, installed(sim, "forker", {"administration": "write"})) as app:
        await expect(app.post(f"{PLACE}/forks", json={}), 403)
    async with client(sim, "wernher") as wernher, client(sim, "mia") as mia:
        made = await expect(wernher.post(f"{PLACE}/forks", json={"organization": "spare"}), 202)
        assert made["owner"]["login"] == "spare"
        await expect(mia.post(f"{PLACE}/forks", json={"organization": "spare"}), 422)


async def test_an_old_name_leads_to_the_new_one(sim: Sim, repo: RepoStory, events: Events) -> None:
    repo.collaborator("wernher", "admin")
    issue = await repo.open_issue("mia", title="Help")
    async with client(sim, "wernher") as admin:
        renamed = await expect(admin.patch(PLACE, json={"name": "gadgets"}), 200)
        assert renamed["full_name"] == "acme/gadgets"
        moved = await admin.get(f"{PLACE}/issues/{issue.number}/comments?per_page=5")
        where = f"{sim.world.base}/repositories/{renamed['id']}/issues/{issue.number}/comments?per_page=5"
        assert (moved.status_code, moved.headers["location"], moved.json()["url"]) == (301, where, where)
        assert await expect(admin.get(where), 200) == []
        written = await admin.post(f"{PLACE}/issues/{issue.number}/comments", json={"body": "Hello"})
        assert written.status_code == 307
        said = await admin.post(written.headers["location"], json={"body": "Hello"})
        assert (said.status_code, said.json()["url"].split("/repos/")[1][:13]) == (201, "acme/gadgets/")
        await expect(admin.post("/orgs/acme/repos", json={"name": "widgets"}), 201)
        assert (await expect(admin.get(PLACE), 200))["id"] != renamed["id"]
    told = events.payloads("repository")[0]
    assert (told["action"], told["changes"]["repository"]["name"]["from"]) == ("renamed", "widgets")


async def test_what_is_archived_is_read_only(sim: Sim, repo: RepoStory, events: Events) -> None:
    repo.collaborator("wernher", "admin")
    issue = await repo.open_issue("mia", title="Help")
    async with client(sim, "wernher") as admin:
        await expect(admin.patch(PLACE, json={"archived": True}), 200)
        for method, path, body in (
            ("POST", f"{PLACE}/issues/{issue.number}/comments", {"body": "Hello"}),
            ("POST", f"{PLACE}/issues", {"title": "More"}),
            ("POST", f"{PLACE}/labels", {"name": "bug"}),
            ("PATCH", PLACE, {"description": "x"}),
        ):
            refused = await expect(admin.request(method, path, json=body), 403)
            assert refused["message"] == "Repository was archived so is read-only."
        await expect(admin.get(f"{PLACE}/issues"), 200)
        await expect(admin.patch(PLACE, json={"archived": False}), 200)
        await expect(admin.post(f"{PLACE}/labels", json={"name": "bug"}), 201)
    assert [p["action"] for p in events.payloads("repository")] == ["archived", "unarchived"]


async def test_a_deleted_repository_leaves_its_pull_requests_without_a_head(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    await pr.expect_mergeable()
    async with client(sim, "mia") as mia, client(sim, "prow-bot") as bot:
        await expect(bot.delete("/repos/mia/widgets"), 403)
        await expect(mia.delete("/repos/mia/widgets"), 204)
        await expect(mia.get("/repos/mia/widgets"), 404)
        orphan = await expect(bot.get(f"{PLACE}/pulls/{pr.number}"), 200)
        assert (orphan["state"], orphan["head"]["repo"], orphan["head"]["sha"]) == ("open", None, pr.head_sha)
        await expect(bot.put(f"{PLACE}/pulls/{pr.number}/merge", json={}), 200)
        assert await repo.file("new.txt") == "x\n"


async def test_a_default_branch_is_renamed_with_all_that_depends_on_it(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("wernher", "admin")
    repo.protect(contexts=["unit"])
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    async with client(sim, "wernher") as admin, client(sim, "prow-bot") as bot:
        await expect(bot.post(f"{PLACE}/branches/main/rename", json={"new_name": "trunk"}), 403)
        renamed = await expect(admin.post(f"{PLACE}/branches/main/rename", json={"new_name": "trunk"}), 201)
        assert (renamed["name"], renamed["protected"]) == ("trunk", True)
        assert (await expect(admin.get(PLACE), 200))["default_branch"] == "trunk"
        assert (await expect(bot.get(f"{PLACE}/pulls/{pr.number}"), 200))["base"]["ref"] == "trunk"
        moved = await bot.get(f"{PLACE}/branches/main")
        assert (moved.status_code, moved.headers["location"].endswith("/branches/trunk")) == (301, True)
        await expect(bot.get(f"{PLACE}/git/ref/heads/main"), 404)
        await expect(admin.patch(PLACE, json={"default_branch": "nothing"}), 422)


async def test_settings_are_told_to_those_who_may_push(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("wernher", "admin")
    async with client(sim, "wernher") as admin, client(sim, "mia") as mia:
        wanted = {"allow_squash_merge": False, "delete_branch_on_merge": True, "squash_merge_commit_title": "PR_TITLE"}
        changed = await expect(admin.patch(PLACE, json=wanted | {"has_wiki": True, "homepage": "https://x.y"}), 200)
        assert {key: changed[key] for key in wanted} == wanted
        seen = await expect(mia.get(PLACE), 200)
        assert (seen["has_wiki"], seen["homepage"], "allow_squash_merge" in seen) == (True, "https://x.y", False)
        none = {"allow_squash_merge": False, "allow_merge_commit": False, "allow_rebase_merge": False}
        await expect(admin.patch(PLACE, json=none), 422)


async def test_a_merged_branch_is_deleted_where_that_is_wanted(sim: Sim, repo: RepoStory) -> None:
    repo.repo.delete_branch_on_merge = True
    pr = await repo.open_pull_request(
        "wernher", title="Fix it", files={"new.txt": "x\n"}, branch="fix", from_fork=False
    )
    await pr.expect_mergeable()
    await pr.merge("prow-bot")
    await sim.world.wait_until(lambda: "head_ref_deleted" in [e.event for e in pr.issue.events], within=10)
    assert await repo.tip("fix") == ""


async def test_refs_are_made_moved_and_deleted_by_rest(sim: Sim, repo: RepoStory) -> None:
    first = await repo.tip()
    second = await repo.push("wernher", {"a": "a"})
    refs = f"{PLACE}/git/refs"
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        await expect(mia.post(refs, json={"ref": "refs/heads/x", "sha": first}), 403)
        made = await expect(bot.post(refs, json={"ref": "refs/heads/topic/x", "sha": first}), 201)
        assert made["object"]["sha"] == first
        await expect(bot.post(refs, json={"ref": "refs/heads/topic/x", "sha": first}), 422)
        await expect(bot.post(refs, json={"ref": "refs/heads/y", "sha": "0" * 39 + "1"}), 422)
        await expect(bot.patch(f"{refs}/heads/topic/x", json={"sha": second}), 200)
        back = await expect(bot.patch(f"{refs}/heads/topic/x", json={"sha": first}), 422)
        assert back["message"] == "Update is not a fast forward"
        await expect(bot.patch(f"{refs}/heads/topic/x", json={"sha": first, "force": True}), 200)
        found = await expect(bot.get(f"{PLACE}/git/matching-refs/heads/topic"), 200)
        assert [r["ref"] for r in found] == ["refs/heads/topic/x"]
        await expect(bot.delete(f"{refs}/heads/topic/x"), 204)
        await expect(bot.delete(f"{refs}/heads/topic/x"), 422)
        repo.protect(reviews=1)
        await expect(bot.patch(f"{refs}/heads/main", json={"sha": first, "force": True}), 422)
        await expect(bot.delete(f"{refs}/heads/main"), 422)


async def test_the_words_of_merges_are_those_that_the_repository_wants(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("wernher", "admin")

    async def merged(method: str, **settings: str) -> str:
        async with client(sim, "wernher") as admin:
            await expect(admin.patch(PLACE, json=settings), 200)
        pr = await repo.open_pull_request("mia", title="Fix", body="Because.", files={f"{len(repo.repo.issues)}": "x"})
        await pr.push({"more": str(pr.number)}, message="More")
        await pr.expect_mergeable()
        await pr.merge("prow-bot", method)
        return await shown(repo.repo, "main", "%B")

    assert await merged("squash") == "Fix (#1)\n\n* Fix\n\n* More"
    blank = {"squash_merge_commit_message": "BLANK"}
    assert await merged("squash", **blank) == "Fix (#2)"
    assert await merged("squash", squash_merge_commit_message="PR_BODY") == "Fix (#3)\n\nBecause."
    assert (
        await merged("merge", merge_commit_title="PR_TITLE", merge_commit_message="PR_BODY") == "Fix (#4)\n\nBecause."
    )
    async with client(sim, "wernher") as admin:
        await expect(admin.patch(PLACE, json={"merge_commit_title": "ODD"}), 422)


async def test_whoever_else_wrote_commits_is_named_in_the_squashed_one(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix", files={"a": "a"}, branch="fix", from_fork=False)
    await repo.push("ada", {"b": "b"}, branch="fix", message="More")
    await pr.expect_mergeable()
    await pr.merge("prow-bot", "squash")
    told = await shown(repo.repo, "main", "%an|%B")
    assert told.startswith("mia|Fix (#1)")
    assert told.endswith("Co-authored-by: ada <ada@users.noreply.example>")


async def test_topics_are_short_words_and_a_change_of_them_is_told(sim: Sim, repo: RepoStory, events: Events) -> None:
    repo.collaborator("boss", "admin")
    async with client(sim, "boss") as boss:
        await expect(boss.put("/repos/acme/widgets/topics", json={"names": ["wheels", "space-age"]}), 200)
        refused = await expect(boss.put("/repos/acme/widgets/topics", json={"names": ["Big Wheels"]}), 422)
        assert refused["errors"][0].startswith("Topics must start with")
        assert await expect(boss.get("/repos/acme/widgets/topics"), 200) == {"names": ["wheels", "space-age"]}
    assert events.payloads("repository")[0]["changes"] == {"topics": {"from": []}}
