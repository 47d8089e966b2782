"""Auto-merge, and other mutations that move branches."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from prow.sim.errors import Refused
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.callers import expect
from tests.sim.support import Events, ask, client
from tests.sim.test_state import kept

ENABLE = 'mutation($id: ID!) {enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: SQUASH, commitHeadline: "Done"}) {pullRequest {autoMergeRequest {enabledBy {login} mergeMethod commitHeadline}}}}'
DISABLE = "mutation($id: ID!) {disablePullRequestAutoMerge(input: {pullRequestId: $id}) {pullRequest {autoMergeRequest {mergeMethod}}}}"


@pytest.fixture
async def pr(repo: RepoStory) -> PullStory:
    """It waits for a check."""
    repo.protect(contexts=["unit"])
    repo.repo.settings["allow_auto_merge"] = True
    pr = await repo.open_pull_request("mia", title="Fix", files={"a": "1"})
    await pr.expect_mergeable()
    return pr


async def mutated(sim: Sim, mutation: str, pr: PullStory, *, login: str = "prow-bot") -> Any:
    return await ask(sim, mutation, {"id": f"PR_sim{pr.issue.id}"}, login=login)


async def test_it_is_merged_when_the_last_condition_holds(
    sim: Sim, repo: RepoStory, pr: PullStory, events: Events
) -> None:
    told = (await mutated(sim, ENABLE, pr))["data"]["enablePullRequestAutoMerge"]["pullRequest"]["autoMergeRequest"]
    assert told == {"enabledBy": {"login": "prow-bot"}, "mergeMethod": "SQUASH", "commitHeadline": "Done"}
    async with client(sim) as nobody:
        shown = await expect(nobody.get(f"/repos/acme/widgets/pulls/{pr.number}"), 200)
        assert (shown["auto_merge"]["merge_method"], shown["auto_merge"]["commit_title"]) == ("squash", "Done")
    await pr.set_status("unit", "pending")
    pr.expect_not_merged()
    await pr.set_status("unit", "success")
    await pr.expect_merged()
    assert pr.issue.pull is not None
    assert pr.issue.pull.merged_by is sim.world.user("prow-bot")
    assert ("pull_request", "auto_merge_enabled") in events.names


async def test_it_is_not_taken_where_it_is_not_allowed_or_not_needed(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    assert (await mutated(sim, ENABLE, pr, login="stranger"))["errors"][0]["type"] == "FORBIDDEN"
    repo.repo.settings["allow_auto_merge"] = False
    refused = (await mutated(sim, ENABLE, pr))["errors"][0]["message"]
    assert refused == "Auto merge is not allowed for this repository"
    repo.repo.settings["allow_auto_merge"] = True
    await pr.set_status("unit", "success")
    assert (await mutated(sim, ENABLE, pr))["errors"][0]["message"] == "Pull request is in clean status"


async def test_it_is_taken_back_by_the_author_and_by_a_push_of_somebody_else(
    sim: Sim, repo: RepoStory, pr: PullStory
) -> None:
    await mutated(sim, ENABLE, pr)
    told = await mutated(sim, DISABLE, pr, login="mia")
    assert told["data"]["disablePullRequestAutoMerge"]["pullRequest"]["autoMergeRequest"] is None
    assert "errors" in await mutated(sim, DISABLE, pr, login="mia")
    await pr.set_status("unit", "success")
    pr.expect_not_merged()


async def test_what_is_closed_waits_no_longer(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    await sim.world.enable_auto_merge(pr.issue, "prow-bot", method="merge")
    await pr.close("mia")
    await pr.set_status("unit", "success")
    pr.expect_not_merged()


async def test_several_files_are_committed_at_once_on_the_head_that_is_expected(sim: Sim, repo: RepoStory) -> None:
    mutation = """mutation($head: GitObjectID!, $text: Base64String!) {createCommitOnBranch(input: {
        branch: {repositoryNameWithOwner: "acme/widgets", branchName: "main"}, expectedHeadOid: $head,
        message: {headline: "Both", body: "At once."},
        fileChanges: {additions: [{path: "docs/a", contents: $text}], deletions: [{path: "run.sh"}]}
    }) {commit {oid message} ref {name}}}"""
    head, text = await repo.tip(), base64.b64encode(b"alpha\n").decode()
    made = (await ask(sim, mutation, {"head": head, "text": text}))["data"]["createCommitOnBranch"]
    assert made["commit"] == {"oid": await repo.tip(), "message": "Both\n\nAt once."}
    assert (await repo.file("docs/a"), await repo.file("run.sh")) == ("alpha\n", None)
    again = await ask(sim, mutation, {"head": head, "text": text})
    assert again["errors"][0]["message"].startswith("Expected branch to point to")
    strange = await ask(sim, mutation, {"head": await repo.tip(), "text": text}, login="stranger")
    assert strange["errors"][0]["type"] == "FORBIDDEN"


async def test_a_branch_is_brought_up_to_its_base(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix", files={"a": "1"}, from_fork=False)
    await repo.push("ada", {"b": "2"})
    mutation = "mutation($id: ID!) {updatePullRequestBranch(input: {pullRequestId: $id}) {pullRequest {number}}}"
    before = pr.head_sha
    assert "errors" not in await mutated(sim, mutation, pr)
    await pr.wait_for(lambda pr: pr.head_sha != before, "a new head")


async def test_a_push_by_somebody_who_may_not_write_ends_it(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    await sim.world.enable_auto_merge(pr.issue, "prow-bot", method="merge")
    assert pr.issue.pull is not None
    pr.issue.pull.last_pusher = sim.world.user("stranger")
    await pr.set_status("unit", "success")
    await pr.wait_for(lambda pr: pr.issue.pull is not None and pr.issue.pull.auto_merge is None, "auto-merge to end")
    pr.expect_not_merged()
    with pytest.raises(Refused, match="not enabled"):
        await sim.world.disable_auto_merge(pr.issue, "prow-bot")


async def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with kept(tmp_path) as (sim, _):
        sim.world.org("acme", members=["prow-bot"])
        repo = await RepoStory.create(sim, "acme/widgets", files={"README.md": "x\n"})
        repo.collaborator("prow-bot", "write")
        repo.protect(contexts=["unit"])
        repo.repo.settings["allow_auto_merge"] = True
        pr = await repo.open_pull_request("mia", title="Fix", files={"a": "1"})
        await pr.expect_mergeable()
        await sim.world.enable_auto_merge(pr.issue, "prow-bot", method="merge")
        assert pr.issue.pull is not None
        assert pr.issue.pull.auto_merge is not None
        pr.issue.pull.auto_merge.trying = True
    async with kept(tmp_path) as (sim, _):
        pr = PullStory(sim, sim.world.repo("acme/widgets").issues[1])
        await pr.set_status("unit", "success")
        await pr.expect_merged()
