"""Webhooks of repositories and organisations: made, changed, pinged, and what was delivered to them."""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from urllib.parse import parse_qs

import httpx2

from prow.lib.virtual_clock import VirtualClock
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import bearer, expect, installed
from tests.sim.support import Receiver, ask, client, simulated

URL = "http://nobody.invalid/hook"
HOOKS = "/repos/acme/widgets/hooks"


async def test_a_hook_is_its_administrators_alone(sim: Sim, repo: RepoStory) -> None:
    sim.faults.lose_webhooks()
    repo.collaborator("wernher", "admin")
    body = {"config": {"url": URL, "content_type": "json", "secret": "s3cret"}, "events": ["push", "issues"]}
    token = installed(sim, "hooker", {"repository_hooks": "write"})
    async with client(sim, "wernher") as admin, client(sim, "prow-bot") as bot, bearer(sim, token) as app:
        await expect(bot.post(HOOKS, json=body), 404)
        await expect(bot.get(HOOKS), 404)
        made = await expect(admin.post(HOOKS, json=body), 201)
        assert (made["config"]["secret"], made["events"]) == ("********", ["push", "issues"])
        again = await expect(admin.post(HOOKS, json=body), 422)
        assert again["errors"][0]["message"] == "Hook already exists on this repository"
        await expect(admin.post(HOOKS, json={"config": {"url": "ftp://x"}}), 422)
        one = f"{HOOKS}/{made['id']}"
        changed = await expect(app.patch(one, json={"active": False, "add_events": ["label"]}), 200)
        assert (changed["active"], changed["events"]) == (False, ["push", "issues", "label"])
        await expect(admin.patch(f"{one}/config", json={"url": f"{URL}/2"}), 200)
        assert repo.repo.hooks[0].secret == "s3cret"
        await expect(admin.patch(one, json={"config": {"url": URL}}), 200)
        assert repo.repo.hooks[0].secret == ""
        assert "secret" not in (await expect(admin.get(one), 200))["config"]
        await expect(admin.delete(one), 204)
        await expect(admin.get(one), 404)


async def test_deliveries_are_listed_by_cursor_and_shown_whole(sim: Sim, repo: RepoStory) -> None:
    sim.faults.lose_webhooks()
    repo.collaborator("wernher", "admin")
    hook = sim.world.add_hook(repo.repo, url=URL, secret="s3cret")
    for number in range(5):
        await repo.open_issue("mia", title=f"Issue {number}")
    path = f"{HOOKS}/{hook.id}/deliveries"
    async with client(sim, "wernher") as admin:
        first = await admin.get(f"{path}?per_page=4")
        assert [d["event"] for d in first.json()] == ["issues"] * 4
        rest = await admin.get(first.headers["link"].split(">")[0].removeprefix("<"))
        assert [d["event"] for d in rest.json()] == ["issues", "ping"]
        assert "link" not in rest.headers
        newest = first.json()[0]
        whole = await expect(admin.get(f"{path}/{newest['id']}"), 200)
        assert whole["request"]["payload"]["issue"]["title"] == "Issue 4"
        assert whole["request"]["headers"]["X-GitHub-Delivery"] == newest["guid"]
        await expect(admin.post(f"{path}/{newest['id']}/attempts"), 202)
        again = (await expect(admin.get(f"{path}?per_page=1"), 200))[0]
        assert (again["guid"], again["redelivery"]) == (newest["guid"], True)
        await expect(admin.post(f"{HOOKS}/{hook.id}/pings"), 204)
        assert (await expect(admin.get(f"{path}?per_page=1"), 200))[0]["event"] == "ping"
        await expect(admin.get(f"{path}/77"), 404)


