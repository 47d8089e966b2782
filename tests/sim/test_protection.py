"""Protected branches: what they demand of a merge, in GitHub's words, and how a pull request stands before it."""

from __future__ import annotations

from typing import Any

import pytest

from prow.sim.errors import Refused
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.callers import expect
from tests.sim.support import Events, ask, client

RULES: dict[str, Any] = {
    "required_status_checks": {"strict": False, "contexts": ["unit"]},
    "enforce_admins": False,
    "required_pull_request_reviews": {"required_approving_review_count": 1},
    "restrictions": None,
}


@pytest.fixture
async def pr(repo: RepoStory) -> PullStory:
    repo.collaborator("wernher", "admin")
    repo.collaborator("katherine", "write")
    story = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    await story.expect_mergeable()
    return story


async def refusal(pr: PullStory, login: str = "prow-bot") -> str:
    with pytest.raises(Refused) as caught:
        await pr.merge(login)
    assert caught.value.status == 405
    return caught.value.message


def state(pr: PullStory) -> str:
    return pr.sim.world.merge_state(pr.issue)


async def test_rules_are_set_read_and_removed_by_administrators(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    path = "/repos/acme/widgets/branches/main/protection"
    async with client(sim, "wernher") as admin, client(sim, "prow-bot") as bot:
        assert (await admin.get(path)).json()["message"] == "Branch not protected"
        assert (await bot.put(path, json=RULES)).status_code == 403
        assert (await admin.put(path, json={"enforce_admins": True})).status_code == 422
        assert (await admin.put(path.replace("main", "none"), json=RULES)).status_code == 404
        assert (await admin.put(path, json=RULES)).status_code == 200
        found = (await admin.get(path)).json()
        assert (found["required_status_checks"]["contexts"], found["enforce_admins"]["enabled"]) == (["unit"], False)
        assert found["required_pull_request_reviews"]["required_approving_review_count"] == 1
        assert "restrictions" not in found
        assert (await admin.get("/repos/acme/widgets/branches/main")).json()["protected"] is True
        assert len((await admin.get("/repos/acme/widgets/branches?protected=true")).json()) == 1
        assert state(pr) == "BLOCKED"
        assert (await admin.delete(path)).status_code == 204
        assert (await admin.delete(path)).status_code == 404
    assert state(pr) == "CLEAN"


async def test_a_missing_review_blocks(repo: RepoStory, pr: PullStory) -> None:
    repo.protect(reviews=1)
    text = "At least 1 approving review is required by reviewers with write access."
    assert await refusal(pr) == text
    await pr.approve("stranger")
    assert await refusal(pr) == text
    await pr.approve("katherine")
    assert state(pr) == "CLEAN"
    await pr.merge("prow-bot")


async def test_two_reviews_may_be_demanded_and_the_last_word_counts(repo: RepoStory, pr: PullStory) -> None:
    repo.protect(reviews=2)
    await pr.approve("katherine")
    await pr.approve("katherine")
    assert await refusal(pr) == "At least 2 approving reviews are required by reviewers with write access."
    await pr.approve("prow-bot")
    await pr.review("katherine", "COMMENTED", "Nice.")
    assert state(pr) == "CLEAN"
    await pr.review("katherine", "CHANGES_REQUESTED", "Not so nice.")
    assert "Changes have been requested" in await refusal(pr)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("", 'Required status check "unit" is expected.'),
        ("pending", 'Required status check "unit" is pending.'),
        ("failure", 'Required status check "unit" is failing.'),
        ("error", 'Required status check "unit" is failing.'),
    ],
)
async def test_a_required_check_must_be_green(repo: RepoStory, pr: PullStory, status: str, text: str) -> None:
    repo.protect(contexts=["unit"])
    if status:
        await pr.set_status("unit", status)
    assert (await refusal(pr), state(pr)) == (text, "BLOCKED")
    await pr.set_status("unit", "success")
    assert state(pr) == "CLEAN"
    await pr.merge("prow-bot")


async def test_several_checks_are_counted_and_runs_count_too(repo: RepoStory, pr: PullStory) -> None:
    repo.protect(contexts=["unit", "lint", "e2e"], reviews=1)
    assert await refusal(pr) == (
        "3 of 3 required status checks are expected. "
        "At least 1 approving review is required by reviewers with write access."
    )
    await pr.approve("katherine")
    await pr.set_status("unit", "success")
    await pr.check_run("lint")
    await pr.set_status("e2e", "failure")
    assert await refusal(pr) == "2 of 3 required status checks have not succeeded: 1 failing and 1 pending."
    await pr.check_run("lint", "neutral")
    await pr.set_status("e2e", "success")
    assert state(pr) == "CLEAN"


async def test_a_check_that_is_not_required_makes_it_unstable_only(repo: RepoStory, pr: PullStory) -> None:
    repo.protect(contexts=["unit"])
    await pr.set_status("unit", "success")
    await pr.set_status("tide", "pending")
    assert state(pr) == "UNSTABLE"
    await pr.merge("prow-bot")


async def test_strict_checks_want_the_newest_base(repo: RepoStory, pr: PullStory) -> None:
    repo.protect(contexts=["unit"], strict=True)
    await pr.set_status("unit", "success")
    assert state(pr) == "CLEAN"
    await repo.push("wernher", {"other.txt": "x\n"})
    await pr.expect_mergeable()
    assert state(pr) == "BEHIND"
    assert await refusal(pr) == 'Required status check "unit" is expected.'
    await pr.force_push({"new.txt": "x\n"})
    await pr.expect_mergeable()
    assert state(pr) == "BLOCKED"
    await pr.set_status("unit", "success")
    await pr.merge("prow-bot")


