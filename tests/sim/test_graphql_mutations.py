"""What GraphQL changes is what REST changes: the same rules, the same events."""

from __future__ import annotations

from typing import Any

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.support import Events, ask

IDS = """{ repository(owner: "acme", name: "widgets") { id
  labels(first: 10) { nodes { id } }
  pullRequest(number: 1) { id }
  issue(number: 2) { id } }
  user(login: "katherine") { id } }"""


async def change(sim: Sim, name: str, wanted: dict[str, Any], result: str, *, login: str = "wernher") -> Any:
    kind = name[0].upper() + name[1:]
    query = f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ clientMutationId {result} }} }}"
    found = await ask(sim, query, {"input": wanted | {"clientMutationId": "7"}}, login=login)
    if "errors" not in found:
        assert found["data"][name]["clientMutationId"] == "7"
        return found["data"][name]
    return found["errors"][0]


@pytest.fixture
async def ids(sim: Sim, repo: RepoStory) -> dict[str, str]:
    repo.collaborator("wernher", "write")
    repo.collaborator("katherine", "write")
    await sim.world.create_label(repo.repo, "wernher", "bug")
    await repo.open_pull_request("mia", title="Fix", files={"new.txt": "x\n"}, draft=True)
    await repo.open_issue("mia", title="It leaks")
    found = (await ask(sim, IDS, login="wernher"))["data"]
    there = found["repository"]
    return {
        "repo": there["id"],
        "pull": there["pullRequest"]["id"],
        "issue": there["issue"]["id"],
        "label": there["labels"]["nodes"][0]["id"],
        "katherine": found["user"]["id"],
    }


async def test_a_pull_request_is_changed_in_every_way(
    sim: Sim, repo: RepoStory, ids: dict[str, str], events: Events
) -> None:
    pull = {"pullRequestId": ids["pull"]}
    shown = "pullRequest { isDraft state title reviewRequests(first: 5) { nodes { requestedReviewer { ... on User { login } } } } }"
    ready = await change(sim, "markPullRequestReadyForReview", pull, shown)
    assert ready["pullRequest"]["isDraft"] is False
    assert (await change(sim, "convertPullRequestToDraft", pull, shown))["pullRequest"]["isDraft"] is True
    asked = await change(sim, "requestReviews", pull | {"userIds": [ids["katherine"]]}, shown)
    assert asked["pullRequest"]["reviewRequests"]["nodes"] == [{"requestedReviewer": {"login": "katherine"}}]
    none = await change(sim, "requestReviews", pull | {"userIds": []}, shown)
    assert none["pullRequest"]["reviewRequests"]["nodes"] == []
    named = await change(sim, "updatePullRequest", pull | {"title": "Mend", "labelIds": [ids["label"]]}, shown)
    assert named["pullRequest"]["title"] == "Mend"
    assert (await change(sim, "closePullRequest", pull, shown))["pullRequest"]["state"] == "CLOSED"
    assert (await change(sim, "reopenPullRequest", pull, shown))["pullRequest"]["state"] == "OPEN"
    actions = [action for event, action in events.names if event == "pull_request"]
    assert actions == [
        "ready_for_review",
        "converted_to_draft",
        "review_requested",
        "review_request_removed",
        "edited",
        "labeled",
        "closed",
        "reopened",
    ]


async def test_an_issue_and_labels_are_changed(sim: Sim, ids: dict[str, str]) -> None:
    shown = "labelable { labels(first: 5) { nodes { name } } }"
    wanted = {"labelableId": ids["issue"], "labelIds": [ids["label"]]}
    assert (await change(sim, "addLabelsToLabelable", wanted, shown))["labelable"]["labels"]["nodes"] == [
        {"name": "bug"}
    ]
    assert (await change(sim, "removeLabelsFromLabelable", wanted, shown))["labelable"]["labels"]["nodes"] == []
    assigned = {"id": ids["issue"], "assigneeIds": [ids["katherine"]], "state": "CLOSED"}
    done = await change(sim, "updateIssue", assigned, "issue { state assignees(first: 5) { nodes { login } } }")
    assert done["issue"] == {"state": "CLOSED", "assignees": {"nodes": [{"login": "katherine"}]}}
    assert (await change(sim, "reopenIssue", {"issueId": ids["issue"]}, "issue { state }"))["issue"]["state"] == "OPEN"