async def test_whoever_does_not_ask_for_json_is_sent_a_form_and_without_a_secret_nothing_is_signed(
    sim: Sim, repo: RepoStory
) -> None:
    repo.collaborator("wernher", "admin")
    receiver = Receiver()
    sim.world.hooks.transport = httpx2.ASGITransport(app=receiver.app)
    async with client(sim, "wernher") as admin:
        made = await expect(admin.post(HOOKS, json={"config": {"url": URL}, "events": ["issues"]}), 201)
        assert made["config"]["content_type"] == "form"
        await repo.open_issue("mia", title="Help")
        await sim.world.hooks.settled()
        headers, body = receiver.got[-1]
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        assert json.loads(parse_qs(body.decode())["payload"][0])["issue"]["title"] == "Help"
        assert "x-hub-signature-256" not in headers
        await expect(
            admin.patch(f"{HOOKS}/{made['id']}/config", json={"content_type": "json", "secret": "s3cret"}), 200
        )
        await repo.open_issue("mia", title="More")
        await sim.world.hooks.settled()
        headers, body = receiver.got[-1]
        assert json.loads(body)["issue"]["title"] == "More"
        assert headers["x-hub-signature-256"] == f"sha256={hmac.new(b's3cret', body, 'sha256').hexdigest()}"
        assert headers["x-github-hook-installation-target-id"] == str(repo.repo.id)
        last = (await expect(admin.get(f"{HOOKS}/{made['id']}/deliveries?per_page=1"), 200))[0]
        assert (last["status"], last["repository_id"]) == ("OK", repo.repo.id)


async def test_one_event_has_twenty_hooks_at_most(sim: Sim, repo: RepoStory) -> None:
    sim.faults.lose_webhooks()
    repo.collaborator("wernher", "admin")
    async with client(sim, "wernher") as admin:
        for number in range(20):
            config = {"url": f"{URL}/{number}", "content_type": "json"}
            await expect(admin.post(HOOKS, json={"config": config, "events": ["push"]}), 201)
        more = {"config": {"url": URL, "content_type": "json"}, "events": ["push", "issues"]}
        refused = await expect(admin.post(HOOKS, json=more), 422)
        assert refused["errors"][0]["message"] == 'The "push" event cannot have more than 20 hooks'
        more["events"] = ["issues"]
        await expect(admin.post(HOOKS, json=more), 201)
        more["config"] = {"url": f"{URL}/x", "content_type": "xml"}
        await expect(admin.post(HOOKS, json=more), 422)


async def test_deliveries_are_forgotten_after_three_days(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with simulated(tmp_path, clock=clock) as sim:
        repo = await RepoStory.create(sim, "acme/widgets", files={"a": "b"})
        sim.faults.lose_webhooks()
        hook = sim.world.add_hook(repo.repo, url=URL, secret="")
        await clock.sleep(2 * 86_400)
        await repo.open_issue("mia", title="Help")
        await clock.sleep(86_401)
        await repo.open_issue("mia", title="More")
        assert [one.event for one in hook.deliveries] == ["issues", "issues"]


async def test_an_organisations_hook_hears_of_all_its_repositories(sim: Sim, repo: RepoStory) -> None:
    sim.faults.lose_webhooks()
    org = sim.world.org("acme", owners=["boss"])
    body = {"name": "web", "config": {"url": URL}, "events": ["*"]}
    async with client(sim, "boss") as boss, client(sim, "wernher") as member:
        await expect(member.post("/orgs/acme/hooks", json=body), 403)
        made = await expect(boss.post("/orgs/acme/hooks", json=body), 201)
        await expect(boss.post("/orgs/acme/teams", json={"name": "Core"}), 201)
        await repo.open_issue("mia", title="Help")
        listed = await expect(boss.get(f"/orgs/acme/hooks/{made['id']}/deliveries"), 200)
        assert [(d["event"], d["action"]) for d in listed] == [
            ("issues", "opened"),
            ("team", "created"),
            ("ping", None),
        ]
        told = json.loads(org.hooks[0].deliveries[-1].body)
        assert (told["organization"]["login"], told["repository"]["name"]) == ("acme", "widgets")
        await expect(boss.delete(f"/orgs/acme/hooks/{made['id']}"), 204)


async def test_a_user_who_is_deleted_leaves_a_ghost(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"a": "a\n"})
    await pr.comment("mia", "Please")
    token = sim.world.token("mia")
    await sim.world.delete_user("mia")
    async with client(sim, "prow-bot") as bot, bearer(sim, token) as gone:
        told = await expect(bot.get(f"/repos/acme/widgets/pulls/{pr.number}"), 200)
        assert (told["user"]["login"], told["head"]["repo"]) == ("ghost", None)
        said = await expect(bot.get(f"/repos/acme/widgets/issues/{pr.number}/comments"), 200)
        assert [(c["user"]["login"], c["body"]) for c in said] == [("ghost", "Please")]
        await expect(bot.get("/users/mia"), 404)
        await expect(gone.get("/user"), 401)
    query = '{ repository(owner: "acme", name: "widgets") { pullRequest(number: 1) { author { login } } } }'
    assert (await ask(sim, query))["data"]["repository"]["pullRequest"]["author"] is None
