"""The simulated GitHub, reached as a program reaches it: over HTTP, and by git."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from prow.lib import http
from prow.sim.gitrepo import git
from prow.sim.plan import Error, Match, Rule
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory, Unexpected
from tests.sim.support import Clone, Receiver, client, simulated


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Sim]:
    async with simulated(tmp_path, served=True) as sim:
        yield sim


@pytest.fixture
async def receiver(sim: Sim, repo: RepoStory) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with http.serve(receiver.app) as port:
        sim.world.add_hook(repo.repo, url=f"http://127.0.0.1:{port}/hook", secret="s3cret")
        await sim.world.hooks.settled()
        yield receiver


async def test_a_pull_request_from_a_fork_is_announced_and_merges(
    sim: Sim, repo: RepoStory, receiver: Receiver
) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"run.sh": "#!/bin/sh\necho better\n"})
    await pr.wait_for(lambda p: p.issue.pull is not None and p.issue.pull.mergeable is True, "a clean merge")
    await sim.world.hooks.settled()
    assert receiver.events() == [("ping", ""), ("pull_request", "opened")]
    headers, body = receiver.got[-1]
    assert headers["x-hub-signature-256"] == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    payload = json.loads(body)
    assert payload["pull_request"]["mergeable"] is None
    assert payload["pull_request"]["head"]["repo"]["full_name"] == "mia/widgets"
    assert payload["pull_request"]["changed_files"] == 1
    assert payload["organization"]["login"] == "acme"


async def test_conflicts_are_found_by_git(repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="One way", files={"README.md": "# one\n"})
    await repo.push("wernher", {"README.md": "# another\n"})
    await pr.wait_for(lambda p: p.issue.pull is not None and p.issue.pull.mergeable is False, "a conflict")


async def test_a_push_to_the_head_synchronizes(sim: Sim, repo: RepoStory, receiver: Receiver) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"run.sh": "exit 1\n"})
    first = pr.head_sha
    second = await pr.push({"run.sh": "exit 0\n"})
    await sim.world.hooks.settled()
    payload = json.loads(receiver.got[-1][1])
    assert (payload["action"], payload["before"], payload["after"]) == ("synchronize", first, second)
    assert pr.head_sha == second


async def test_git_clones_pull_refs_and_pushes(sim: Sim, repo: RepoStory, receiver: Receiver, tmp_path: Path) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    await pr.wait_for(lambda p: p.issue.pull is not None and p.issue.pull.mergeable is True, "a clean merge")
    clone = await Clone.make(sim, tmp_path, "prow-bot")
    await git("fetch", "--quiet", "origin", f"refs/pull/{pr.number}/head", cwd=clone.folder)
    assert (await git("rev-parse", "FETCH_HEAD", cwd=clone.folder)).decode().strip() == pr.head_sha
    await clone.commit("more.txt", "more\n")
    await git("remote", "set-url", "origin", f"{sim.world.base}/acme/widgets", cwd=clone.folder)
    assert await clone.push("main") != ""
    await git("remote", "set-url", "origin", clone.address("acme/widgets"), cwd=clone.folder)
    assert await clone.push("main") == ""
    await sim.world.hooks.settled()
    push = next(json.loads(b) for h, b in receiver.got if h["x-github-event"] == "push")
    assert (push["ref"], push["commits"][0]["added"], push["sender"]["login"]) == (
        "refs/heads/main",
        ["more.txt"],
        "prow-bot",
    )


async def test_labels_make_events_and_unknown_ones_are_created(sim: Sim, repo: RepoStory, receiver: Receiver) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    async with client(sim, "prow-bot") as bot:
        path = f"/repos/acme/widgets/issues/{pr.number}/labels"
        assert (await bot.post(path, json={"labels": ["hold", "hold"]})).json()[0]["name"] == "hold"
        assert (await bot.delete(f"{path}/HOLD")).json() == []
        gone = await bot.delete(f"{path}/hold")
        assert (gone.status_code, gone.json()["message"]) == (404, "Label does not exist")
        assert [label["name"] for label in (await bot.get("/repos/acme/widgets/labels")).json()] == ["hold"]
    await sim.world.hooks.settled()
    assert receiver.events()[-2:] == [("pull_request", "labeled"), ("pull_request", "unlabeled")]


async def test_rights_are_githubs(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    labels = f"/repos/acme/widgets/issues/{pr.number}/labels"
    async with client(sim) as nobody, client(sim, "mia") as mia, client(sim, "prow-bot") as bot:
        assert (await nobody.get("/repos/acme/widgets")).status_code == 200
        assert (await nobody.post(labels, json=["x"])).status_code == 401
        assert (await mia.post(labels, json=["x"])).status_code == 403
        assert (await bot.post(labels, json=["x"])).status_code == 200
        assert (await mia.get("/repos/acme/nothing")).json()["message"] == "Not Found"
        bad = await nobody.get("/user", headers={"Authorization": "Bearer wrong"})
        assert (bad.status_code, bad.json()["message"]) == (401, "Bad credentials")
        assert (await bot.get("/orgs/acme/members/wernher")).status_code == 204
        assert (await bot.get("/orgs/acme/members/mia")).status_code == 404
        assert (await bot.get("/repos/acme/widgets/collaborators/mia")).status_code == 404
        assert (await bot.get("/repos/acme/widgets/collaborators/prow-bot")).status_code == 204


async def test_statuses_follow_githubs_rules(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    async with client(sim, "prow-bot") as bot:
        path = f"/repos/acme/widgets/statuses/{pr.head_sha}"
        assert (await bot.post(path, json={"context": "unit", "state": "pending"})).status_code == 201
        assert (
            await bot.post(path, json={"context": "unit", "state": "failure", "description": "d"})
        ).status_code == 201
        assert (await bot.post(path, json={"context": "unit", "state": "odd"})).status_code == 422
        assert (
            await bot.post(path, json={"context": "u", "state": "success", "description": "x" * 141})
        ).status_code == 422
        assert (
            await bot.post("/repos/acme/widgets/statuses/" + "0" * 40, json={"state": "success"})
        ).status_code == 422
        found = (await bot.get(f"/repos/acme/widgets/commits/{pr.head_sha}/status")).json()
    assert (found["state"], [(s["context"], s["state"]) for s in found["statuses"]]) == (
        "failure",
        [("unit", "failure")],
    )
    assert (await pr.expect_status("unit", "failure")).description == "d"


async def test_lists_come_in_pages_with_links(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    for number in range(5):
        await pr.comment("mia", f"comment {number}")
    async with client(sim, "prow-bot") as bot:
        first = await bot.get(f"/repos/acme/widgets/issues/{pr.number}/comments?per_page=2")
        assert [c["body"] for c in first.json()] == ["comment 0", "comment 1"]
        assert 'rel="next"' in first.headers["link"]
        last = await bot.get(first.headers["link"].split("page=3")[0].rsplit("<", 1)[1] + "page=3")
        assert [c["body"] for c in last.json()] == ["comment 4"]
        assert 'rel="next"' not in last.headers["link"]


async def test_an_unchanged_answer_costs_nothing(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        first = await bot.get("/repos/acme/widgets")
        again = await bot.get("/repos/acme/widgets", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.headers["x-ratelimit-remaining"] == first.headers["x-ratelimit-remaining"]
        assert sim.world.calls["GET", "/repos/{owner}/{repo}"] == 1


async def test_the_hourly_limit_ends(sim: Sim, repo: RepoStory) -> None:
    sim.budgets.limit = 2
    async with client(sim, "prow-bot") as bot:
        codes = [(await bot.get("/repos/acme/widgets")).status_code for _ in range(3)]
    assert codes == [200, 200, 403]


async def test_a_lost_webhook_can_be_redelivered_with_its_guid(sim: Sim, repo: RepoStory, receiver: Receiver) -> None:
    lost = sim.faults.lose_webhooks(Match(event="issues"))
    await repo.open_issue("mia", title="Help")
    await sim.world.hooks.settled()
    assert receiver.events() == [("ping", "")]
    sim.faults.remove(lost)
    sim.world.repos["acme/widgets"].collaborators["wernher"] = "admin"
    async with client(sim, "wernher") as admin:
        hook = (await admin.get("/repos/acme/widgets/hooks")).json()[0]["id"]
        lost = (await admin.get(f"/repos/acme/widgets/hooks/{hook}/deliveries")).json()[0]
        path = f"/repos/acme/widgets/hooks/{hook}/deliveries/{lost['id']}/attempts"
        assert (await admin.post(path)).status_code == 202
    await sim.world.hooks.settled()
    assert receiver.events()[-1] == ("issues", "opened")
    assert receiver.got[-1][0]["x-github-delivery"] == lost["guid"]


async def test_a_fault_can_hide_what_took_effect(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    sim.faults.add(Rule(match=Match(method="POST"), what=Error(502, after=True)))
    async with client(sim, "prow-bot") as bot:
        path = f"/repos/acme/widgets/issues/{pr.number}/comments"
        assert (await bot.post(path, json={"body": "hello"})).status_code == 502
    assert [c.body for c in pr.comments] == ["hello"]


async def test_an_unmet_expectation_shows_the_state(repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    with pytest.raises(Unexpected, match=r"acme/widgets#1 .* labels=\[\]"):
        await pr.expect_label("hold", within=0.05)


async def test_contents_are_those_of_the_commit(sim: Sim, repo: RepoStory) -> None:
    old = await repo.push("wernher", {"a.txt": "old\n"})
    await repo.push("wernher", {"a.txt": "new\n"})
    async with client(sim) as nobody:
        found: dict[str, Any] = (await nobody.get(f"/repos/acme/widgets/contents/a.txt?ref={old}")).json()
        assert found["content"] == "b2xkCg==\n"
        assert (await nobody.get("/repos/acme/widgets/contents/none.txt")).status_code == 404
        assert (await nobody.get("/repos/acme/widgets/git/ref/heads/main")).json()["object"]["sha"] != old
    await asyncio.gather(*(nobody_reads(sim) for _ in range(3)))


async def nobody_reads(sim: Sim) -> None:
    async with client(sim) as nobody:
        assert (await nobody.get("/repos/acme/widgets/branches")).json()[0]["name"] == "main"
