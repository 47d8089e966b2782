"""A ghproxy in front of an upstream, in this process: of any, or of the simulated GitHub."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from prow.ghproxy.model import Settings
from prow.ghproxy.service import Ghproxy
from prow.ghproxy.upstream import Upstream
from prow.github.cache import Cache, MemoryCache
from prow.github.client import GitHub
from prow.github.limiter import Limits
from prow.github.rules import Options
from prow.github.tokens import FixedToken
from prow.lib import http
from prow.lib.clock import Clock, SystemClock
from prow.lib.http_client import http_client
from prow.lib.virtual_clock import VirtualClock
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.support.github import served


@asynccontextmanager
async def proxied(
    upstream: str,
    *,
    clock: Clock,
    settings: Settings | None = None,
    cache: Cache | None = None,
    tls: http.TLS | None = None,
) -> AsyncIterator[str]:
    """Gives its address. `tls`: what stands before it, for programs that insist on HTTPS."""
    proxy = Ghproxy(
        settings or Settings(),
        upstream=Upstream(upstream, clock=clock),
        cache=MemoryCache() if cache is None else cache,
        clock=clock,
    )
    try:
        app = proxy.app if tls is None else _behind_tls(proxy.app)
        async with http.serve(app, host="localhost" if tls else "127.0.0.1", tls=tls) as port:
            yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        await proxy.aclose()


def _behind_tls(app: http.App) -> http.App:
    """What an ingress does: it ends TLS and says so."""

    async def ingress(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        headers = [*scope["headers"], (b"x-forwarded-proto", b"https")]
        await app({**scope, "headers": headers}, receive, send)

    return ingress


class World:
    def __init__(self, sim: Sim, repo: RepoStory, pr: PullStory, url: str) -> None:
        self.sim = sim
        self.repo = repo
        self.pr = pr
        self.url = url

    @property
    def used(self) -> int:
        """Calls that GitHub charged."""
        return sum(self.sim.world.calls.values())

    def github(self, component: str = "test", *, token: str = "", limits: Limits | None = None) -> GitHub:
        """One of our components behind the proxy."""
        return GitHub.open(
            clock=self.sim.clock,
            component=component,
            tokens=FixedToken(token or self.sim.world.token("prow-bot")),
            endpoints=(self.url,),
            graphql_endpoint=f"{self.url}/graphql",
            options=Options(initial_delay=0.01, max_retries=3),
            limits=limits,
        )

    def client(self, login: str = "prow-bot", **headers: str) -> httpx2.AsyncClient:
        """Anybody's client."""
        token = {"Authorization": f"Bearer {self.sim.world.token(login)}"} if login else {}
        return http_client(self.url, headers=token | headers)


@asynccontextmanager
async def running(
    folder: Path, clock: SystemClock | VirtualClock, settings: Settings | None = None
) -> AsyncIterator[World]:
    async with served(folder, clock=clock) as sim:
        repo = await RepoStory.create(sim, "acme/rockets", files={"a": "a\n"})
        repo.collaborator("prow-bot", "write")
        pr = await repo.open_pull_request("mia", title="Change", files={"a": "b\n", "c": "c\n"})
        async with proxied(sim.world.base, clock=clock, settings=settings) as url:
            sim.world.calls.clear()
            yield World(sim, repo, pr, url)


def mode(answer: httpx2.Response) -> str:
    return str(answer.headers["x-cache-mode"])


async def answered(send: http.Send, status: int, body: object, **headers: str) -> None:
    content = b"" if status == 304 else json.dumps(body).encode()
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    fields.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": content})
