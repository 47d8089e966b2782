"""`/_sim/`: a test in any language steers the simulator from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx2
import jwt
import pytest

from prow.lib.clock import SystemClock
from prow.lib.http_client import http_client
from prow.sim.process import Running, Settings, run

TOKEN = "steer"
WORLD = "orgs: [{login: acme, members: [mia]}]\nrepos: [{name: acme/rockets, files: {a: b}}]\n"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    (tmp_path / "world.yaml").write_text(WORLD)
    settings = Settings(root=tmp_path / "sim", seed=tmp_path / "world.yaml", users=["me"], control_token=TOKEN)
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run(settings, ready.set_result, clock=SystemClock()))
    yield await ready
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def steered(running: Running, token: str = TOKEN) -> httpx2.AsyncClient:
    return http_client(
        running.url,
        headers={"Authorization": f"token {token}"},
    )


async def test_it_wants_its_own_token(running: Running) -> None:
    async with steered(running, running.tokens["me"]) as me, steered(running) as control:
        refused = await me.get("/_sim/")
        assert (refused.status_code, "control token" in refused.json()["message"]) == (401, True)
        assert "POST /_sim/tokens" in (await control.get("/_sim/")).json()["calls"]
        assert (await control.get("/_sim/nothing")).status_code == 404


async def test_tokens_faults_and_counts(running: Running) -> None:
    async with steered(running) as control:
        token = (await control.post("/_sim/tokens", json={"login": "mia", "scopes": ["repo"]})).json()["token"]
        plan = {"rules": [{"match": {"path": "*/labels"}, "what": {"kind": "error", "status": 503}, "times": 1}]}
        assert (await control.put("/_sim/faults", json=plan)).status_code == 200
        async with steered(running, token) as mia:
            codes = [(await mia.get("/repos/acme/rockets/labels")).status_code for _ in range(2)]
        assert codes == [503, 200]
        assert [one["struck"] for one in (await control.get("/_sim/faults")).json()] == [1]
        await control.delete("/_sim/faults")
        assert (await control.get("/_sim/faults")).json() == []
        counts = (await control.get("/_sim/calls")).json()
        assert counts["calls"] == {"GET /repos/{owner}/{repo}/labels": 1}
        async with steered(running, token) as mia:
            await mia.post("/repos/acme/rockets/issues", json={"title": "Help"})
        wrote = (await control.get("/_sim/writes")).json()[-1]
        assert (wrote["login"], wrote["kind"], wrote["how"]) == ("mia", "issue", "opened")
        assert wrote["call"] == "POST /repos/acme/rockets/issues"


async def test_webhooks_are_waited_for_and_told(running: Running) -> None:
    async with steered(running) as control:
        more = "repos: [{name: acme/more, files: {a: b}, hooks: [{url: 'http://127.0.0.1:9/', events: [push]}]}]\n"
        assert (await control.post("/_sim/seed", content=more)).status_code == 200
        assert (await control.post("/_sim/settle")).status_code == 200
        told = (await control.get("/_sim/deliveries")).json()
        assert [(one["event"], one["status_code"]) for one in told] == [("ping", 0)]


async def test_keys_of_apps_and_fine_grained_tokens(running: Running) -> None:
    async with steered(running) as control:
        app = "apps: [{slug: merge-bot, permissions: {issues: write}, installations: [{account: acme}]}]"
        assert (await control.post("/_sim/seed", content=app)).status_code == 200
        made = (await control.post("/_sim/keys", json={"app": "merge-bot"})).json()
        now = int(running.sim.clock.now().timestamp())
        claims = {"iat": now - 10, "exp": now + 300, "iss": made["client_id"]}
        async with steered(running, jwt.encode(claims, made["key"], algorithm="RS256")) as as_app:
            assert (await as_app.get("/app")).json()["id"] == made["app_id"]
        wanted = {"login": "mia", "owner": "acme", "repos": ["acme/rockets"], "permissions": {"contents": "read"}}
        token = (await control.post("/_sim/tokens", json=wanted)).json()["token"]
        async with steered(running, token) as mia:
            assert (await mia.post("/repos/acme/rockets/issues", json={"title": "Help"})).status_code == 403
        assert (await control.post("/_sim/keys", json={"app": "nobody"})).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("tokens", b"{", "truncated"),
        ("tokens", b"{}", "login"),
        ("tokens", b'{"login": "mia", "permissions": {"isues": "read"}}', "did you mean 'issues'"),
        ("seed", b"apps: [{slug: a, key: app.pem}]", "seed:1:23: a seed from outside reads and writes no files"),
        ("seed", b"repos: [{nam: acme/x}]", "seed:1:10: unknown field 'nam'"),
        ("seed", b"repos: [{name: acme/x, clone: /etc}]", "reads and writes no files"),
    ],
)
async def test_what_is_wrong_is_told(running: Running, path: str, body: bytes, told: str) -> None:
    async with steered(running) as control:
        answer = await control.post(f"/_sim/{path}", content=body)
    assert answer.status_code == 422
    assert told in answer.json()["message"]
