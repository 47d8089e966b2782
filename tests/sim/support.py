"""What the simulator's tests share: programs that talk to it, and a hook's endpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from prow.lib import http
from prow.lib.http_client import http_client
from prow.sim.gitrepo import git, git_code
from prow.sim.server import Sim
from prow.sim.state import Repo
from tests.support.checked import checked


def client(sim: Sim, login: str = "") -> httpx2.AsyncClient:
    """A program with a token of that user. A simulator that is not served is called without a socket."""
    headers = {"Authorization": f"token {sim.world.token(login)}"} if login else {}
    served = sim.world.base.startswith("http://127.")
    transport = None if served else httpx2.ASGITransport(app=sim.app)
    return http_client(sim.world.base, headers=headers, transport=transport)


async def ask(sim: Sim, query: str, variables: Mapping[str, Any] | None = None, *, login: str = "prow-bot") -> Any:
    """The answer to a GraphQL request, with its errors."""
    async with client(sim, login) as bot:
        answer = await bot.post("/graphql", json={"query": query, "variables": dict(variables or {})})
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def simulated(folder: Path, *, served: bool = False, **more: Any) -> AsyncIterator[Sim]:
    """A GitHub with acme and its members wernher and prow-bot, held against GitHub's own descriptions.

    `served`: at an address of its own. `more`: as for `Sim`.
    """
    with checked(Sim(folder / "sim", **more)) as sim:
        sim.world.org("acme", members=["wernher", "prow-bot"])
        async with sim.serve() if served else nullcontext():
            yield sim
        await sim.world.close()


async def history(repo: Repo, branch: str = "main") -> list[str]:
    """Subjects of a branch along its first parents, newest first."""
    out = await git("log", "--first-parent", "--format=%s", branch, "--", cwd=repo.path)
    return out.decode().splitlines()


async def shown(repo: Repo, commit: str, form: str) -> str:
    return (await git("show", "-s", f"--format={form}", commit, "--", cwd=repo.path)).decode().strip()


@dataclass
class Clone:
    """Somebody's working copy."""

    sim: Sim
    folder: Path
    login: str

    @classmethod
    async def make(cls, sim: Sim, folder: Path, login: str, name: str = "acme/widgets") -> Clone:
        made = cls(sim, folder / login, login)
        await git("clone", "--quiet", made.address(name), str(made.folder))
        return made

    def address(self, name: str) -> str:
        base = self.sim.world.base.replace("http://", f"http://{self.login}:{self.sim.world.token(self.login)}@")
        return f"{base}/{name}.git"

    async def commit(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        await git("add", ".", cwd=self.folder)
        await git("-c", "user.name=w", "-c", "user.email=w@x", "commit", "--quiet", "-m", name, cwd=self.folder)

    async def push(self, *words: str) -> str:
        """What git says to a push that is refused; empty when it is not."""
        code, _, told = await git_code("push", "origin", *words, cwd=self.folder)
        return told.decode() if code else ""


class Receiver:
    """A webhook endpoint that remembers; answers `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200

    async def app(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.got.append(({k.decode(): v.decode() for k, v in scope["headers"]}, body))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def events(self) -> list[tuple[str, str]]:
        return [(headers["x-github-event"], json.loads(body).get("action", "")) for headers, body in self.got]


class Events:
    """What a hook was to be told, without anybody to tell it to."""

    def __init__(self, sim: Sim, repo: Repo) -> None:
        sim.faults.lose_webhooks()
        self._hook = sim.world.add_hook(repo, url="http://nobody.invalid/", secret="s3cret")

    @property
    def names(self) -> list[tuple[str, str]]:
        return [(d.event, d.action) for d in self._hook.deliveries if d.event != "ping"]

    def payloads(self, event: str) -> list[Any]:
        return [json.loads(d.body) for d in self._hook.deliveries if d.event == event]
