"""Pull requests: when they cannot be opened, reopened or updated, what closes them, and in which forms they are shown."""

from __future__ import annotations

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.callers import expect
from tests.sim.support import Events, client

PLACE = "/repos/acme/widgets"


@pytest.fixture
async def pr(repo: RepoStory) -> PullStory:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"}, branch="fix")
    await pr.expect_mergeable()
    return pr


async def test_there_is_one_open_pull_request_for_a_head_and_a_base(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    body = {"title": "Again", "head": "mia:fix", "base": "main"}
    async with client(sim, "mia") as mia:
        refused = await expect(mia.post(f"{PLACE}/pulls", json=body), 422)
        assert refused["errors"][0]["message"] == "A pull request already exists for mia:fix."
        await pr.close("mia")
        await expect(mia.post(f"{PLACE}/pulls", json=body), 201)
        again = await expect(mia.patch(f"{PLACE}/pulls/{pr.number}", json={"state": "open"}), 422)
        assert again["errors"][0]["message"] == (
            "state cannot be changed. There is already an open pull request from fix to main."
        )


async def test_what_brings_nothing_is_no_pull_request(sim: Sim, repo: RepoStory) -> None:
    await sim.world.move_ref(
        repo.repo, sim.world.identify(sim.world.token("prow-bot")), "refs/heads/same", await repo.tip()
    )
    async with client(sim, "prow-bot") as bot:
        refused = await expect(bot.post(f"{PLACE}/pulls", json={"title": "x", "head": "same", "base": "main"}), 422)
        assert refused["errors"][0]["message"] == "No commits between main and same"
        for wrong in (
            {"head": "none", "base": "main"},
            {"head": "same", "base": "none"},
            {"head": "nobody:x", "base": "main"},
        ):
            await expect(bot.post(f"{PLACE}/pulls", json={"title": "x"} | wrong), 422)


async def test_what_was_deleted_or_forced_meanwhile_is_not_reopened(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    path = f"{PLACE}/pulls/{pr.number}"
    async with client(sim, "mia") as mia:

        async def why() -> str:
            refused = await expect(mia.patch(path, json={"state": "open"}), 422)
            return str(refused["errors"][0]["message"])

        await pr.close("mia")
        await pr.force_push({"other.txt": "x\n"})
        assert await why() == "state cannot be changed. The fix branch was force-pushed or recreated."
        await expect(mia.delete("/repos/mia/widgets/git/refs/heads/fix"), 204)
        assert await why() == "state cannot be changed. The fix branch has been deleted."
        await expect(mia.delete("/repos/mia/widgets"), 204)
        assert await why() == (
            "state cannot be changed. The repository that submitted this pull request has been deleted."
        )


async def test_a_deleted_base_closes_what_was_to_be_merged_into_it(sim: Sim, repo: RepoStory) -> None:
    await repo.push("wernher", {"a": "a"}, branch="release")
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"}, base="release")
    async with client(sim, "prow-bot") as bot:
        await expect(bot.delete(f"{PLACE}/git/refs/heads/release"), 204)
        assert pr.issue.state == "closed"
        refused = await expect(bot.patch(f"{PLACE}/pulls/{pr.number}", json={"state": "open"}), 422)
        assert "The release branch has been deleted." in refused["errors"][0]["message"]


async def test_a_deleted_head_closes_it(sim: Sim, pr: PullStory, events: Events) -> None:
    async with client(sim, "mia") as mia:
        await expect(mia.delete("/repos/mia/widgets/git/refs/heads/fix"), 204)
    assert (pr.issue.state, [e.event for e in pr.issue.events]) == ("closed", ["head_ref_deleted", "closed"])
    assert events.names[-1] == ("pull_request", "closed")


async def test_commits_that_reach_the_base_by_a_push_merge_it(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    async with client(sim, "prow-bot") as bot:
        await expect(bot.patch(f"{PLACE}/git/refs/heads/main", json={"sha": pr.head_sha}), 200)
        told = await expect(bot.get(f"{PLACE}/pulls/{pr.number}"), 200)
        assert (told["merged"], told["state"], told["merge_commit_sha"]) == (True, "closed", pr.head_sha)
        again = await expect(bot.patch(f"{PLACE}/pulls/{pr.number}", json={"state": "open"}), 422)
        assert again["message"] == "Validation Failed"


async def test_its_branch_is_updated_soon(sim: Sim, repo: RepoStory, pr: PullStory, events: Events) -> None:
    path, before = f"{PLACE}/pulls/{pr.number}/update-branch", pr.head_sha
    async with client(sim, "prow-bot") as bot, client(sim, "ada") as ada:
        nothing = await expect(bot.put(path, json={}), 422)
        assert nothing["message"] == "There are no new commits on the base branch."
        await repo.push("wernher", {"other.txt": "y\n"})
        await expect(ada.put(path, json={}), 403)
        await expect(bot.put(path, json={"expected_head_sha": "0" * 40}), 422)
        await expect(bot.put(path, json={"expected_head_sha": before}), 202)
        await pr.wait_for(lambda p: p.head_sha != before, "a new head")
        commits = await expect(bot.get(f"{PLACE}/pulls/{pr.number}/commits"), 200)
        assert [c["commit"]["message"] for c in commits] == ["Fix it", "Merge branch 'main' into fix"]
        await repo.push("wernher", {"new.txt": "other\n"})
        await pr.expect_conflict()
        assert "conflict" in (await expect(bot.put(path, json={}), 422))["message"]
    assert [p["action"] for p in events.payloads("pull_request")][-1] == "synchronize"


async def test_it_is_shown_as_a_difference_and_as_patches(sim: Sim, pr: PullStory) -> None:
    path = f"{PLACE}/pulls/{pr.number}"
    async with client(sim) as nobody:
        diff = await nobody.get(path, headers={"Accept": "application/vnd.github.v3.diff"})
        assert diff.text.startswith("diff --git a/new.txt b/new.txt")
        patch = await nobody.get(path, headers={"Accept": "application/vnd.github.patch"})
        assert "From: mia <mia@users.noreply.example>" in patch.text
        assert diff.headers["content-type"].startswith("application/vnd.github.diff")


async def test_a_difference_may_be_too_large_to_show(sim: Sim, repo: RepoStory) -> None:
    files = {f"f{n}.txt": "x\n" for n in range(301)}
    pr = await repo.open_pull_request("mia", title="Many", files=files)
    async with client(sim) as nobody:
        refused = await nobody.get(f"{PLACE}/pulls/{pr.number}", headers={"Accept": "application/vnd.github.diff"})
        assert refused.status_code == 406
        assert "exceeded the maximum number of files (300)" in refused.json()["message"]
        assert (await expect(nobody.get(f"{PLACE}/pulls/{pr.number}"), 200))["changed_files"] == 301


async def test_of_many_files_and_commits_githubs_numbers_are_shown(sim: Sim, repo: RepoStory) -> None:
    files = {f"d{n // 100}/f{n}.txt": "x\n" for n in range(3010)}
    pr = await repo.open_pull_request("mia", title="Many", files=files)
    async with client(sim) as nobody:
        pages = [
            await expect(nobody.get(f"{PLACE}/pulls/{pr.number}/files?per_page=100&page={page}"), 200)
            for page in (1, 30, 31)
        ]
    assert [len(page) for page in pages] == [100, 100, 0]


async def test_maintainers_may_push_to_a_fork_unless_its_owner_says_no(
    sim: Sim, repo: RepoStory, pr: PullStory
) -> None:
    await repo.push("wernher", {"other.txt": "y\n"})
    async with client(sim, "mia") as mia, client(sim, "prow-bot") as bot:
        path = f"{PLACE}/pulls/{pr.number}"
        assert (await expect(bot.get(path), 200))["maintainer_can_modify"] is True
        await expect(mia.patch(path, json={"maintainer_can_modify": False}), 200)
        await expect(bot.put(f"{path}/update-branch", json={}), 403)


async def test_its_base_is_changed_and_its_head_is_what_it_was(
    sim: Sim, repo: RepoStory, pr: PullStory, events: Events
) -> None:
    await repo.push("wernher", {"a": "a"}, branch="release")
    async with client(sim, "mia") as mia:
        changed = await expect(mia.patch(f"{PLACE}/pulls/{pr.number}", json={"base": "release"}), 200)
        assert (changed["base"]["ref"], changed["mergeable"]) == ("release", None)
        await expect(mia.patch(f"{PLACE}/pulls/{pr.number}", json={"base": "none"}), 422)
    told = events.payloads("pull_request")[-1]
    assert (told["action"], told["changes"]["base"]["ref"]["from"]) == ("edited", "main")


async def test_lists_are_narrowed_by_head_and_base(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    await repo.open_pull_request("ada", title="Other", files={"b": "b"})
    async with client(sim) as nobody:

        async def numbers(query: str) -> list[int]:
            return [p["number"] for p in await expect(nobody.get(f"{PLACE}/pulls?{query}"), 200)]

        assert await numbers("head=mia:fix") == [pr.number]
        assert await numbers("head=ada:fix") == await numbers("base=none") == await numbers("state=closed") == []
        assert await numbers("base=main&sort=created&direction=asc") == [1, 2]
        found = await expect(nobody.get(f"{PLACE}/commits/{pr.head_sha}/pulls"), 200)
        assert [p["number"] for p in found] == [pr.number]
