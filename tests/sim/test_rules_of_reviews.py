"""Reviews that are begun and submitted, comments on lines and their threads."""

from __future__ import annotations

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.callers import expect
from tests.sim.support import Events, ask, client


@pytest.fixture
async def pr(repo: RepoStory) -> PullStory:
    return await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\ny\n"})


PLACE = "/repos/acme/widgets/pulls/1"


async def test_a_review_is_seen_when_it_is_submitted(sim: Sim, pr: PullStory, events: Events) -> None:
    async with client(sim, "katherine") as katherine, client(sim, "mia") as mia:
        comments = [{"path": "new.txt", "line": 2, "body": "Why?"}]
        begun = await expect(katherine.post(f"{PLACE}/reviews", json={"body": "Hm", "comments": comments}), 200)
        assert (begun["state"], "submitted_at" in begun) == ("PENDING", False)
        await expect(katherine.post(f"{PLACE}/reviews", json={"body": "Two"}), 422)
        assert await expect(mia.get(f"{PLACE}/reviews"), 200) == await expect(mia.get(f"{PLACE}/comments"), 200) == []
        await expect(mia.get(f"{PLACE}/reviews/{begun['id']}"), 404)
        assert len(await expect(katherine.get(f"{PLACE}/reviews"), 200)) == 1
        assert events.names[1:] == []
        path = f"{PLACE}/reviews/{begun['id']}"
        await expect(katherine.put(path, json={"body": "Hm!"}), 200)
        done = await expect(katherine.post(f"{path}/events", json={"event": "REQUEST_CHANGES"}), 200)
        assert (done["state"], done["body"]) == ("CHANGES_REQUESTED", "Hm!")
        await expect(katherine.post(f"{path}/events", json={"event": "APPROVE"}), 422)
        await expect(katherine.delete(path), 422)
        assert [c["body"] for c in await expect(mia.get(f"{path}/comments"), 200)] == ["Why?"]
    assert events.names == [("pull_request_review", "submitted"), ("pull_request_review_comment", "created")]


async def test_what_is_not_submitted_counts_for_nothing_and_is_its_authors_alone(
    sim: Sim, repo: RepoStory, pr: PullStory
) -> None:
    repo.protect(reviews=1)
    repo.collaborator("katherine", "write")
    await pr.approve("katherine")
    await pr.review("katherine", "PENDING", "Hm")
    query = """{ repository(owner: "acme", name: "widgets") { pullRequest(number: 1) { reviewDecision
        reviews(first: 5) { nodes { state } } latestReviews(first: 5) { nodes { state } }
        latestOpinionatedReviews(first: 5) { nodes { state } } } } }"""
    for login, seen in (("mia", ["APPROVED"]), ("katherine", ["APPROVED", "PENDING"])):
        found = (await ask(sim, query, login=login))["data"]["repository"]["pullRequest"]
        assert found["reviewDecision"] == "APPROVED"
        assert [one["state"] for one in found["reviews"]["nodes"]] == seen
        assert [one["state"] for one in found["latestReviews"]["nodes"]] == seen[-1:]
        assert [one["state"] for one in found["latestOpinionatedReviews"]["nodes"]] == ["APPROVED"]


async def test_a_review_that_was_begun_is_thrown_away(sim: Sim, pr: PullStory) -> None:
    async with client(sim, "katherine") as katherine:
        comments = [{"path": "new.txt", "line": 1, "body": "Why?"}]
        begun = await expect(katherine.post(f"{PLACE}/reviews", json={"comments": comments}), 200)
        await expect(katherine.delete(f"{PLACE}/reviews/{begun['id']}"), 200)
        assert await expect(katherine.get(f"{PLACE}/reviews"), 200) == []
        assert await expect(katherine.get(f"{PLACE}/comments"), 200) == []


async def test_comments_are_on_files_that_change_and_answer_each_other(sim: Sim, pr: PullStory) -> None:
    async with client(sim, "katherine") as katherine, client(sim, "mia") as mia:
        body = {"body": "Why?", "path": "README.md", "line": 1, "commit_id": pr.head_sha}
        await expect(katherine.post(f"{PLACE}/comments", json=body), 422)
        first = await expect(katherine.post(f"{PLACE}/comments", json=body | {"path": "new.txt", "line": 2}), 201)
        answer = await expect(mia.post(f"{PLACE}/comments/{first['id']}/replies", json={"body": "So"}), 201)
        third = await expect(katherine.post(f"{PLACE}/comments/{answer['id']}/replies", json={"body": "Oh"}), 201)
        assert answer["in_reply_to_id"] == third["in_reply_to_id"] == first["id"]
        assert (third["path"], third["line"]) == ("new.txt", 2)
        one = f"/repos/acme/widgets/pulls/comments/{first['id']}"
        await expect(mia.patch(one, json={"body": "x"}), 403)
        await expect(katherine.patch(one, json={"body": "Why so?"}), 200)
        assert (await expect(mia.get(one), 200))["body"] == "Why so?"
        listed = await expect(mia.get("/repos/acme/widgets/pulls/comments"), 200)
        assert [c["body"] for c in listed] == ["Why so?", "So", "Oh"]


async def test_a_locked_pull_request_takes_no_reviews_from_outside(sim: Sim, repo: RepoStory, pr: PullStory) -> None:
    repo.collaborator("katherine", "write")
    await sim.world.set_lock(pr.issue, "prow-bot", locked=True)
    async with client(sim, "katherine") as katherine, client(sim, "ada") as ada:
        await expect(ada.post(f"{PLACE}/reviews", json={"event": "COMMENT", "body": "Hm"}), 403)
        await expect(katherine.post(f"{PLACE}/reviews", json={"event": "APPROVE"}), 200)


async def test_owners_of_what_changes_are_asked_for_a_review(sim: Sim, repo: RepoStory, events: Events) -> None:
    repo.collaborator("katherine", "write")
    repo.add_team("core", ["ada"], "write")
    await repo.push("wernher", {".github/CODEOWNERS": "/src/ @katherine @acme/core @stranger\n/docs/ @mia\n"})
    pr = await repo.open_pull_request("mia", title="Fix it", files={"src/a": "a", "docs/b": "b"}, draft=True)
    assert pr.requested_reviewers == set()
    await pr.ready_for_review()
    assert pr.requested_reviewers == {"katherine"}
    async with client(sim) as nobody:
        asked = await expect(nobody.get(f"/repos/acme/widgets/pulls/{pr.number}/requested_reviewers"), 200)
    assert [team["slug"] for team in asked["teams"]] == ["core"]
    told = [p for p in events.payloads("pull_request") if p["action"] == "review_requested"]
    assert {p["sender"]["login"] for p in told} == {"mia"}
