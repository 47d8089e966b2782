"""Programs that call the simulator with a token of any kind."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import httpx2

from prow.lib.http_client import http_client
from prow.sim.server import Sim
from prow.sim.state import Repo


def bearer(sim: Sim, token: str) -> httpx2.AsyncClient:
    """A program with this token. A simulator that is not served is called without a socket."""
    transport = None if sim.world.base.startswith("http://127.") else httpx2.ASGITransport(app=sim.app)
    headers = {"Authorization": f"Bearer {token}"}
    return http_client(sim.world.base, headers=headers, transport=transport)


async def ask_as(sim: Sim, token: str, query: str, variables: Mapping[str, Any] | None = None) -> Any:
    """The answer to a GraphQL request, with its errors."""
    async with bearer(sim, token) as client:
        answer = await client.post("/graphql", json={"query": query, "variables": dict(variables or {})})
        assert answer.status_code == 200, answer.text
        return answer.json()


def installed(
    sim: Sim, slug: str, permissions: Mapping[str, str], *, account: str = "acme", repos: Sequence[Repo] | None = None
) -> str:
    """A token of an app that is installed there with these permissions."""
    app = sim.world.app(slug, permissions=permissions)
    installation = sim.world.install(app, account, repos=repos)
    return sim.world.installation_token(installation, repos=None, permissions={})[0]


async def expect(answer: Awaitable[httpx2.Response], status: int) -> Any:
    """The JSON of an answer with this status."""
    got = await answer
    assert got.status_code == status, f"{got.request.method} {got.request.url.path}: {got.status_code} {got.text[:500]}"
    return got.json() if got.content else None
