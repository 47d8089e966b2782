"""GitHub Apps: their web tokens, their installations, and what an installation's token is good for."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest

from prow.lib.virtual_clock import VirtualClock
from prow.sim.apps import App, Installation, new_key
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import ask_as, bearer
from tests.sim.support import simulated

PERMISSIONS = {
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "statuses": "write",
    "checks": "write",
    "members": "read",
}


@dataclass
class Installed:
    """An app on acme, with its key."""

    sim: Sim
    app: App
    key: str
    installation: Installation

    def signed(self, **changes: Any) -> str:
        now = self.sim.clock.now().timestamp()
        claims = {"iat": int(now), "exp": int(now) + 540, "iss": str(self.app.id)} | changes
        return jwt.encode({k: v for k, v in claims.items() if v is not None}, self.key, algorithm="RS256")

    def as_app(self) -> httpx2.AsyncClient:
        return bearer(self.sim, self.signed())

    async def token(self, **body: Any) -> str:
        async with self.as_app() as app:
            made = await app.post(f"/app/installations/{self.installation.id}/access_tokens", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["token"])

    async def as_installation(self, **body: Any) -> httpx2.AsyncClient:
        return bearer(self.sim, await self.token(**body))


KEY, PUBLIC = new_key()


@pytest.fixture
async def installed(sim: Sim, repo: RepoStory) -> Installed:
    app = sim.world.app("merge-bot", permissions=PERMISSIONS)
    app.public_keys.append(PUBLIC)
    return Installed(sim, app, KEY, sim.world.install(app, "acme"))


async def test_an_app_learns_who_it_is_and_where_it_is_installed(sim: Sim, installed: Installed) -> None:
    async with installed.as_app() as app:
        me = (await app.get("/app")).json()
        assert (me["slug"], me["installations_count"]) == ("merge-bot", 1)
        listed = (await app.get("/app/installations")).json()
        assert [(i["account"]["login"], i["target_type"]) for i in listed] == [("acme", "Organization")]
        assert listed[0]["permissions"]["members"] == "read"
        one = (await app.get("/repos/acme/widgets/installation")).json()
        assert one["id"] == listed[0]["id"] == (await app.get("/orgs/acme/installation")).json()["id"]
        assert (await app.get("/orgs/nobody/installation")).status_code == 404
        assert (await app.get(f"/app/installations/{one['id']}")).json()["app_slug"] == "merge-bot"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"exp": 0}, "'Expiration time' claim ('exp') must be a numeric value"),
        ({"exp": None}, "'Expiration time' claim ('exp') must be a numeric value"),
        ({"exp": 99_999_999_999}, "'Expiration time' claim ('exp') is too far in the future"),
        ({"iat": 99_999_999_999}, "'Issued at' claim ('iat') must be an Integer"),
    ],
)
async def test_a_web_token_lives_ten_minutes_at_most(installed: Installed, changes: dict[str, Any], text: str) -> None:
    async with bearer(installed.sim, installed.signed(**changes)) as app:
        refused = await app.get("/app")
    assert refused.status_code == 401
    assert refused.json()["message"].startswith(text)


async def test_only_the_apps_own_key_signs_for_it(sim: Sim, installed: Installed) -> None:
    now = int(sim.clock.now().timestamp())
    claims = {"iat": now, "exp": now + 60, "iss": str(installed.app.id)}
    forged = jwt.encode(claims, new_key()[0], algorithm="RS256")
    weak = jwt.encode(claims, "k" * 32, algorithm="HS256")
    for token in (forged, weak, "eyJ.not.one"):
        async with bearer(sim, token) as app:
            refused = await app.get("/app")
            assert (refused.status_code, refused.json()["message"]) == (401, "A JSON web token could not be decoded")
    async with bearer(sim, installed.signed(iss="4711")) as app:
        assert (await app.get("/app")).json()["message"] == "Integration not found"


async def test_an_installation_token_acts_as_the_apps_bot(sim: Sim, repo: RepoStory, installed: Installed) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    await pr.expect_mergeable()
    async with await installed.as_installation() as bot:
        said = await bot.post(f"/repos/acme/widgets/issues/{pr.number}/comments", json={"body": "Hello"})
        assert (said.status_code, said.json()["user"]["login"]) == (201, "merge-bot[bot]")
        assert said.json()["user"]["type"] == "Bot"
        path = f"/repos/acme/widgets/statuses/{pr.head_sha}"
        assert (await bot.post(path, json={"state": "success", "context": "unit"})).status_code == 201
        assert (await bot.put(f"/repos/acme/widgets/pulls/{pr.number}/merge")).status_code == 200
        assert (await bot.get("/user")).status_code == 403
        assert (await bot.get("/app")).status_code == 401
        repos = (await bot.get("/installation/repositories")).json()
        assert (repos["total_count"], repos["repositories"][0]["full_name"]) == (1, "acme/widgets")
    found = await ask_as(sim, await installed.token(), "{ viewer { login } }")
    assert found["data"]["viewer"]["login"] == "merge-bot"


async def test_what_was_not_granted_is_refused(sim: Sim, repo: RepoStory, installed: Installed) -> None:
    issue = await repo.open_issue("mia", title="Help")
    installed.installation.permissions.pop("issues")
    installed.installation.permissions.pop("pull_requests")
    refusal = "Resource not accessible by integration"
    async with await installed.as_installation() as bot:
        for method, path, body in (
            ("POST", f"/repos/acme/widgets/issues/{issue.number}/comments", {"body": "Hello"}),
            ("POST", f"/repos/acme/widgets/issues/{issue.number}/labels", {"labels": ["x"]}),
            ("PUT", "/repos/acme/widgets/branches/main/protection", {}),
            ("GET", "/repos/acme/widgets/hooks", None),
        ):
            answer = await bot.request(method, path, json=body)
            assert (answer.status_code, answer.json()["message"]) == (403, refusal), path
        listed = await bot.get("/repos/acme/widgets/issues")
        assert (listed.status_code, len(listed.json())) == (200, 1)
        assert "issues=read" in listed.headers["x-accepted-github-permissions"]
        assert "x-oauth-scopes" not in listed.headers


async def test_a_token_may_ask_for_less_and_not_for_more(sim: Sim, repo: RepoStory, installed: Installed) -> None:
    other = await RepoStory.create(sim, "acme/other", files={"a": "b"})
    issue = await other.open_issue("mia", title="Help")
    token = await installed.token(repositories=["widgets"], permissions={"issues": "write"})
    async with bearer(sim, token) as bot:
        assert (await bot.post(f"/repos/acme/other/issues/{issue.number}/labels", json=["x"])).status_code == 403
        sha = await repo.tip()
        assert (await bot.post(f"/repos/acme/widgets/statuses/{sha}", json={"state": "success"})).status_code == 403
        assert (await bot.post("/repos/acme/widgets/issues", json={"title": "Mine"})).status_code == 201
    path = f"/app/installations/{installed.installation.id}/access_tokens"
    async with installed.as_app() as app:
        more = await app.post(path, json={"permissions": {"administration": "write"}})
        assert (more.status_code, more.json()["message"]) == (
            422,
            "The permissions requested are not granted to this installation.",
        )
        unknown = await app.post(path, json={"repositories": ["nothing"]})
        assert (unknown.status_code, "does not exist" in unknown.json()["message"]) == (422, True)


async def test_an_installation_for_some_repositories_does_not_see_the_others(
    sim: Sim, repo: RepoStory, installed: Installed
) -> None:
    secret = await RepoStory.create(sim, "acme/secret", files={"a": "b"})
    secret.repo.private = True
    installed.installation.repos = {repo.repo.id}
    async with await installed.as_installation() as bot:
        assert (await bot.get("/repos/acme/secret")).status_code == 404
        assert (await bot.get("/installation/repositories")).json()["total_count"] == 1
    async with installed.as_app() as app:
        assert (await app.get("/repos/acme/secret/installation")).status_code == 404
    installed.installation.repos.add(secret.repo.id)
    async with await installed.as_installation() as bot:
        assert (await bot.get("/repos/acme/secret")).status_code == 200


async def test_a_suspended_installation_gets_no_token_and_its_tokens_rest(installed: Installed) -> None:
    path = f"/app/installations/{installed.installation.id}"
    async with await installed.as_installation() as bot, installed.as_app() as app:
        assert (await app.put(f"{path}/suspended")).status_code == 204
        assert (await app.get(path)).json()["suspended_at"] is not None
        refused = await app.post(f"{path}/access_tokens")
        assert (refused.status_code, refused.json()["message"]) == (403, "This installation has been suspended")
        assert (await bot.get("/installation/repositories")).status_code == 403
        assert (await app.delete(f"{path}/suspended")).status_code == 204
        assert (await bot.get("/installation/repositories")).status_code == 200


async def test_tokens_end_when_they_are_revoked_and_when_the_app_is_removed(installed: Installed) -> None:
    async with await installed.as_installation() as bot:
        assert (await bot.delete("/installation/token")).status_code == 204
        assert (await bot.get("/installation/repositories")).json()["message"] == "Bad credentials"
    async with await installed.as_installation() as bot, installed.as_app() as app:
        assert (await app.delete(f"/app/installations/{installed.installation.id}")).status_code == 204
        assert (await bot.get("/installation/repositories")).status_code == 401
        assert (await app.get("/app/installations")).json() == []


async def test_git_takes_an_installation_token_where_contents_were_granted(tmp_path: Path, served: Sim) -> None:
    repo = await RepoStory.create(served, "acme/widgets", files={"a": "b"})
    app = served.world.app("pusher", permissions={"contents": "read"})
    app.public_keys.append(PUBLIC)
    installed = Installed(served, app, KEY, served.world.install(app, "acme"))
    repo.repo.private = True

    def git(token: str, *arguments: str) -> int:
        address = served.world.base.replace("http://", f"http://x-access-token:{token}@") + "/acme/widgets"
        environment = os.environ | {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": "/dev/null"}
        words = [address if word == "ADDRESS" else word for word in arguments]
        return subprocess.run(["git", *words], check=False, capture_output=True, env=environment).returncode

    async def run(*arguments: str) -> int:
        return await asyncio.to_thread(git, await installed.token(), *arguments)

    work = tmp_path / "work"
    assert await run("clone", "-q", "ADDRESS", str(work)) == 0
    assert await run("-C", str(work), "push", "-q", "ADDRESS", "HEAD:refs/heads/new") != 0
    installed.installation.permissions["contents"] = "write"
    assert await run("-C", str(work), "push", "-q", "ADDRESS", "HEAD:refs/heads/new") == 0
    assert await repo.tip("new") == await repo.tip()
    assert await asyncio.to_thread(git, "ghs_wrong", "clone", "-q", "ADDRESS", str(tmp_path / "none")) != 0


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Sim]:
    async with simulated(tmp_path, served=True) as sim:
        yield sim


async def test_an_installation_token_lasts_an_hour(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with simulated(tmp_path, clock=clock) as sim:
        app = sim.world.app("merge-bot", permissions=PERMISSIONS)
        app.public_keys.append(PUBLIC)
        installed = Installed(sim, app, KEY, sim.world.install(app, "acme"))
        async with await installed.as_installation() as bot:
            assert (await bot.get("/installation/repositories")).status_code == 200
            await clock.sleep(3599)
            assert (await bot.get("/installation/repositories")).status_code == 200
            await clock.sleep(2)
            assert (await bot.get("/installation/repositories")).status_code == 401
        async with installed.as_app() as as_app:
            made = await as_app.post(f"/app/installations/{installed.installation.id}/access_tokens")
        left = datetime.fromisoformat(made.json()["expires_at"]) - clock.now()
        assert 3590 < left.total_seconds() <= 3600
