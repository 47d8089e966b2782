"""What GitHub Apps are told: events of where they are installed, and what becomes of their installations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prow.sim.apps import App, Installation
from prow.sim.server import Sim
from prow.sim.state import Hook
from prow.sim.verbs import RepoStory
from tests.sim.callers import bearer, expect
from tests.sim.support import client
from tests.sim.test_apps import KEY, PUBLIC, Installed

URL = "http://nobody.invalid/app"


class Told:
    """An app with a hook that nobody answers; what it was to be told."""

    def __init__(self, sim: Sim, **permissions: str) -> None:
        sim.faults.lose_webhooks()
        sim.world.org("acme", owners=["boss"])
        events = ("issues", "pull_request", "push", "status", "team")
        self.app: App = sim.world.app("merge-bot", permissions=permissions, events=events)
        self.app.public_keys.append(PUBLIC)
        self.hook: Hook = sim.world.set_app_hook(self.app, url=URL, secret="s3cret")
        self.sim = sim
        self._taken = 0

    def installed(self, **where: Any) -> Installation:
        return self.sim.world.install(self.app, "acme", **where)

    def take(self) -> list[tuple[str, str]]:
        """Event and action of everything since the last time, pings aside."""
        fresh = self.hook.deliveries[self._taken :]
        self._taken = len(self.hook.deliveries)
        if fresh:
            self.last: Any = json.loads(fresh[-1].body)
        return [(one.event, one.action) for one in fresh if one.event != "ping"]


async def test_an_app_hears_of_where_it_is_installed_what_it_may_read_and_asked_for(sim: Sim, repo: RepoStory) -> None:
    told = Told(sim, issues="read", contents="read")
    await repo.open_issue("mia", title="Before")
    installation = told.installed()
    assert told.take() == [("installation", "created")]
    assert [one["full_name"] for one in told.last["repositories"]] == ["acme/widgets"]
    assert told.last["sender"]["login"] == "boss"
    await repo.open_issue("mia", title="Help")
    await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x"}, from_fork=False)
    await repo.push("wernher", {"a.txt": "a"})
    assert told.take() == [("issues", "opened"), ("push", "")], "it may not read pull requests"
    assert told.last["installation"] == {"id": installation.id, "node_id": f"INST_sim{installation.id}"}
    listed = await RepoStory.create(sim, "globex/gears", files={"a": "b"})
    await listed.open_issue("mia", title="Elsewhere")
    assert told.take() == []


async def test_an_app_hears_of_its_repositories_alone_and_what_changes_about_them(sim: Sim, repo: RepoStory) -> None:
    told = Told(sim, issues="write", members="read")
    other = await RepoStory.create(sim, "acme/other", files={"a": "b"})
    installation = told.installed(repos=[repo.repo])
    await other.open_issue("mia", title="Not mine")
    assert told.take() == [("installation", "created")]
    path = f"/user/installations/{installation.id}/repositories"
    async with client(sim, "boss") as boss, client(sim, "wernher") as member:
        await expect(member.put(f"{path}/{other.repo.id}"), 404)
        await expect(boss.put(f"{path}/{other.repo.id}"), 204)
        assert (await expect(boss.get(path), 200))["total_count"] == 2
        assert [one["id"] for one in (await expect(boss.get("/user/installations"), 200))["installations"]] == [
            installation.id
        ]
        await other.open_issue("mia", title="Mine now")
        await expect(boss.delete(f"{path}/{repo.repo.id}"), 204)
        await repo.open_issue("mia", title="Mine no more")
        await expect(boss.post("/orgs/acme/teams", json={"name": "Core"}), 201)
    assert told.take() == [
        ("installation_repositories", "added"),
        ("issues", "opened"),
        ("installation_repositories", "removed"),
        ("team", "created"),
    ]


async def test_a_suspended_app_hears_nothing_until_it_is_let_go_on(sim: Sim, repo: RepoStory) -> None:
    told = Told(sim, issues="write")
    installation = told.installed()
    me = Installed(sim, told.app, KEY, installation)
    async with me.as_app() as app:
        await expect(app.put(f"/app/installations/{installation.id}/suspended"), 204)
        await repo.open_issue("mia", title="Unheard")
        await expect(app.delete(f"/app/installations/{installation.id}/suspended"), 204)
        told.app.permissions["checks"] = "write"
        sim.world.accept_permissions(installation)
        assert told.take() == [
            ("installation", "created"),
            ("installation", "suspend"),
            ("installation", "unsuspend"),
            ("installation", "new_permissions_accepted"),
        ]
        assert told.last["installation"]["permissions"]["checks"] == "write"
        await expect(app.delete(f"/app/installations/{installation.id}"), 204)
    assert told.take() == [("installation", "deleted")]
    await repo.open_issue("mia", title="Unheard, too")
    assert told.take() == []


async def test_whoever_has_all_repositories_is_told_of_a_new_one(sim: Sim, repo: RepoStory) -> None:
    told = Told(sim, metadata="read")
    told.installed()
    told.take()
    async with client(sim, "boss") as boss:
        await expect(boss.post("/orgs/acme/repos", json={"name": "gears"}), 201)
    assert told.take() == [("installation_repositories", "added")]
    assert told.last["repositories_added"][0]["name"] == "gears"


async def test_an_app_that_makes_checks_is_asked_for_a_suite_by_each_push(sim: Sim, repo: RepoStory) -> None:
    told, others = Told(sim, checks="write"), sim.world.app("linter", permissions={"checks": "read"})
    installation = told.installed()
    sim.world.install(others, "acme")
    told.take()
    sha = await repo.push("mia", {"a.txt": "a"})
    assert told.take() == [("check_suite", "requested")]
    suite = told.last["check_suite"]
    assert (suite["head_sha"], suite["app"]["slug"], suite["status"]) == (sha, "merge-bot", "queued")
    async with await Installed(sim, told.app, KEY, installation).as_installation() as bot:
        run = {"name": "unit", "head_sha": sha, "conclusion": "failure"}
        made = await expect(bot.post("/repos/acme/widgets/check-runs", json=run), 201)
        assert made["check_suite"]["id"] == suite["id"]
        assert told.take() == [("check_run", "created"), ("check_run", "completed"), ("check_suite", "completed")]
        await expect(bot.post(f"/repos/acme/widgets/check-runs/{made['id']}/rerequest"), 201)
    assert told.take() == [("check_run", "rerequested")]
    sim.world.app("merge-bot").hook = None
    await repo.push("mia", {"b.txt": "b"})


async def test_an_app_looks_after_its_own_hook(sim: Sim, repo: RepoStory) -> None:
    told = Told(sim, issues="read")
    me = Installed(sim, told.app, KEY, told.installed())
    async with me.as_app() as app, await me.as_installation() as bot, client(sim, "boss") as boss:
        config = await expect(app.get("/app/hook/config"), 200)
        assert (config["url"], config["secret"]) == (URL, "********")
        await expect(app.patch("/app/hook/config", json={"url": f"{URL}/2"}), 200)
        assert (told.hook.url, told.hook.secret) == (f"{URL}/2", "s3cret")
        listed = await expect(app.get("/app/hook/deliveries"), 200)
        assert [(one["event"], one["installation_id"]) for one in listed] == [
            ("installation", me.installation.id),
            ("ping", None),
        ]
        one = await expect(app.get(f"/app/hook/deliveries/{listed[0]['id']}"), 200)
        assert one["request"]["headers"]["X-GitHub-Hook-Installation-Target-Type"] == "integration"
        await expect(app.post(f"/app/hook/deliveries/{listed[0]['id']}/attempts"), 202)
        assert told.hook.deliveries[-1].guid == listed[0]["guid"]
        assert told.hook.deliveries[-1].redelivery
        await expect(bot.get("/app/hook/config"), 401)
        await expect(boss.get("/app/hook/deliveries"), 401)


@pytest.mark.parametrize("token", ["", "ghp_wrong"])
async def test_nobody_else_looks_after_it(sim: Sim, token: str) -> None:
    Told(sim)
    async with bearer(sim, token) as anybody:
        await expect(anybody.get("/app/hook/config"), 401)
