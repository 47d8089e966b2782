"""Merges without a pull request: a branch into a branch, a fork brought up to its source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from prow.sim.server import Sim
from prow.sim.state import Protection, Repo
from prow.sim.verbs import RepoStory
from prow.sim.world import World
from tests.sim.callers import expect
from tests.sim.support import Events, ask, client, history, simulated

MERGES = "/repos/acme/widgets/merges"


async def test_a_branch_is_merged_into_another(sim: Sim, repo: RepoStory, events: Events) -> None:
    await repo.push("mia", {"a": "a"}, branch="topic", message="Topic")
    await repo.push("mia", {"b": "b"}, message="Main")
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        await expect(mia.post(MERGES, json={"base": "main", "head": "topic"}), 403)
        made = await expect(bot.post(MERGES, json={"base": "main", "head": "topic"}), 201)
        assert (made["commit"]["message"], len(made["parents"])) == ("Merge topic into main", 2)
        assert (await history(repo.repo))[0] == "Merge topic into main"
        assert events.payloads("push")[-1]["after"] == made["sha"]
        assert (await bot.post(MERGES, json={"base": "main", "head": "topic"})).status_code == 204
        missing = await expect(bot.post(MERGES, json={"base": "main", "head": "gone"}), 404)
        assert missing["message"] == "Head does not exist"
        await expect(bot.post(MERGES, json={"base": "gone", "head": "main"}), 404)
        await repo.push("mia", {"a": "other"}, branch="clash", start=f"{made['sha']}~1", message="Clash")
        refused = await expect(bot.post(MERGES, json={"base": "main", "head": "clash"}), 409)
        assert refused["message"] == "Merge conflict"
        repo.protect(reviews=1)
        await repo.push("mia", {"c": "c"}, branch="more")
        await expect(bot.post(MERGES, json={"base": "main", "head": "more"}), 422)


async def test_a_fork_is_brought_up_to_its_source(sim: Sim, repo: RepoStory) -> None:
    fork = RepoStory(sim, await sim.world.fork(repo.repo, "mia"))
    path = "/repos/mia/widgets/merge-upstream"
    async with client(sim, "mia") as mia, client(sim, "prow-bot") as bot:
        await expect(bot.post(path, json={"branch": "main"}), 403)
        await expect(bot.post("/repos/acme/widgets/merge-upstream", json={"branch": "main"}), 422)
        same = await expect(mia.post(path, json={"branch": "main"}), 200)
        assert (same["merge_type"], same["base_branch"]) == ("none", "acme:main")
        tip = await repo.push("wernher", {"a": "a"})
        assert (await expect(mia.post(path, json={"branch": "main"}), 200))["merge_type"] == "fast-forward"
        assert await fork.tip() == tip
        await fork.push("mia", {"mine": "x"})
        await repo.push("wernher", {"b": "b"})
        assert (await expect(mia.post(path, json={"branch": "main"}), 200))["merge_type"] == "merge"
        assert (await fork.file("b"), await fork.file("mine")) == ("b", "x")
        await fork.push("mia", {"a": "mine"})
        await repo.push("wernher", {"a": "theirs"})
        refused = await expect(mia.post(path, json={"branch": "main"}), 409)
        assert refused["message"] == "There are merge conflicts"
        await expect(mia.post(path, json={"branch": "gone"}), 404)


class Ruled(World):
    """A GitHub with one more rule for branches, as a ruleset would bring it: linear history, and a check."""

    def protection_of(self, repo: Repo, branch: str) -> Protection | None:
        found = super().protection_of(repo, branch) or Protection()
        return replace(found, linear=True, contexts=(*(found.contexts or ()), "ruleset/lint"))


@pytest.mark.parametrize("protected", [False, True])
async def test_what_else_binds_a_branch_is_kept_wherever_protection_is(tmp_path: Path, *, protected: bool) -> None:
    async with simulated(tmp_path, world=Ruled) as sim:
        repo = await RepoStory.create(sim, "acme/widgets", files={"a": "b"})
        repo.collaborator("wernher", "write")
        if protected:
            repo.protect(contexts=["unit"])
        pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x"})
        await pr.expect_mergeable()
        await pr.set_status("unit", "success")
        query = '{ repository(owner: "acme", name: "widgets") { pullRequest(number: 1) { mergeStateStatus } } }'
        async with client(sim, "wernher") as bot:
            branch = await expect(bot.get("/repos/acme/widgets/branches/main"), 200)
            assert "ruleset/lint" in branch["protection"]["required_status_checks"]["contexts"]
            assert (await expect(bot.get("/repos/acme/widgets/pulls/1"), 200))["mergeable_state"] == "blocked"
            state = (await ask(sim, query, login="wernher"))["data"]["repository"]["pullRequest"]["mergeStateStatus"]
            assert state == "BLOCKED"
            refused = await expect(bot.put("/repos/acme/widgets/pulls/1/merge", json={"merge_method": "squash"}), 405)
            assert "ruleset/lint" in refused["message"] or "required status checks" in refused["message"]
            pushed = await bot.patch("/repos/acme/widgets/git/refs/heads/main", json={"sha": pr.head_sha})
            assert pushed.status_code == 422
            await pr.set_status("ruleset/lint", "success")
            await expect(bot.put("/repos/acme/widgets/pulls/1/merge"), 405)
            await expect(bot.put("/repos/acme/widgets/pulls/1/merge", json={"merge_method": "squash"}), 200)
