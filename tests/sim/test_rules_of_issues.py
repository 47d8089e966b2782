"""Issues: limits, states and their reasons, locks, reactions, history, labels and milestones of the repository."""

from __future__ import annotations

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from prow.sim.world.lines import Spot
from tests.sim.callers import expect
from tests.sim.support import Events, client

PLACE = "/repos/acme/widgets"


async def test_texts_have_their_limits(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    path = f"{PLACE}/issues/{issue.number}"
    async with client(sim, "prow-bot") as bot:
        for body in ({"title": ""}, {"title": "x" * 257}, {"title": "x", "body": "x" * 65_537}):
            await expect(bot.post(f"{PLACE}/issues", json=body), 422)
        await expect(bot.post(f"{PLACE}/issues", json={"title": "x" * 256, "body": "y" * 65_536}), 201)
        await expect(bot.post(f"{path}/comments", json={"body": "x" * 65_537}), 422)
        await expect(bot.post(f"{path}/comments", json={"body": "  "}), 422)
        await expect(bot.patch(path, json={"title": "x" * 257}), 422)
        await expect(bot.post(f"{path}/labels", json={"labels": ["x" * 51]}), 422)
        await expect(bot.post(f"{path}/labels", json={"labels": [f"l{n}" for n in range(101)]}), 422)
        assert await expect(bot.get(f"{path}/labels"), 200) == []
        await expect(bot.post(f"{path}/labels", json={"labels": [f"l{n}" for n in range(100)]}), 200)
        await expect(bot.post(f"{path}/labels", json={"labels": ["one more"]}), 422)


async def test_ten_people_are_assigned_at_most_and_only_those_who_belong(sim: Sim, repo: RepoStory) -> None:
    names = [f"dev{n}" for n in range(11)]
    sim.world.org("acme", members=names)
    issue = await repo.open_issue("mia", title="Help")
    sim.world.user("stranger")
    path = f"{PLACE}/issues/{issue.number}"
    async with client(sim, "prow-bot") as bot:
        made = await expect(bot.post(f"{path}/assignees", json={"assignees": ["stranger", "mia", *names]}), 201)
        assert [u["login"] for u in made["assignees"]] == ["mia", *names[:9]]
        await expect(bot.get(f"{PLACE}/assignees/stranger"), 404)
        await expect(bot.get(f"{path}/assignees/mia"), 204)
        assert "stranger" not in [u["login"] for u in await expect(bot.get(f"{PLACE}/assignees?per_page=100"), 200)]


async def test_an_issue_says_why_it_is_closed(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    path = f"{PLACE}/issues/{issue.number}"
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia, client(sim, "ada") as ada:
        await expect(ada.patch(path, json={"state": "closed"}), 403)
        closed = await expect(bot.patch(path, json={"state": "closed", "state_reason": "not_planned"}), 200)
        assert (closed["state_reason"], closed["closed_by"]["login"]) == ("not_planned", "prow-bot")
        other = await expect(bot.patch(path, json={"state": "closed", "state_reason": "completed"}), 200)
        assert other["state_reason"] == "completed"
        opened = await expect(mia.patch(path, json={"state": "open"}), 200)
        assert (opened["state_reason"], opened["closed_by"]) == ("reopened", None)
        assert (await expect(bot.patch(path, json={"state": "closed"}), 200))["state_reason"] == "completed"
        await expect(bot.patch(path, json={"state": "closed", "state_reason": "bored"}), 422)
        await expect(bot.patch(path, json={"state": "odd"}), 422)


async def test_a_locked_issue_is_for_those_who_may_write(sim: Sim, repo: RepoStory, events: Events) -> None:
    issue = await repo.open_issue("mia", title="Help")
    path = f"{PLACE}/issues/{issue.number}"
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        await expect(mia.put(f"{path}/lock", json={}), 403)
        await expect(bot.put(f"{path}/lock", json={"lock_reason": "bored"}), 422)
        await expect(bot.put(f"{path}/lock", json={"lock_reason": "too heated"}), 204)
        told = await expect(mia.get(path), 200)
        assert (told["locked"], told["active_lock_reason"]) == (True, "too heated")
        refused = await expect(mia.post(f"{path}/comments", json={"body": "But"}), 403)
        assert refused["message"] == "Unable to create comment because issue is locked."
        await expect(bot.post(f"{path}/comments", json={"body": "Enough"}), 201)
        await expect(bot.delete(f"{path}/lock"), 204)
        await expect(mia.post(f"{path}/comments", json={"body": "Sorry"}), 201)
    assert [p["action"] for p in events.payloads("issues")] == ["opened", "locked", "unlocked"]


async def test_a_reaction_is_there_once_for_each_user(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"a": "a\n"})
    comment = await pr.comment("mia", "Hello")
    line = await sim.world.review_comment(pr.issue, "mia", body="Here", spot=Spot("a"))
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        for place in (
            f"{PLACE}/issues/{pr.number}",
            f"{PLACE}/issues/comments/{comment.id}",
            f"{PLACE}/pulls/comments/{line.id}",
        ):
            made = await expect(bot.post(f"{place}/reactions", json={"content": "heart"}), 201)
            assert (await expect(bot.post(f"{place}/reactions", json={"content": "heart"}), 200))["id"] == made["id"]
            await expect(bot.post(f"{place}/reactions", json={"content": "yawn"}), 422)
            await expect(mia.post(f"{place}/reactions", json={"content": "+1"}), 201)
            assert (await expect(bot.get(place), 200))["reactions"] == {
                "url": f"{sim.world.base}{place}/reactions",
                "total_count": 2,
                **dict.fromkeys(("-1", "laugh", "hooray", "confused", "rocket", "eyes"), 0),
                "+1": 1,
                "heart": 1,
            }
            assert len(await expect(bot.get(f"{place}/reactions?content=heart"), 200)) == 1
            await expect(mia.delete(f"{place}/reactions/{made['id']}"), 403)
            await expect(bot.delete(f"{place}/reactions/{made['id']}"), 204)
            assert len(await expect(bot.get(f"{place}/reactions"), 200)) == 1


async def test_history_tells_everything_in_order(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"a": "a\n"})
    await pr.label("prow-bot", "bug")
    await pr.comment("ada", "Hello")
    await pr.review("katherine", "COMMENTED", "Hm.")
    async with client(sim) as nobody:
        told = await expect(nobody.get(f"{PLACE}/issues/{pr.number}/timeline"), 200)
        assert [e["event"] for e in told] == ["committed", "labeled", "commented", "reviewed"]
        listed = await expect(nobody.get(f"{PLACE}/issues/events"), 200)
        assert [(e["event"], e["issue"]["number"]) for e in listed] == [("labeled", pr.number)]


