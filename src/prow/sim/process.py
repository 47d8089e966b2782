"""The simulated GitHub as a process: seed, state on disk, controls, faults, HTTPS, and an orderly end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.http import TLS
from prow.sim import seed
from prow.sim.control import Control
from prow.sim.errors import Refused
from prow.sim.plan import Plan
from prow.sim.server import Sim
from prow.sim.sowing import sow
from prow.sim.store import Store


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`root`: folder of the repositories, and of the state when `keep`. `repos`: made with a first commit; `users`: get a token and may
    write there. `seed`, `faults`: files. `control_token`: empty: a new one."""

    root: Path
    host: str = "127.0.0.1"
    port: int = 0
    keep: bool = False
    seed: Path | None = None
    faults: Path | None = None
    latency: float = 0.0
    repos: Sequence[str] = ()
    users: Sequence[str] = ()
    tls: TLS | None = None
    control_token: str = ""


@dataclass(frozen=True)
class Running:
    """`tokens`: of `users`, and of whoever the seed gives one. `went_on`: the state of an earlier run was there."""

    sim: Sim
    url: str
    tokens: dict[str, str]
    control_token: str
    went_on: bool


async def run(settings: Settings, ready: Callable[[Running], None], *, clock: Clock) -> None:
    """Serve until cancelled. A seed is sown once: not again where a state is kept and was there."""
    sim = Sim(settings.root, clock=clock, latency=settings.latency)
    source = seed.read(settings.seed) if settings.seed is not None else None
    if settings.faults is not None:
        sim.faults.follow(seed.opened("--faults", settings.faults).read(Plan))
    async with AsyncExitStack() as stack:
        store: Store | None = None

        async def saved() -> None:
            if store is not None:
                await store.save()

        async def saved_at_last() -> None:
            if sim.saved is not None:  # what was sown in part is not kept: a better seed begins anew
                await saved()

        if settings.keep:
            store = await Store.open(sim.world)
            stack.push_async_callback(store.close)
            stack.push_async_callback(saved_at_last)
        control = Control(sim, token=settings.control_token or secrets.token_hex(18), clock=clock, changed=saved)
        url = await stack.enter_async_context(
            sim.serve(host=settings.host, port=settings.port, tls=settings.tls, app=control)
        )
        went_on = store is not None and not store.fresh
        if source is not None and settings.seed is not None and not went_on:
            await sow(sim, *source, folder=settings.seed.parent)
        await _given(sim, settings)
        tokens = {token.identity.login: text for text, token in sim.world.tokens.items() if token.identity.login}
        for login in settings.users:
            if login not in tokens:
                tokens[login] = sim.world.token(login)
        sim.saved = saved
        await saved()
        control.open()
        ready(Running(sim, url, tokens, control.token, went_on))
        await asyncio.Event().wait()


async def _given(sim: Sim, settings: Settings) -> None:
    """The repositories and users of the command line, where they are not there yet."""
    try:
        for login in settings.users:
            sim.world.user(login)
    except Refused as error:
        raise UsageError(f"--user: {error.message}") from error
    for full_name in settings.repos:
        if full_name.lower() not in sim.world.repos:
            try:
                sim.world.org(full_name.partition("/")[0], members=settings.users)
                repo = await sim.world.create_repo(full_name, files={"README.md": f"# {full_name}\n"})
            except Refused as error:
                raise UsageError(f"--repo {full_name}: {error.message}") from error
            repo.collaborators.update(dict.fromkeys(settings.users, "admin"))
