"""What issues and pull requests share: history, assignees, milestones, edits; teams and their rights."""

from __future__ import annotations

import pytest

from prow.sim.errors import Refused
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.support import Events, client


async def test_the_history_tells_who_labelled_what(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    await pr.label("wernher", "approved")
    await pr.unlabel("prow-bot", "approved")
    await pr.label("prow-bot", "approved")
    await pr.edit("mia", title="Fix all of it")
    await pr.close("mia")
    await pr.reopen("mia")
    await pr.merge("prow-bot")
    async with client(sim) as nobody:
        found = (await nobody.get(f"/repos/acme/widgets/issues/{pr.number}/events")).json()
    assert [(e["event"], e["actor"]["login"], e.get("label", {}).get("name")) for e in found] == [
        ("labeled", "wernher", "approved"),
        ("unlabeled", "prow-bot", "approved"),
        ("labeled", "prow-bot", "approved"),
        ("renamed", "mia", None),
        ("closed", "mia", None),
        ("reopened", "mia", None),
        ("merged", "prow-bot", None),
        ("closed", "prow-bot", None),
    ]
    assert found[6]["commit_id"] == pr.merge_commit


async def test_who_may_be_assigned(sim: Sim, repo: RepoStory, events: Events) -> None:
    issue = await repo.open_issue("mia", title="Help")
    sim.world.user("stranger")
    await issue.comment("talker", "I can do that.")
    async with client(sim, "prow-bot") as bot:
        path = f"/repos/acme/widgets/issues/{issue.number}/assignees"
        body = {"assignees": ["stranger", "talker", "mia", "wernher", "nobody"]}
        answer = await bot.post(path, json=body)
        assert answer.status_code == 201
        assert [u["login"] for u in answer.json()["assignees"]] == ["talker", "mia", "wernher"]
        assert (await bot.get("/repos/acme/widgets/assignees/wernher")).status_code == 204
        assert (await bot.get("/repos/acme/widgets/assignees/stranger")).status_code == 404
        await bot.request("DELETE", path, json={"assignees": ["talker", "stranger"]})
    assert issue.assignees == {"mia", "wernher"}
    told = [(p["action"], p["assignee"]["login"]) for p in events.payloads("issues")[1:]]
    assert told == [("assigned", "talker"), ("assigned", "mia"), ("assigned", "wernher"), ("unassigned", "talker")]
    assert [e.event for e in issue.issue.events] == ["assigned", "assigned", "assigned", "unassigned"]


async def test_milestones_come_and_go(sim: Sim, repo: RepoStory, events: Events) -> None:
    issue = await repo.open_issue("mia", title="Help")
    async with client(sim, "prow-bot") as bot:
        made = (await bot.post("/repos/acme/widgets/milestones", json={"title": "v1"})).json()
        assert (await bot.post("/repos/acme/widgets/milestones", json={"title": "v1"})).status_code == 422
        path = f"/repos/acme/widgets/issues/{issue.number}"
        assert (await bot.patch(path, json={"milestone": 77})).status_code == 422
        assert (await bot.patch(path, json={"milestone": made["number"]})).json()["milestone"]["title"] == "v1"
        assert (await bot.patch(path, json={"milestone": None})).json()["milestone"] is None
        assert [m["title"] for m in (await bot.get("/repos/acme/widgets/milestones")).json()] == ["v1"]
    assert [p["action"] for p in events.payloads("issues")[1:]] == ["milestoned", "demilestoned"]


async def test_a_new_base_is_told_with_the_old_one(repo: RepoStory, events: Events) -> None:
    await repo.push("wernher", {"a": "a"}, branch="release")
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    await pr.edit("mia", base="release")
    told = events.payloads("pull_request")[-1]
    assert (told["action"], told["changes"]["base"]["ref"]["from"]) == ("edited", "main")
    assert told["pull_request"]["base"]["ref"] == "release"
    with pytest.raises(Refused):
        await pr.edit("mia", base="nowhere")


async def test_labels_and_assignees_can_be_set_as_a_whole(sim: Sim, repo: RepoStory) -> None:
    issue = await repo.open_issue("mia", title="Help")
    await issue.label("wernher", "a", "b")
    async with client(sim, "prow-bot") as bot:
        path = f"/repos/acme/widgets/issues/{issue.number}"
        await bot.patch(path, json={"labels": ["B", "c"], "assignees": ["wernher"]})
        assert (issue.labels, issue.assignees) == ({"b", "c"}, {"wernher"})
        await bot.patch(path, json={"assignees": []})
        assert issue.assignees == set()
        assert [i["number"] for i in (await bot.get("/repos/acme/widgets/issues?labels=b,C")).json()] == [1]
        assert (await bot.get("/repos/acme/widgets/issues?labels=a")).json() == []


async def test_one_branch_has_one_pull_request(repo: RepoStory) -> None:
    first = await repo.open_pull_request("mia", title="One", files={"a": "a"})
    second = await repo.open_pull_request("mia", title="Two", files={"b": "b"})
    assert (first.issue.pull.head_ref, second.issue.pull.head_ref) == ("change", "change-2")  # type: ignore[union-attr]
    with pytest.raises(Refused):
        await repo.open_pull_request("mia", title="Three", files={"c": "c"}, branch="change")


async def test_a_team_gives_rights(sim: Sim, repo: RepoStory) -> None:
    repo.add_team("owners", ["ada"], "write")
    repo.add_team("readers", ["bob"])
    async with client(sim, "prow-bot") as bot:
        assert [t["slug"] for t in (await bot.get("/orgs/acme/teams")).json()] == ["owners", "readers"]
        assert [u["login"] for u in (await bot.get("/orgs/acme/teams/owners/members")).json()] == ["ada"]
        assert (await bot.get("/orgs/acme/teams/owners/memberships/ada")).status_code == 200
        assert (await bot.get("/orgs/acme/teams/owners/memberships/bob")).status_code == 404
        assert (await bot.get("/repos/acme/widgets/collaborators/ada")).status_code == 204
        assert (await bot.get("/repos/acme/widgets/collaborators/stranger")).status_code == 404
        permission = (await bot.get("/repos/acme/widgets/collaborators/ada/permission")).json()
    assert permission["permission"] == "write"