async def test_lists_are_narrowed_and_ordered(sim: Sim, repo: RepoStory) -> None:
    first = await repo.open_issue("mia", title="First")
    second = await repo.open_issue("ada", title="Second")
    await first.label("prow-bot", "bug")
    await first.comment("ada", "Hello")
    await sim.world.assign(second.issue, "prow-bot", ["ada"])
    async with client(sim) as nobody:

        async def numbers(query: str) -> list[int]:
            return [i["number"] for i in await expect(nobody.get(f"{PLACE}/issues?{query}"), 200)]

        assert await numbers("") == [2, 1]
        assert await numbers("direction=asc") == [1, 2]
        assert await numbers("sort=comments") == [1, 2]
        assert await numbers("labels=BUG") == await numbers("creator=mia") == [1]
        assert await numbers("assignee=ada") == await numbers("assignee=*") == [2]
        assert await numbers("assignee=none") == [1]
        assert await numbers("since=2999-01-01T00:00:00Z") == await numbers("state=closed") == []
        said = await expect(nobody.get(f"{PLACE}/issues/comments"), 200)
        assert [c["body"] for c in said] == ["Hello"]


async def test_a_label_is_made_renamed_and_deleted_everywhere(sim: Sim, repo: RepoStory, events: Events) -> None:
    issue = await repo.open_issue("mia", title="Help")
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        body = {"name": "kind/bug", "color": "FF0000", "description": "It is broken"}
        await expect(mia.post(f"{PLACE}/labels", json=body), 403)
        made = await expect(bot.post(f"{PLACE}/labels", json=body), 201)
        assert (made["name"], made["color"], made["description"]) == ("kind/bug", "ff0000", "It is broken")
        await expect(bot.post(f"{PLACE}/labels", json={"name": "KIND/BUG"}), 422)
        for wrong in ({"name": ""}, {"name": "x", "color": "#ff0000"}, {"name": "x", "description": "x" * 101}):
            await expect(bot.post(f"{PLACE}/labels", json=wrong), 422)
        await issue.label("prow-bot", "kind/bug")
        changed = {"new_name": "kind/defect", "color": "00ff00"}
        await expect(bot.patch(f"{PLACE}/labels/kind/bug", json=changed), 200)
        assert issue.labels == {"kind/defect"}
        await expect(bot.get(f"{PLACE}/labels/kind/bug"), 404)
        assert (await expect(bot.get(f"{PLACE}/labels/kind/defect"), 200))["color"] == "00ff00"
        await expect(bot.delete(f"{PLACE}/labels/kind/defect"), 204)
        assert issue.labels == set()
    assert [p["action"] for p in events.payloads("label")] == ["created", "edited", "deleted"]
    assert events.names[-2:] == [("issues", "unlabeled"), ("label", "deleted")]