async def test_administrators_pass_unless_it_is_enforced(repo: RepoStory, pr: PullStory) -> None:
    repo.protect(reviews=1, enforce_admins=True)
    assert "approving review" in await refusal(pr, "wernher")
    repo.protect(reviews=1)
    await pr.merge("wernher")
    assert pr.merged


async def test_pushing_may_be_left_to_a_few(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    async with client(sim, "wernher") as admin:
        rules = RULES | {"required_status_checks": None, "required_pull_request_reviews": None}
        rules["restrictions"] = {"users": ["katherine"], "teams": []}
        await admin.put("/repos/acme/widgets/branches/main/protection", json=rules)
    assert (await refusal(pr)).startswith("You're not authorized to push to this branch.")
    await pr.merge("katherine")


async def test_a_draft_and_a_conflict_are_told_first(repo: RepoStory, pr: PullStory) -> None:
    repo.protect(reviews=1)
    await pr.convert_to_draft()
    assert state(pr) == "DRAFT"
    await repo.push("wernher", {"new.txt": "other\n"})
    assert state(pr) == "UNKNOWN"
    await pr.expect_conflict()
    assert state(pr) == "DIRTY"


async def test_graphql_and_rest_tell_the_same(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    repo.protect(reviews=1)
    query = """{ repository(owner: "acme", name: "widgets") { pullRequest(number: 1) {
      mergeStateStatus reviewDecision latestOpinionatedReviews(first: 5) { nodes { state } } } } }"""

    async def decided() -> tuple[str, str]:
        found = (await ask(sim, query))["data"]["repository"]["pullRequest"]
        async with client(sim) as nobody:
            rest = (await nobody.get("/repos/acme/widgets/pulls/1")).json()
        assert rest["mergeable_state"] == found["mergeStateStatus"].lower()
        return found["mergeStateStatus"], found["reviewDecision"]

    assert await decided() == ("BLOCKED", "REVIEW_REQUIRED")
    await pr.review("katherine", "CHANGES_REQUESTED", "No.")
    assert await decided() == ("BLOCKED", "CHANGES_REQUESTED")
    await pr.approve("katherine")
    assert await decided() == ("CLEAN", "APPROVED")


async def test_approvals_fall_with_a_push_where_it_is_wanted(repo: RepoStory, pr: PullStory) -> None:
    repo.protect(reviews=1, dismiss_stale=True)
    review = await pr.approve("katherine")
    await pr.push({"new.txt": "more\n"})
    await pr.expect_mergeable()
    assert (review.state, state(pr)) == ("DISMISSED", "BLOCKED")


async def test_whoever_may_bypass_pull_requests_pushes_and_merges_without_reviews(
    sim: Sim, repo: RepoStory, pr: PullStory
) -> None:
    repo.collaborator("boss", "admin")
    repo.collaborator("robot", "write")
    sim.world.add_team(sim.world.org("acme"), "Crew", members=["wernher"])
    repo.collaborator("wernher", "write")
    place = "/repos/acme/widgets/branches/main/protection"
    rules = {
        "required_status_checks": None,
        "enforce_admins": True,
        "restrictions": None,
        "required_pull_request_reviews": {
            "required_approving_review_count": 1,
            "dismissal_restrictions": {"users": ["katherine"], "teams": ["crew"]},
            "bypass_pull_request_allowances": {"users": ["robot"], "teams": ["crew"]},
        },
    }
    async with client(sim, "boss") as boss, client(sim, "robot") as robot:
        await expect(boss.put(place, json=rules), 200)
        told = (await expect(boss.get(place), 200))["required_pull_request_reviews"]
        assert [user["login"] for user in told["dismissal_restrictions"]["users"]] == ["katherine"]
        assert [team["slug"] for team in told["bypass_pull_request_allowances"]["teams"]] == ["crew"]
        await expect(boss.put(f"/repos/acme/widgets/pulls/{pr.number}/merge", json={}), 405)
        file = {"message": "Straight", "content": "eA==", "branch": "main"}
        await expect(boss.put("/repos/acme/widgets/contents/x", json=file), 409)
        await expect(robot.put("/repos/acme/widgets/contents/x", json=file), 201)
    await pr.expect_mergeable()
    await pr.merge("wernher")
    assert pr.merged


async def test_changes_of_the_rules_are_told(sim: Sim, repo: RepoStory, events: Events) -> None:
    repo.collaborator("boss", "admin")
    place = "/repos/acme/widgets/branches/main/protection"
    rules = {"required_status_checks": {"strict": False, "contexts": ["unit"]}, "enforce_admins": False}
    rules |= {"required_pull_request_reviews": None, "restrictions": None}
    async with client(sim, "boss") as boss:
        await expect(boss.put(place, json=rules), 200)
        await expect(boss.post(f"{place}/enforce_admins"), 200)
        await expect(boss.delete(place), 204)
    assert events.names == [("branch_protection_rule", action) for action in ("created", "edited", "deleted")]
    changes = events.payloads("branch_protection_rule")[1]["changes"]
    assert changes["admin_enforced"] == {"from": False}
