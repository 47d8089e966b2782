"""The merge button: three methods over real history, GitHub's refusals, and what follows a merge."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from prow.lib.virtual_clock import VirtualClock
from prow.sim.errors import Refused
from prow.sim.gitrepo import git
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.support import Events, client, history, shown, simulated


async def press(sim: Sim, pr: PullStory, *, login: str = "prow-bot", **body: Any) -> httpx2.Response:
    async with client(sim, login) as bot:
        return await bot.put(f"/repos/{pr.issue.repo.full_name}/pulls/{pr.number}/merge", json=body)


async def refused(sim: Sim, pr: PullStory, *, login: str = "prow-bot", **body: Any) -> tuple[int, str]:
    answer = await press(sim, pr, login=login, **body)
    return answer.status_code, answer.json()["message"]


async def opened(repo: RepoStory, title: str = "Fix it", *, name: str = "new.txt", **more: Any) -> PullStory:
    return await repo.open_pull_request("mia", title=title, files={name: f"{title}\n"}, **more)


async def test_a_merge_commit_has_both_parents_and_githubs_words(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    before = await repo.tip()
    answer = await press(sim, pr, sha=pr.head_sha)
    made = answer.json()["sha"]
    assert answer.json() == {"sha": made, "merged": True, "message": "Pull Request successfully merged"}
    assert await shown(repo.repo, made, "%P") == f"{before} {pr.head_sha}"
    assert await shown(repo.repo, made, "%B") == "Merge pull request #1 from mia/change\n\nFix it"
    assert await shown(repo.repo, made, "%an %cn") == "prow-bot GitHub"
    assert (await repo.tip(), await repo.file("new.txt")) == (made, "Fix it\n")
    assert (pr.merged, pr.merge_commit, pr.issue.state) == (True, made, "closed")


async def test_texts_can_be_given(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    made = (await press(sim, pr, commit_title="Own title", commit_message="Own words")).json()["sha"]
    assert await shown(repo.repo, made, "%B") == "Own title\n\nOwn words"


async def test_a_squash_is_one_commit_by_the_author(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    await pr.push({"more.txt": "more\n"}, message="And more")
    before = await repo.tip()
    made = (await press(sim, pr, merge_method="squash")).json()["sha"]
    assert await shown(repo.repo, made, "%P %an %cn") == f"{before} mia GitHub"
    assert await shown(repo.repo, made, "%B") == "Fix it (#1)\n\n* Fix it\n\n* And more"
    assert await repo.file("more.txt") == "more\n"


async def test_a_squash_of_one_commit_takes_its_title(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    await pr.edit("mia", title="Another title")
    made = (await press(sim, pr, merge_method="squash")).json()["sha"]
    assert await shown(repo.repo, made, "%B") == "Fix it (#1)"


async def test_a_rebase_replays_every_commit_on_the_base(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    await pr.push({"new.txt": "second\n"}, message="Second")
    await repo.push("wernher", {"other.txt": "x\n"}, message="Meanwhile")
    made = (await press(sim, pr, merge_method="rebase")).json()["sha"]
    assert await history(repo.repo) == ["Second", "Fix it", "Meanwhile", "First commit"]
    assert await shown(repo.repo, made, "%an %cn") == "mia GitHub"
    assert (await repo.file("new.txt"), await repo.file("other.txt")) == ("second\n", "x\n")
    assert made != pr.head_sha


async def test_a_rebase_leaves_out_what_the_base_has_already(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    await pr.push({"more.txt": "more\n"}, message="And more")
    await repo.push("wernher", {"new.txt": "Fix it\n"}, message="The same")
    await press(sim, pr, merge_method="rebase")
    assert await history(repo.repo) == ["And more", "The same", "First commit"]


async def test_a_head_with_merges_cannot_be_rebased_but_merged(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo, from_fork=False)
    base = await repo.push("wernher", {"other.txt": "x\n"}, message="Meanwhile")
    await sim.world.merge(await _update(sim, repo, pr, base), "prow-bot")
    await pr.expect_mergeable()
    assert pr.issue.pull is not None
    assert pr.issue.pull.rebaseable is False
    assert await refused(sim, pr, merge_method="rebase") == (405, "Pull Request is not mergeable")
    assert (await press(sim, pr)).status_code == 200


async def _update(sim: Sim, repo: RepoStory, pr: PullStory, base: str) -> Any:
    """A pull request that merges the base into the head of another."""
    assert pr.issue.pull is not None
    return await sim.world.open_pull(repo.repo, "mia", title="Update", head="main", base=pr.issue.pull.head_ref)


async def test_a_conflict_is_refused_and_changes_nothing(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo, name="README.md")
    tip = await repo.push("wernher", {"README.md": "# another\n"})
    for method in ("merge", "squash", "rebase"):
        assert await refused(sim, pr, merge_method=method) == (405, "Pull Request is not mergeable")
    assert (await repo.tip(), pr.merged) == (tip, False)
    await pr.expect_conflict()


async def test_closed_drafts_and_merged_ones_are_refused(sim: Sim, repo: RepoStory) -> None:
    draft = await opened(repo, draft=True)
    assert await refused(sim, draft) == (405, "Pull Request is still a draft")
    await draft.ready_for_review()
    await draft.close("mia")
    assert await refused(sim, draft) == (405, "Pull Request is not mergeable")
    await draft.reopen("mia")
    assert (await press(sim, draft)).status_code == 200
    assert await refused(sim, draft) == (405, "Pull Request is not mergeable")
    assert await history(repo.repo) == ["Merge pull request #1 from mia/change", "First commit"]


async def test_the_pin_to_the_head_holds(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    old = pr.head_sha
    await pr.push({"new.txt": "changed\n"})
    assert await refused(sim, pr, sha=old) == (
        409,
        "Head branch was modified. Review and try the merge again.",
    )
    assert not pr.merged


async def test_methods_may_be_forbidden(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    repo.collaborator("wernher", "admin")
    async with client(sim, "wernher") as admin, client(sim, "prow-bot") as bot:
        settings = {"allow_merge_commit": False, "allow_rebase_merge": False}
        assert (await bot.patch("/repos/acme/widgets", json=settings)).status_code == 403
        found = (await admin.patch("/repos/acme/widgets", json=settings)).json()
        assert (found["allow_merge_commit"], found["allow_squash_merge"]) == (False, True)
        none = await admin.patch("/repos/acme/widgets", json={"allow_squash_merge": False})
        assert none.status_code == 422
        assert (await bot.get("/repos/acme/widgets")).json()["allow_rebase_merge"] is False
    async with client(sim) as nobody:
        assert "allow_rebase_merge" not in (await nobody.get("/repos/acme/widgets")).json()
    assert await refused(sim, pr) == (405, "Merge commits are not allowed on this repository.")
    assert await refused(sim, pr, merge_method="rebase") == (405, "Rebase merges are not allowed on this repository.")
    assert (await refused(sim, pr, merge_method="odd"))[0] == 422
    assert (await press(sim, pr, merge_method="squash")).status_code == 200


async def test_who_may_not_push_may_not_merge(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    assert (await press(sim, pr, login="mia")).status_code == 403
    async with client(sim) as nobody, client(sim, "prow-bot") as bot:
        path = f"/repos/acme/widgets/pulls/{pr.number}/merge"
        assert (await nobody.put(path, json={})).status_code == 401
        assert (await bot.get(path)).status_code == 404
        assert (await bot.put("/repos/acme/widgets/pulls/77/merge", json={})).status_code == 404
        assert (await bot.put(path)).status_code == 200
        assert (await bot.get(path)).status_code == 204


async def test_an_archived_repository_merges_nothing(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    repo.collaborator("wernher", "admin")
    async with client(sim, "wernher") as admin:
        assert (await admin.patch("/repos/acme/widgets", json={"archived": True})).json()["archived"] is True
        assert (await refused(sim, pr))[0] == 403
        listed = (await admin.get("/orgs/acme/repos")).json()
        assert [(r["name"], r["archived"]) for r in listed] == [("widgets", True)]
        assert (await admin.patch("/repos/acme/widgets", json={"archived": False})).status_code == 200
    assert (await press(sim, pr)).status_code == 200


async def test_a_merge_is_announced_and_moves_the_others(sim: Sim, repo: RepoStory, events: Events) -> None:
    first, second = await opened(repo, "First"), await opened(repo, "Second")
    await first.expect_mergeable()
    await second.expect_mergeable()
    sim.world.compute_mergeable = False
    made = (await press(sim, first)).json()["sha"]
    closed, push = events.payloads("pull_request")[-1], events.payloads("push")[-1]
    assert (closed["action"], closed["number"], closed["pull_request"]["merged"]) == ("closed", 1, True)
    assert (closed["pull_request"]["merge_commit_sha"], closed["pull_request"]["merged_by"]["login"]) == (
        made,
        "prow-bot",
    )
    assert (push["ref"], push["after"], push["forced"]) == ("refs/heads/main", made, False)
    assert second.issue.pull is not None
    assert second.issue.pull.mergeable is None
    sim.world.compute_mergeable = True
    async with client(sim) as nobody:
        assert (await nobody.get(f"/repos/acme/widgets/pulls/{second.number}")).json()["mergeable_state"] == "unknown"
        await second.expect_conflict()
        found = (await nobody.get(f"/repos/acme/widgets/pulls/{second.number}")).json()
    assert (found["mergeable"], found["mergeable_state"], found["base"]["sha"]) == (False, "dirty", made)
    assert "refs/heads/change" in (await git("for-each-ref", cwd=sim.world.repos["mia/widgets"].path)).decode()


async def test_of_two_merges_at_once_one_finds_the_base_moved(sim: Sim, repo: RepoStory) -> None:
    first, second = await opened(repo, "First", name="a"), await opened(repo, "Second", name="b")
    results = await asyncio.gather(first.merge("prow-bot"), second.merge("prow-bot"), return_exceptions=True)
    refusals = [r for r in results if isinstance(r, Refused)]
    assert [(r.status, r.message) for r in refusals] == [
        (405, "Base branch was modified. Review and try the merge again.")
    ]
    assert [first.merged, second.merged].count(True) == 1
    await (second if first.merged else first).merge("prow-bot")
    assert len(await history(repo.repo)) == 3


async def test_the_same_merge_twice_at_once_happens_once(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo)
    codes = sorted(answer.status_code for answer in await asyncio.gather(press(sim, pr), press(sim, pr)))
    assert codes == [200, 405]
    assert len(await history(repo.repo)) == 2


async def test_a_push_that_contains_the_head_merges_it(sim: Sim, repo: RepoStory, events: Events) -> None:
    pr = await opened(repo, from_fork=False)
    async with client(sim, "prow-bot") as bot:
        moved = await bot.patch("/repos/acme/widgets/git/refs/heads/main", json={"sha": pr.head_sha})
        assert moved.status_code == 200
    assert (pr.merged, pr.merge_commit) == (True, pr.head_sha)
    assert events.payloads("pull_request")[-1]["pull_request"]["merged"] is True


async def test_deleting_the_head_closes_and_refs_follow_githubs_rules(sim: Sim, repo: RepoStory) -> None:
    pr = await opened(repo, from_fork=False)
    async with client(sim, "prow-bot") as bot:
        refs = "/repos/acme/widgets/git/refs"
        assert (await bot.post(refs, json={"ref": "refs/heads/a/b", "sha": pr.head_sha})).status_code == 201
        again = await bot.post(refs, json={"ref": "refs/heads/a/b", "sha": pr.head_sha})
        assert (again.status_code, again.json()["message"]) == (422, "Reference already exists")
        assert (await bot.post(refs, json={"ref": "refs/heads/--x..", "sha": pr.head_sha})).status_code == 422
        assert (await bot.post(refs, json={"ref": "refs/heads/x", "sha": "0" * 39 + "1"})).status_code == 422
        back = await bot.patch(f"{refs}/heads/change", json={"sha": await repo.tip()})
        assert (back.status_code, back.json()["message"]) == (422, "Update is not a fast forward")
        assert (await bot.delete(f"{refs}/heads/change")).status_code == 204
        gone = await bot.delete(f"{refs}/heads/change")
        assert (gone.status_code, gone.json()["message"]) == (422, "Reference does not exist")
    assert (pr.issue.state, pr.merged) == ("closed", False)
    with pytest.raises(Refused):
        await pr.reopen("mia")


async def test_mergeability_takes_its_time(tmp_path: Any) -> None:
    clock = VirtualClock()
    async with simulated(tmp_path, clock=clock) as sim:
        repo = await RepoStory.create(sim, "acme/widgets", files={"a": "a\n"})
        sim.world.mergeable_delay = 30
        pr = await opened(repo)
        assert sim.world.merge_state(pr.issue) == "UNKNOWN"
        started = clock.monotonic()
        await pr.expect_mergeable(within=60)
        assert clock.monotonic() - started == pytest.approx(30, abs=1)
        assert sim.world.merge_state(pr.issue) == "CLEAN"


async def test_a_force_push_is_history(sim: Sim, repo: RepoStory, events: Events) -> None:
    pr = await opened(repo)
    first = pr.head_sha
    second = await pr.force_push({"new.txt": "again\n"})
    assert (await sim.world.compared(pr.issue)).commits == ((second, (await repo.tip(),)),)
    assert [e.event for e in pr.issue.events] == ["head_ref_force_pushed"]
    assert events.payloads("pull_request")[-1]["before"] == first
