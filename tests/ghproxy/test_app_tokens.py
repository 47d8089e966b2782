"""Tokens of an App's installation behind ghproxy: one for all components while it is good, and one cache for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest

from prow.github.cache import MemoryCache
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.http_client import http_client
from prow.lib.virtual_clock import VirtualClock
from prow.sim.apps import new_key
from tests.ghproxy.support import World, answered, mode, proxied, running


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path, SystemClock()) as made:
        yield made


@cache
def _keys() -> tuple[str, str]:
    return new_key()


class Apps:
    """The App prow is installed in acme."""

    def __init__(self, world: World) -> None:
        private, public = _keys()
        self.world = world
        self.private = private
        self.app = world.sim.world.app(
            "prow", permissions={"contents": "read", "pull_requests": "read", "issues": "write"}
        )
        self.app.public_keys.append(public)
        self.installation = world.sim.world.install(self.app, "acme")

    async def token(self, **body: Any) -> httpx2.Response:
        """Ask for one through the proxy."""
        import jwt  # noqa: PLC0415

        now = int(self.world.sim.clock.now().timestamp())
        signed = jwt.encode({"iat": now, "exp": now + 540, "iss": str(self.app.id)}, self.private, algorithm="RS256")
        async with http_client(self.world.url) as client:
            return await client.post(
                f"/app/installations/{self.installation.id}/access_tokens",
                headers={"Authorization": f"Bearer {signed}"},
                json=body or None,
            )

    async def get(self, token: str, path: str) -> httpx2.Response:
        async with http_client(self.world.url) as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token}"})


async def test_components_of_one_app_get_the_same_token_while_it_is_good(tmp_path: Path) -> None:
    async with running(tmp_path, VirtualClock()) as world:
        apps = Apps(world)
        first, second = await apps.token(), await apps.token()
        assert first.json()["token"] == second.json()["token"]
        assert "x-prow-ghproxy-replaced-token" not in first.headers
        assert second.headers["x-prow-ghproxy-replaced-token"] == "true"
        await world.sim.clock.sleep(59 * 60 + 1)
        assert (await apps.token()).json()["token"] != first.json()["token"]


async def test_a_token_for_less_is_never_replaced_by_one_for_more(world: World) -> None:
    apps = Apps(world)
    whole = (await apps.token()).json()["token"]
    narrow = await apps.token(permissions={"contents": "read"})
    assert narrow.json()["token"] != whole
    assert (await apps.token()).json()["token"] == whole


async def test_a_revoked_token_is_not_given_out_again(world: World) -> None:
    apps = Apps(world)
    token = (await apps.token()).json()["token"]
    world.sim.world.revoke(token)
    assert (await apps.get(token, "/repos/acme/rockets")).status_code == 401
    assert (await apps.token()).json()["token"] != token


async def test_nobody_without_the_app_s_key_gets_its_token(world: World) -> None:
    apps = Apps(world)
    await apps.token()
    apps.private = new_key()[0]
    assert (await apps.token()).status_code == 401


async def test_the_cache_of_an_installation_outlives_its_token(tmp_path: Path) -> None:
    cache = MemoryCache()
    seen: list[tuple[str, str]] = []

    async def dated(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        """A GitHub whose ETags differ by token, and that dates its answers."""
        headers = dict(scope["headers"])
        await receive()
        if scope["method"] == "POST":
            number = len([path for path, _ in seen if "access_tokens" in path])
            seen.append((scope["path"], ""))
            body = {"token": f"ghs_{number}", "expires_at": f"2026-01-05T{9 + number:02}:30:00Z"}
            await answered(send, 201, body)
            return
        asked = next((name.decode() for name in headers if name in {b"if-none-match", b"if-modified-since"}), "")
        seen.append((scope["path"], asked))
        own = headers[b"authorization"].decode()
        status = 304 if asked else 200
        await answered(send, status, {"id": 1}, etag=f'"{own}"', **{"last-modified": "Mon, 05 Jan 2026 08:00:00 GMT"})

    clock = VirtualClock()
    async with http.serve(dated) as port, proxied(f"http://127.0.0.1:{port}", clock=clock, cache=cache) as url:
        async with http_client(url) as client:
            for hour in range(2):
                made = await client.post("/app/installations/7/access_tokens", headers={"Authorization": "Bearer jwt"})
                token = {"Authorization": f"Bearer {made.json()['token']}"}
                modes = [mode(await client.get("/repos/acme/rockets", headers=token)) for _ in range(2)]
                assert modes == (["MISS", "REVALIDATED"] if hour == 0 else ["REVALIDATED"] * 2)
                await clock.sleep(3600)
    assert [asked for _, asked in seen if asked] == ["if-none-match", "if-modified-since", "if-modified-since"]
