"""Reviews by GraphQL: begun, added to, answered, submitted."""

from __future__ import annotations

from typing import Any

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.support import ask


@pytest.fixture
async def pr(repo: RepoStory) -> PullStory:
    return await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\ny\n"})


async def asked(sim: Sim, mutation: str, *, login: str = "katherine", **variables: Any) -> Any:
    answer = await ask(sim, mutation, variables, login=login)
    assert "errors" not in answer, answer
    return next(iter(answer["data"].values()))


BEGIN = "mutation($id: ID!) {addPullRequestReview(input: {pullRequestId: $id}) {pullRequestReview {id state}}}"
ADD = """mutation($id: ID!, $line: Int!) {addPullRequestReviewThread(input: {
    pullRequestReviewId: $id, path: "new.txt", line: $line, body: "Why?"}) {thread {id line path}}}"""
SUBMIT = """mutation($id: ID!) {submitPullRequestReview(input: {
    pullRequestReviewId: $id, event: REQUEST_CHANGES, body: "Hm."}) {pullRequestReview {state body}}}"""
REPLY = """mutation($id: ID!) {addPullRequestReviewThreadReply(input: {
    pullRequestReviewThreadId: $id, body: "So."}) {comment {body path line}}}"""


async def test_a_review_is_begun_added_to_submitted_and_answered(sim: Sim, pr: PullStory) -> None:
    begun = (await asked(sim, BEGIN, id=f"PR_sim{pr.issue.id}"))["pullRequestReview"]
    assert begun["state"] == "PENDING"
    added = (await asked(sim, ADD, id=begun["id"], line=2))["thread"]
    assert (added["line"], added["path"]) == (2, "new.txt")
    assert (await asked(sim, ADD, id=begun["id"], line=77))["thread"] is None
    assert "errors" in await ask(sim, ADD, {"id": begun["id"], "line": 1}, login="ada")
    done = (await asked(sim, SUBMIT, id=begun["id"]))["pullRequestReview"]
    assert done == {"state": "CHANGES_REQUESTED", "body": "Hm."}
    answer = (await asked(sim, REPLY, login="mia", id=added["id"]))["comment"]
    assert answer == {"body": "So.", "path": "new.txt", "line": 2}


async def test_a_review_comes_with_its_comments_or_not_at_all(sim: Sim, pr: PullStory) -> None:
    mutation = """mutation($id: ID!, $line: Int!) {addPullRequestReview(input: {pullRequestId: $id, event: COMMENT,
        threads: [{path: "new.txt", line: $line, body: "Here?"}],
        comments: [{path: "new.txt", position: 1, body: "There?"}]}) {pullRequestReview {state}}}"""
    number = f"PR_sim{pr.issue.id}"
    refused = await ask(sim, mutation, {"id": number, "line": 9}, login="katherine")
    assert "must be part of the diff" in refused["errors"][0]["message"]
    assert pr.reviews == []
    made = await asked(sim, mutation, id=number, line=2)
    assert made["pullRequestReview"]["state"] == "COMMENTED"
    assert pr.issue.pull is not None
    assert [(one.line, one.body) for one in pr.issue.pull.review_comments] == [(1, "There?"), (2, "Here?")]