async def test_labels_are_replaced_as_a_whole(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    await issue.label("prow-bot", "a", "b")
    async with client(sim, "prow-bot") as bot:
        path = f"{PLACE}/issues/{issue.number}/labels"
        await expect(bot.put(path, json={"labels": ["b", "c"]}), 200)
        assert issue.labels == {"b", "c"}
        await expect(bot.delete(path), 204)
        assert issue.labels == set()


async def test_a_milestone_is_kept_counted_and_taken_away(sim: Sim, repo: RepoStory, events: Events) -> None:
    issue = await repo.open_issue("mia", title="Help")
    async with client(sim, "prow-bot") as bot:
        wanted = {"title": "v1", "description": "First", "due_on": "2030-01-01T00:00:00Z"}
        made = await expect(bot.post(f"{PLACE}/milestones", json=wanted), 201)
        assert {key: made[key] for key in wanted} == wanted
        await expect(bot.post(f"{PLACE}/milestones", json={"title": "v1"}), 422)
        await expect(bot.patch(f"{PLACE}/issues/{issue.number}", json={"milestone": made["number"]}), 200)
        path = f"{PLACE}/milestones/{made['number']}"
        assert (await expect(bot.get(path), 200))["open_issues"] == 1
        await expect(bot.patch(path, json={"state": "closed"}), 200)
        assert await expect(bot.get(f"{PLACE}/milestones"), 200) == []
        assert len(await expect(bot.get(f"{PLACE}/milestones?state=closed"), 200)) == 1
        await expect(bot.patch(f"{PLACE}/issues/{issue.number}", json={"milestone": 77}), 422)
        await expect(bot.delete(path), 204)
        assert (await expect(bot.get(f"{PLACE}/issues/{issue.number}"), 200))["milestone"] is None
        assert (await expect(bot.post(f"{PLACE}/milestones", json={"title": "v1"}), 201))["number"] == 2
    assert [p["action"] for p in events.payloads("milestone")] == ["created", "closed", "deleted", "created"]


async def test_what_an_outsider_asks_for_with_an_issue_is_passed_over(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "mia") as mia, client(sim, "prow-bot") as bot:
        wanted = {"title": "Help", "labels": ["bug"], "assignees": ["wernher"]}
        assert (await expect(mia.post(f"{PLACE}/issues", json=wanted), 201))["labels"] == []
        made = await expect(bot.post(f"{PLACE}/issues", json=wanted), 201)
        assert ([label["name"] for label in made["labels"]], made["assignee"]["login"]) == (["bug"], "wernher")
        repo.repo.settings["has_issues"] = False
        await expect(bot.post(f"{PLACE}/issues", json={"title": "x"}), 410)


@pytest.mark.parametrize(
    ("login", "word"),
    [("acme-owner", "MEMBER"), ("prow-bot", "MEMBER"), ("katherine", "COLLABORATOR"), ("mia", "NONE")],
)
async def test_what_somebody_is_to_the_repository_stands_beside_his_words(
    sim: Sim, repo: RepoStory, login: str, word: str
) -> None:
    sim.world.org("acme", owners=["acme-owner"])
    repo.collaborator("katherine")
    issue = await repo.open_issue(login, title="Help")
    async with client(sim) as nobody:
        told = await expect(nobody.get(f"{PLACE}/issues/{issue.number}"), 200)
    assert told["author_association"] == word


async def test_somebody_new_becomes_a_contributor(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"a": "a\n"})
    await pr.expect_mergeable()
    async with client(sim) as nobody:
        path = f"{PLACE}/pulls/{pr.number}"
        assert (await expect(nobody.get(path), 200))["author_association"] == "FIRST_TIME_CONTRIBUTOR"
        await pr.merge("prow-bot")
        assert (await expect(nobody.get(path), 200))["author_association"] == "CONTRIBUTOR"