async def test_what_rest_refuses_is_refused(sim: Sim, ids: dict[str, str]) -> None:
    pull = {"pullRequestId": ids["pull"]}
    own = await change(sim, "addPullRequestReview", pull | {"event": "APPROVE"}, "", login="mia")
    assert (own["type"], "your own pull request" in own["message"]) == ("UNPROCESSABLE", True)
    assert (await change(sim, "mergePullRequest", pull, "", login="mia"))["type"] == "FORBIDDEN"
    assert "draft" in (await change(sim, "mergePullRequest", pull, ""))["message"]
    assert (await change(sim, "closeIssue", {"issueId": "I_sim1"}, ""))["type"] == "NOT_FOUND"
    again = {"repositoryId": ids["repo"], "title": "T", "baseRefName": "main", "headRefName": "gone"}
    assert (await change(sim, "createPullRequest", again, ""))["type"] == "UNPROCESSABLE"


async def test_a_node_is_found_by_its_id(sim: Sim, ids: dict[str, str]) -> None:
    query = "query($id: ID!) { node(id: $id) { id __typename } }"
    kinds = {name: (await ask(sim, query, {"id": one}))["data"]["node"]["__typename"] for name, one in ids.items()}
    expected = {"repo": "Repository", "pull": "PullRequest", "issue": "Issue", "label": "Label", "katherine": "User"}
    assert kinds == expected


async def test_a_comment_is_hidden_for_a_reason_and_shown_again(sim: Sim, repo: RepoStory, ids: dict[str, str]) -> None:
    said = await sim.world.comment(repo.repo.issues[2], "mia", "Buy my valves")
    about, shown = {"subjectId": f"IC_sim{said.id}"}, "{ isMinimized minimizedReason viewerCanMinimize }"
    spam = about | {"classifier": "OFF_TOPIC"}
    assert (await change(sim, "minimizeComment", spam, "", login="mia"))["type"] == "FORBIDDEN"
    hidden = await change(sim, "minimizeComment", spam, f"minimizedComment {shown}")
    found = {"isMinimized": True, "minimizedReason": "off-topic", "viewerCanMinimize": True}
    assert hidden["minimizedComment"] == found
    again = await change(sim, "unminimizeComment", about, f"unminimizedComment {shown}")
    assert again["unminimizedComment"] == found | {"isMinimized": False, "minimizedReason": None}


async def test_what_is_said_is_told_with_who_its_author_is_and_who_liked_it(
    sim: Sim, repo: RepoStory, ids: dict[str, str]
) -> None:
    issue = repo.repo.issues[2]
    said = await sim.world.comment(issue, "katherine", "Here")
    for login in ("mia", "wernher"):
        await sim.world.react(said, login, "rocket")
    repo.repo.settings["description"] = "Things"
    query = """{ repository(owner: "acme", name: "widgets") { description issue(number: 2) { authorAssociation
        comments(first: 1) { nodes { authorAssociation reactionGroups { content users(first: 1) { totalCount nodes { login } } } } } } } }"""
    found = (await ask(sim, query))["data"]["repository"]
    assert (found["description"], found["issue"]["authorAssociation"]) == ("Things", "FIRST_TIME_CONTRIBUTOR")
    comment = found["issue"]["comments"]["nodes"][0]
    assert comment["authorAssociation"] == "COLLABORATOR"
    groups = {one["content"]: one["users"] for one in comment["reactionGroups"]}
    assert groups["ROCKET"] == {"totalCount": 2, "nodes": [{"login": "mia"}]}
    assert groups["EYES"] == {"totalCount": 0, "nodes": []}


