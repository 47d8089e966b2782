"""How GitHub says no: which status, which words, and in a 422 which resource, field and code."""

from __future__ import annotations

from typing import Any

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import expect
from tests.sim.support import Events, client

AT = "/repos/acme/widgets"


@pytest.mark.parametrize(
    ("method", "path", "body", "resource", "field", "code"),
    [
        ("POST", "/issues", {"title": " "}, "Issue", "title", "missing_field"),
        ("POST", "/issues", {"title": "x" * 257}, "Issue", "title", "custom"),
        ("PATCH", "/issues/1", {"state": "done"}, "Issue", "state", "invalid"),
        ("PATCH", "/issues/1", {"milestone": 7}, "Issue", "milestone", "invalid"),
        ("POST", "/issues/1/comments", {"body": ""}, "IssueComment", "body", "missing_field"),
        ("POST", "/issues/1/labels", {"labels": ["x" * 51]}, "Label", "name", "invalid"),
        ("PUT", "/issues/1/lock", {"lock_reason": "boring"}, "Issue", "lock_reason", "invalid"),
        ("POST", "/issues/1/reactions", {"content": "shrug"}, "Reaction", "content", "invalid"),
        ("POST", "/labels", {"name": "bug"}, "Label", "name", "already_exists"),
        ("POST", "/labels", {"name": "new", "color": "#ff0000"}, "Label", "color", "invalid"),
        ("POST", "/milestones", {"title": "v1"}, "Milestone", "title", "already_exists"),
        ("POST", "/pulls", {"title": "T", "head": "gone", "base": "main"}, "PullRequest", "head", "invalid"),
        ("POST", "/pulls", {"title": "T", "head": "main", "base": "gone"}, "PullRequest", "base", "invalid"),
        ("POST", "/pulls/2/comments", {"body": "x", "path": "no", "line": 1}, "PullRequestReviewComment", "commit_id", "missing_field"),
        ("PUT", "/pulls/2/merge", {"merge_method": "octopus"}, "PullRequest", "merge_method", "invalid"),
        ("POST", "/statuses/{sha}", {"state": "green"}, "Status", "state", "custom"),
        ("POST", "/hooks", {"config": {"url": "ftp://x"}}, "Hook", "url", "invalid"),
        ("POST", "/hooks", {"config": {"url": "http://x"}, "events": ["shoes"]}, "Hook", "events", "invalid"),
        ("PATCH", "", {"default_branch": "gone"}, "Repository", "default_branch", "invalid"),
        ("PUT", "/collaborators/mia", {"permission": "boss"}, "Repository", "permission", "invalid"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_by_resource_field_and_code(
    sim: Sim, repo: RepoStory, method: str, path: str, body: dict[str, Any], resource: str, field: str, code: str
) -> None:
    repo.collaborator("boss", "admin")
    await repo.open_issue("mia", title="Help")
    await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x"})
    await sim.world.create_label(repo.repo, "boss", "bug")
    sim.world.create_milestone(repo.repo, "boss", "v1")
    async with client(sim, "boss") as boss:
        refused = await expect(boss.request(method, AT + path.format(sha=await repo.tip()), json=body), 422)
    assert refused["message"].startswith("Validation Failed") or code in {"custom", "no_merge_method"}
    assert (refused["errors"][0]["resource"], refused["errors"][0]["field"], refused["errors"][0]["code"]) == (
        resource, field, code,
    )  # fmt: skip
    assert refused["documentation_url"].startswith("https://docs.github.com/")


@pytest.mark.parametrize(
    ("who", "private", "method", "path", "status"),
    [
        ("", False, "POST", "/issues", 401),
        ("", True, "GET", "", 404),
        ("", True, "POST", "/issues", 404),
        ("mia", True, "GET", "", 404),
        ("mia", True, "POST", "/issues", 404),
        ("mia", False, "POST", "/labels", 403),
        ("mia", False, "PATCH", "", 403),
        ("mia", False, "GET", "/hooks", 404),
        ("prow-bot", True, "PATCH", "", 403),
        ("prow-bot", True, "GET", "/issues/7", 404),
    ],
)
async def test_whoever_does_not_see_it_is_told_that_there_is_nothing_others_that_they_may_not(
    sim: Sim, repo: RepoStory, who: str, *, private: bool, method: str, path: str, status: int
) -> None:
    repo.repo.private = private
    async with client(sim, who) as caller:
        answer = await caller.request(method, AT + path, json={"title": "T", "name": "n"} if method != "GET" else None)
    assert answer.status_code == status
    assert answer.json()["status"] == str(status)


async def test_branches_and_tags_that_come_and_go_are_told(sim: Sim, repo: RepoStory, events: Events) -> None:
    async with client(sim, "prow-bot") as bot:
        for ref in ("refs/heads/next", "refs/tags/v1"):
            await expect(bot.post(f"{AT}/git/refs", json={"ref": ref, "sha": await repo.tip()}), 201)
            await expect(bot.delete(f"{AT}/git/{ref}"), 204)
    told = [(name, events.payloads(name)) for name in ("create", "delete")]
    for _, payloads in told:
        assert [(one["ref"], one["ref_type"]) for one in payloads] == [("next", "branch"), ("v1", "tag")]
    assert told[0][1][0]["master_branch"] == "main"


async def test_a_repository_that_was_handed_over_is_found_by_its_old_name(sim: Sim, repo: RepoStory) -> None:
    sim.world.org("acme", owners=["boss"])
    sim.world.org("globex", owners=["boss"])
    issue = await repo.open_issue("mia", title="Help")
    async with client(sim, "boss") as boss:
        await expect(boss.post(f"{AT}/transfer", json={"new_owner": "globex"}), 202)
        read = await boss.get(f"{AT}/issues/{issue.number}")
        assert (read.status_code, read.headers["location"]) == (
            301, f"{sim.world.base}/repositories/{repo.repo.id}/issues/{issue.number}",
        )  # fmt: skip
        written = await boss.post(f"{AT}/issues/{issue.number}/comments", json={"body": "Hi"})
        assert written.status_code == 307
        followed = await boss.post(written.headers["location"], json={"body": "Hi"})
        assert (followed.status_code, issue.comments[0].body) == (201, "Hi")
        assert (await expect(boss.get("/repos/globex/widgets"), 200))["owner"]["login"] == "globex"


async def test_one_event_of_an_issue_and_the_labels_of_a_milestone(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    sim.world.create_milestone(repo.repo, "wernher", "v1")
    await issue.label("wernher", "bug")
    await sim.world.set_milestone(issue.issue, "wernher", 1)
    async with client(sim) as anybody:
        event = (await expect(anybody.get(f"{AT}/issues/events"), 200))[0]
        one = await expect(anybody.get(f"{AT}/issues/events/{event['id']}"), 200)
        assert (one["event"], one["issue"]["number"]) == ("milestoned", issue.number)
        await expect(anybody.get(f"{AT}/issues/events/1"), 404)
        labels = await expect(anybody.get(f"{AT}/milestones/1/labels"), 200)
        assert [label["name"] for label in labels] == ["bug"]
