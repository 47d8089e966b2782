"""What protected branches may want beside checks and a number of reviews, and how REST sets and tells it."""

from __future__ import annotations

from typing import Any

import pytest

from prow.sim import codeowners
from prow.sim.errors import Refused
from prow.sim.server import Sim
from prow.sim.state import Protection
from prow.sim.verbs import PullStory, RepoStory
from prow.sim.world.lines import Spot
from tests.sim.callers import bearer, expect, installed
from tests.sim.support import client

PLACE = "/repos/acme/widgets/branches/main/protection"
NOTHING: dict[str, Any] = {
    "required_status_checks": None,
    "enforce_admins": None,
    "required_pull_request_reviews": None,
    "restrictions": None,
}


@pytest.fixture
async def pr(repo: RepoStory) -> PullStory:
    for login, permission in (("wernher", "admin"), ("katherine", "write"), ("ada", "write")):
        repo.collaborator(login, permission)
    pr = await repo.open_pull_request("mia", title="Fix it", files={"src/new.txt": "x\n"})
    await pr.expect_mergeable()
    return pr


async def refusal(pr: PullStory, method: str = "squash") -> str:
    with pytest.raises(Refused) as refused:
        await pr.merge("prow-bot", method)
    assert refused.value.status == 405
    return refused.value.message