async def test_an_issue_is_closed_for_a_reason(sim: Sim, ids: dict[str, str]) -> None:
    wanted = {"issueId": ids["issue"], "stateReason": "NOT_PLANNED"}
    closed = await change(sim, "closeIssue", wanted, "issue { state stateReason }")
    assert closed["issue"] == {"state": "CLOSED", "stateReason": "NOT_PLANNED"}


async def test_assignees_reactions_locks_and_comments_are_changed(
    sim: Sim, repo: RepoStory, ids: dict[str, str]
) -> None:
    issue, who = repo.repo.issues[2], "assignable { assignees(first: 5) { nodes { login } } }"
    wanted = {"assignableId": ids["issue"], "assigneeIds": [ids["katherine"]]}
    done = await change(sim, "addAssigneesToAssignable", wanted, who)
    assert done["assignable"]["assignees"]["nodes"] == [{"login": "katherine"}]
    done = await change(sim, "removeAssigneesFromAssignable", wanted, who)
    assert done["assignable"]["assignees"]["nodes"] == []
    lock = {"lockableId": ids["issue"], "lockReason": "TOO_HEATED"}
    assert (await change(sim, "lockLockable", lock, "", login="mia"))["type"] == "FORBIDDEN"
    done = await change(sim, "lockLockable", lock, "lockedRecord { locked activeLockReason }")
    assert done["lockedRecord"] == {"locked": True, "activeLockReason": "TOO_HEATED"}
    done = await change(sim, "unlockLockable", {"lockableId": ids["issue"]}, "unlockedRecord { locked }")
    assert done["unlockedRecord"] == {"locked": False}
    said = await sim.world.comment(issue, "mia", "Helo")
    comment = f"IC_sim{said.id}"
    edited = {"id": comment, "body": "Hello"}
    assert (await change(sim, "updateIssueComment", edited, "", login="katherine2"))["type"] == "FORBIDDEN"
    done = await change(sim, "updateIssueComment", edited, "issueComment { body }", login="mia")
    assert done["issueComment"]["body"] == "Hello"
    for subject in (ids["issue"], comment):
        heart = {"subjectId": subject, "content": "HEART"}
        shown = "reaction { content user { login } } reactionGroups { content users(first: 1) { totalCount } }"
        done = await change(sim, "addReaction", heart, shown)
        assert done["reaction"] == {"content": "HEART", "user": {"login": "wernher"}}
        assert {"content": "HEART", "users": {"totalCount": 1}} in done["reactionGroups"]
        assert "reaction" in await change(sim, "removeReaction", heart, "reaction { content }")
        assert (await change(sim, "removeReaction", heart, ""))["type"] == "UNPROCESSABLE"
    await change(sim, "deleteIssueComment", {"id": comment}, "")
    assert issue.comments == []


async def test_a_review_is_dismissed(sim: Sim, repo: RepoStory, ids: dict[str, str]) -> None:
    review = await sim.world.review(repo.repo.issues[1], "katherine", state="APPROVED")
    wanted = {"pullRequestReviewId": f"PRR_sim{review.id}", "message": "It has changed."}
    assert (await change(sim, "dismissPullRequestReview", wanted, "", login="mia"))["type"] == "FORBIDDEN"
    done = await change(sim, "dismissPullRequestReview", wanted, "pullRequestReview { state }")
    assert done["pullRequestReview"]["state"] == "DISMISSED"
    assert (await change(sim, "dismissPullRequestReview", wanted, ""))["type"] == "UNPROCESSABLE"


async def test_an_issue_is_no_pull_request(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    for name in ("closePullRequest", "markPullRequestReadyForReview", "mergePullRequest"):
        mutation = f'mutation {{{name}(input: {{pullRequestId: "I_sim{issue.issue.id}"}}) {{clientMutationId}}}}'
        (error,) = (await ask(sim, mutation))["errors"]
        assert (error["type"], "PullRequest node" in error["message"]) == ("NOT_FOUND", True)
    assert issue.issue.state == "open"
