"""Programs that call the simulator with a token of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2

from prow.sim.server import Sim


def bearer(sim: Sim, token: str) -> httpx2.AsyncClient:
    """A program with this token. A simulator that is not served is called without a socket."""
    transport = None if sim.world.base.startswith("http://127.") else httpx2.ASGITransport(app=sim.app)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.AsyncClient(base_url=sim.world.base, headers=headers, trust_env=False, transport=transport)


async def ask_as(sim: Sim, token: str, query: str, variables: Mapping[str, Any] | None = None) -> Any:
    """The answer to a GraphQL request, with its errors."""
    async with bearer(sim, token) as client:
        answer = await client.post("/graphql", json={"query": query, "variables": dict(variables or {})})
        assert answer.status_code == 200, answer.text
        return answer.json()
