"""Reviews, comments on lines, and who is asked, by GitHub's rules."""

from __future__ import annotations

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.support import Events, client

PULL = "/repos/acme/widgets/pulls/1"


@pytest.fixture
async def pr(repo: RepoStory, events: Events) -> PullStory:
    repo.collaborator("katherine", "write")
    return await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})


async def test_a_review_is_announced_in_lower_case_and_told_in_upper(sim: Sim, pr: PullStory, events: Events) -> None:
    async with client(sim, "katherine") as katherine:
        made = await katherine.post(f"{PULL}/reviews", json={"event": "APPROVE", "body": "Good"})
        assert (made.status_code, made.json()["state"], made.json()["commit_id"]) == (200, "APPROVED", pr.head_sha)
        assert [r["user"]["login"] for r in (await katherine.get(f"{PULL}/reviews")).json()] == ["katherine"]
        assert (await katherine.post(f"{PULL}/reviews", json={"event": "ODD"})).status_code == 422
        assert (await katherine.post(f"{PULL}/reviews", json={"event": "COMMENT"})).status_code == 422
    told = events.payloads("pull_request_review")
    assert [(p["action"], p["review"]["state"], p["sender"]["login"]) for p in told] == [
        ("submitted", "approved", "katherine")
    ]


async def test_nobody_approves_his_own(sim: Sim, pr: PullStory, events: Events) -> None:
    async with client(sim, "mia") as mia:
        for event, verb in (("APPROVE", "approve"), ("REQUEST_CHANGES", "request changes on")):
            answer = await mia.post(f"{PULL}/reviews", json={"event": event, "body": "Hm"})
            assert (answer.status_code, answer.json()["errors"]) == (422, [f"Can not {verb} your own pull request"])
        assert (await mia.post(f"{PULL}/reviews", json={"event": "COMMENT", "body": "/lgtm"})).status_code == 200
    assert [p["review"]["body"] for p in events.payloads("pull_request_review")] == ["/lgtm"]


async def test_a_review_is_dismissed_by_who_may_write(sim: Sim, pr: PullStory, events: Events) -> None:
    review = await pr.approve("katherine")
    comment = await pr.review("katherine", "COMMENTED", "Hm")
    path = f"{PULL}/reviews/{review.id}/dismissals"
    async with client(sim, "mia") as mia, client(sim, "prow-bot") as bot:
        assert (await mia.put(path, json={"message": "No"})).status_code == 403
        assert (await bot.put(path, json={"message": ""})).status_code == 422
        assert (await bot.put(path.replace(str(review.id), "1"), json={"message": "No"})).status_code == 404
        assert (await bot.put(path, json={"message": "Old"})).json()["state"] == "DISMISSED"
        assert (await bot.put(path, json={"message": "Old"})).status_code == 422
        other = f"{PULL}/reviews/{comment.id}/dismissals"
        assert (await bot.put(other, json={"message": "Old"})).status_code == 422
        history = (await bot.get("/repos/acme/widgets/issues/1/events")).json()
    told = events.payloads("pull_request_review")[-1]
    assert (told["action"], told["review"]["state"]) == ("dismissed", "dismissed")
    assert (history[-1]["event"], history[-1]["dismissed_review"]["state"]) == ("review_dismissed", "approved")


async def test_comments_on_lines_are_made_answered_edited_and_deleted(sim: Sim, pr: PullStory, events: Events) -> None:
    async with client(sim, "katherine") as katherine, client(sim, "mia") as mia:
        line = {"body": "Why?", "path": "new.txt", "line": 1, "commit_id": pr.head_sha}
        made = (await katherine.post(f"{PULL}/comments", json=line)).json()
        assert (await katherine.post(f"{PULL}/comments", json={"body": "Why?"})).status_code == 422
        reply = (await mia.post(f"{PULL}/comments/{made['id']}/replies", json={"body": "So."})).json()
        assert (reply["path"], reply["in_reply_to_id"]) == ("new.txt", made["id"])
        path = f"/repos/acme/widgets/pulls/comments/{made['id']}"
        assert (await mia.patch(path, json={"body": "x"})).status_code == 403
        assert (await katherine.patch(path, json={"body": "How?"})).json()["body"] == "How?"
        assert [c["body"] for c in (await mia.get(f"{PULL}/comments")).json()] == ["How?", "So."]
        assert (await katherine.delete(path)).status_code == 204
        assert (await katherine.delete(path)).status_code == 404
    told = [p["action"] for p in events.payloads("pull_request_review_comment")]
    assert told == ["created", "created", "edited", "deleted"]


async def test_a_review_may_bring_comments_on_lines(sim: Sim, pr: PullStory, events: Events) -> None:
    async with client(sim, "katherine") as katherine:
        comments = [{"path": "new.txt", "position": 1, "body": "/hold"}]
        review = (await katherine.post(f"{PULL}/reviews", json={"event": "COMMENT", "comments": comments})).json()
        found = (await katherine.get(f"{PULL}/comments")).json()
    assert [(c["body"], c["pull_request_review_id"]) for c in found] == [("/hold", review["id"])]


async def test_reviewers_are_asked_all_or_none(sim: Sim, repo: RepoStory, pr: PullStory, events: Events) -> None:
    repo.add_team("owners", ["wernher"])
    sim.world.user("stranger")
    path = f"{PULL}/requested_reviewers"
    async with client(sim, "prow-bot") as bot:
        refused = await bot.post(path, json={"reviewers": ["katherine", "stranger"]})
        assert refused.status_code == 422
        assert "Reviews may only be requested from collaborators." in refused.json()["message"]
        own = await bot.post(path, json={"reviewers": ["mia"]})
        assert own.json()["message"] == "Review cannot be requested from pull request author."
        assert (await bot.post(path, json={"team_reviewers": ["nobody"]})).status_code == 422
        body = {"reviewers": ["katherine", "wernher"], "team_reviewers": ["owners"]}
        made = (await bot.post(path, json=body)).json()
        assert [u["login"] for u in made["requested_reviewers"]] == ["katherine", "wernher"]
        assert [t["slug"] for t in made["requested_teams"]] == ["owners"]
        gone = await bot.request(
            "DELETE", path, json={"reviewers": ["Wernher", "nobody"], "team_reviewers": ["owners"]}
        )
        assert gone.status_code == 200
        assert [u["login"] for u in (await bot.get(path)).json()["users"]] == ["katherine"]
    told = [(p["action"], (p.get("requested_reviewer") or {}).get("login")) for p in events.payloads("pull_request")]
    assert told[1:] == [
        ("review_requested", "katherine"),
        ("review_requested", "wernher"),
        ("review_requested", None),
        ("review_request_removed", "wernher"),
        ("review_request_removed", None),
    ]
    await pr.approve("katherine")
    assert pr.requested_reviewers == set()