async def test_owners_of_the_code_must_approve(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    await repo.push("wernher", {"CODEOWNERS": "* @wernher\n/src/ @acme/core @ada\n"})
    repo.add_team("core", ["katherine"], "write")
    async with client(sim, "wernher") as admin:
        reviews = {"required_approving_review_count": 0, "require_code_owner_reviews": True}
        await expect(admin.put(PLACE, json=NOTHING | {"required_pull_request_reviews": reviews}), 200)
    await pr.expect_mergeable()
    assert await refusal(pr) == "Waiting on code owner review from acme/core, ada."
    assert sim.world.review_decision(pr.issue) == "REVIEW_REQUIRED"
    await pr.approve("prow-bot")
    assert "code owner" in await refusal(pr)
    await pr.approve("katherine")
    assert sim.world.review_decision(pr.issue) == "APPROVED"
    await pr.merge("prow-bot", "squash")


@pytest.mark.parametrize(
    ("pattern", "path", "owned"),
    [
        ("*", "a/b.py", True),
        ("*.py", "a/b.py", True),
        ("*.py", "a/b.go", False),
        ("/build/", "build/a/b", True),
        ("/build/", "src/build/a", False),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/deep/a.md", False),
        ("apps/", "src/apps/x/y", True),
        ("/apps/github", "apps/github/x", True),
        ("**/logs", "deep/build/logs/a", True),
        ("src/**/test", "src/a/b/test", True),
        ("a?c", "abc", True),
    ],
)
def test_codeowners_patterns_are_those_of_gitignore(pattern: str, path: str, owned: bool) -> None:
    lines = codeowners.parse(f"# all\n{pattern} @Ada ada@example.com @acme/Core # why\n")
    assert codeowners.owners_of(lines, path) == (frozenset({"ada", "acme/core"}) if owned else frozenset())


def test_the_last_line_that_matches_counts_and_may_name_nobody() -> None:
    lines = codeowners.parse("* @ada\n/docs/ @mia\n/docs/free.md\n")
    assert codeowners.owners_of(lines, "docs/a.md") == {"mia"}
    assert codeowners.owners_of(lines, "docs/free.md") == frozenset()


async def test_whoever_pushed_last_does_not_approve_it(repo: RepoStory, pr: PullStory) -> None:
    repo.repo.protections["main"] = Protection(reviews=1, last_push=True)
    await pr.approve("katherine")
    await pr.expect_mergeable()
    await pr.push({"src/new.txt": "y\n"})
    await pr.expect_mergeable()
    assert await refusal(pr) == "New changes require approval from someone other than the last pusher."
    await pr.approve("katherine")
    await pr.merge("prow-bot", "squash")


async def test_a_linear_history_is_squashed_or_rebased(repo: RepoStory, pr: PullStory) -> None:
    repo.repo.protections["main"] = Protection(linear=True)
    assert await refusal(pr, "merge") == "This branch must not contain merge commits."
    await pr.merge("prow-bot", "rebase")


async def test_conversations_must_be_resolved(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    repo.repo.protections["main"] = Protection(conversations=True)
    said = await sim.world.review_comment(pr.issue, "ada", body="Why?", spot=Spot("src/new.txt"))
    assert "conversation must be resolved" in await refusal(pr)
    await sim.world.resolve_thread(pr.issue, said, "mia", resolved=True)
    await pr.merge("prow-bot", "squash")


async def test_a_locked_branch_takes_nothing(repo: RepoStory, pr: PullStory) -> None:
    repo.repo.protections["main"] = Protection(locked=True)
    assert "locked" in await refusal(pr)


async def test_a_check_may_be_left_to_one_app(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    token = installed(sim, "builder", {"checks": "write", "statuses": "write"})
    app = sim.world.app("builder")
    async with client(sim, "wernher") as admin, bearer(sim, token) as builder:
        checks = {
            "strict": False,
            "contexts": [],
            "checks": [{"context": "build", "app_id": app.id}, {"context": "lint", "app_id": -1}],
        }
        made = await expect(admin.put(PLACE, json=NOTHING | {"required_status_checks": checks}), 200)
        assert made["required_status_checks"]["checks"] == [
            {"context": "build", "app_id": app.id},
            {"context": "lint", "app_id": None},
        ]
        await pr.set_status("build", "success")
        await pr.set_status("lint", "success")
        assert await refusal(pr) == "1 of 2 required status checks are expected."
        run = {"name": "build", "head_sha": pr.head_sha, "conclusion": "success"}
        await expect(builder.post("/repos/acme/widgets/check-runs", json=run), 201)
    await pr.merge("prow-bot", "squash")


async def test_pushing_may_be_left_to_people_teams_and_apps(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    repo.add_team("release", ["katherine"])
    token = installed(sim, "merger", {"contents": "write"})
    async with client(sim, "wernher") as admin, bearer(sim, token) as merger, client(sim, "prow-bot") as bot:
        few = {"users": ["ada"], "teams": ["release"], "apps": ["merger"]}
        told = await expect(admin.put(PLACE, json=NOTHING | {"restrictions": few}), 200)
        assert [t["slug"] for t in told["restrictions"]["teams"]] == ["release"]
        merge = f"/repos/acme/widgets/pulls/{pr.number}/merge"
        refused = await expect(bot.put(merge, json={}), 405)
        assert refused["message"].startswith("You're not authorized to push to this branch.")
        await expect(merger.put(merge, json={}), 200)
        await expect(admin.put(PLACE, json=NOTHING | {"restrictions": {"users": [], "teams": ["none"]}}), 422)


async def test_protection_is_set_as_a_whole_and_in_parts(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    async with client(sim, "wernher") as admin, client(sim, "prow-bot") as bot:
        await expect(admin.get(f"{PLACE}/required_signatures"), 404)
        whole = NOTHING | {
            "required_linear_history": True,
            "allow_force_pushes": True,
            "required_conversation_resolution": True,
            "required_pull_request_reviews": {"require_last_push_approval": True},
        }
        await expect(bot.put(PLACE, json=whole), 403)
        made = await expect(admin.put(PLACE, json=whole), 200)
        assert made["required_linear_history"]["enabled"] is made["allow_force_pushes"]["enabled"] is True
        assert made["required_pull_request_reviews"]["required_approving_review_count"] == 1
        assert (await expect(admin.post(f"{PLACE}/required_signatures"), 200))["enabled"] is True
        await expect(admin.put(PLACE, json=NOTHING), 200)
        assert (await expect(admin.get(f"{PLACE}/required_signatures"), 200))["enabled"] is True
        await expect(admin.delete(f"{PLACE}/required_signatures"), 204)
        await expect(admin.post(f"{PLACE}/enforce_admins"), 200)
        await expect(admin.get(f"{PLACE}/required_status_checks"), 404)
        checks = {"strict": True, "contexts": ["unit"]}
        assert (await expect(admin.patch(f"{PLACE}/required_status_checks", json=checks), 200))["strict"] is True
        reviews = {"required_approving_review_count": 7}
        await expect(admin.patch(f"{PLACE}/required_pull_request_reviews", json=reviews), 422)
        found = await expect(admin.get(PLACE), 200)
        assert (found["enforce_admins"]["enabled"], found["required_status_checks"]["contexts"]) == (True, ["unit"])
        branch = await expect(bot.get("/repos/acme/widgets/branches/main"), 200)
        assert branch["protection"]["required_status_checks"]["enforcement_level"] == "everyone"
        assert await expect(bot.get("/repos/acme/widgets/rulesets"), 200) == []


async def test_who_may_push_and_what_must_succeed_is_changed_one_by_one(sim: Sim, repo: RepoStory) -> None:
    repo.add_team("crew", ["mia"], "write")
    repo.collaborator("wernher", "admin")
    sim.world.app("pusher")
    rules = NOTHING | {"restrictions": {"users": ["wernher"], "teams": []}}
    people, contexts = f"{PLACE}/restrictions", f"{PLACE}/required_status_checks/contexts"
    async with client(sim, "wernher") as admin:
        await expect(admin.put(PLACE, json=NOTHING), 200)
        await expect(admin.get(f"{people}/users"), 404)
        await expect(admin.post(contexts, json={"contexts": ["unit"]}), 404)
        await expect(
            admin.put(PLACE, json=rules | {"required_status_checks": {"strict": False, "contexts": ["a"]}}), 200
        )
        added = await expect(admin.post(f"{people}/users", json={"users": ["mia"]}), 200)
        assert [user["login"] for user in added] == ["mia", "wernher"]
        assert [t["slug"] for t in await expect(admin.put(f"{people}/teams", json={"teams": ["crew"]}), 200)] == [
            "crew"
        ]
        assert [a["slug"] for a in await expect(admin.post(f"{people}/apps", json={"apps": ["pusher"]}), 200)] == [
            "pusher"
        ]
        await expect(admin.post(f"{people}/teams", json={"teams": ["nobody"]}), 422)
        left = await expect(admin.request("DELETE", f"{people}/users", json={"users": ["wernher"]}), 200)
        assert left == await expect(admin.get(f"{people}/users"), 200)
        assert [user["login"] for user in left] == ["mia"]
        assert await expect(admin.post(contexts, json={"contexts": ["b", "a"]}), 200) == ["a", "b"]
        assert await expect(admin.request("DELETE", contexts, json={"contexts": ["a"]}), 200) == ["b"]
        assert await expect(admin.put(contexts, json={"contexts": ["c"]}), 200) == ["c"]
        await expect(admin.put(contexts, json={}), 422)


async def test_dismissing_may_be_left_to_a_few(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    review = await pr.approve("katherine")
    repo.repo.protections["main"] = Protection(reviews=1, dismissers=frozenset({"ada"}))
    path = f"/repos/acme/widgets/pulls/{pr.number}/reviews/{review.id}/dismissals"
    async with client(sim, "prow-bot") as bot, client(sim, "ada") as ada:
        await expect(bot.put(path, json={"message": "Old"}), 403)
        assert (await expect(ada.put(path, json={"message": "Old"}), 200))["state"] == "DISMISSED"


async def test_where_signatures_are_wanted_only_githubs_own_commit_goes_in(repo: RepoStory, pr: PullStory) -> None:
    repo.repo.protections["main"] = Protection(signatures=True)
    assert await refusal(pr, "merge") == await refusal(pr, "rebase") == "Commits must have verified signatures."
    await pr.merge("prow-bot", "squash")
