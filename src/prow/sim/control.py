"""`/_sim/`: what a test in any language does to this GitHub from outside: tokens, faults, deliveries, counts, more of a seed.

Served to this machine only, and with the control token. Answers are JSON; `GET /_sim/` lists the calls.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request

from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.http import Receive, Scope, Send
from prow.sim import seed
from prow.sim.accounts import token_of
from prow.sim.answers import JSON, Made
from prow.sim.apps import check_permissions
from prow.sim.errors import Refused
from prow.sim.plan import plan_from
from prow.sim.server import Sim
from prow.sim.sowing import sow

PREFIX = "/_sim/"
_HERE = ("127.0.0.1", "::1")
_LARGEST = 16 << 20
_PATIENCE = 30.0


class _OfApp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    app: str


class Control:
    """An ASGI application in front of a simulator. `token`: whoever knows it may control. `changed`: awaited after each change.

    Nobody is answered before `open`, so that a caller never sees a world that is half made.
    """

    def __init__(self, sim: Sim, *, token: str, clock: Clock, changed: Callable[[], Awaitable[None]]) -> None:
        self._sim = sim
        self.token = token
        self._clock = clock
        self._changed = changed
        self._opened = asyncio.Event()
        self._calls: dict[tuple[str, str], Callable[[bytes], Awaitable[Any]]] = {
            ("GET", ""): self._index,
            ("GET", "calls"): self._counts,
            ("POST", "tokens"): self._new_token,
            ("POST", "keys"): self._new_key,
            ("GET", "faults"): self._faults,
            ("PUT", "faults"): self._plan,
            ("DELETE", "faults"): self._no_faults,
            ("GET", "deliveries"): self._deliveries,
            ("GET", "writes"): self._writes,
            ("POST", "settle"): self._settle,
            ("POST", "seed"): self._sow,
        }

    def open(self) -> None:
        self._opened.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._opened.wait()
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._sim.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            made = Made(200, msgspec.json.encode(await self._answer(request)), {"content-type": JSON})
        except Refused as error:
            made = _refusal(error.status, error.message)
        except (msgspec.ValidationError, msgspec.DecodeError, UsageError) as error:
            made = _refusal(422, str(error))
        await made.given(send)

    async def _answer(self, request: Request) -> Any:
        if request.client is None or request.client.host not in _HERE:
            raise Refused(403, "The controls are for this machine only.")
        if not hmac.compare_digest((token_of(request) or "").encode(), self.token.encode()):
            raise Refused(401, "Send the control token: Authorization: token TOKEN. It was printed at the start.")
        call = self._calls.get((request.method, request.url.path.removeprefix(PREFIX)))
        if call is None:
            raise Refused(404, f"There is no such control; GET {PREFIX} lists them.")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > _LARGEST:
                raise Refused(413, "Too large.")
        answer = await call(bytes(body))
        if request.method != "GET":
            await self._changed()
        return answer

    async def _index(self, _: bytes) -> Any:
        return {"calls": [f"{method} {PREFIX}{path}" for method, path in self._calls]}

    async def _counts(self, _: bytes) -> Any:
        """API calls since the start by method and path template, 304s aside."""
        world = self._sim.world
        counts = {f"{method} {path}": count for (method, path), count in world.calls.items()}
        return {"calls": counts, "content_writes": world.content_writes}

    async def _new_token(self, body: bytes) -> Any:
        """Of a person; with `permissions` a fine-grained one."""
        wanted, world = msgspec.json.decode(body, type=seed.Account), self._sim.world
        if wanted.permissions is None:
            return {"token": world.token(wanted.login, scopes=wanted.scopes)}
        check_permissions(wanted.permissions)
        repos = [world.named(name) for name in wanted.repos] if wanted.repos is not None else None
        return {"token": world.fine_token(wanted.login, wanted.owner or wanted.login, wanted.permissions, repos=repos)}

    async def _new_key(self, body: bytes) -> Any:
        """A private key of an app, as the button in its settings gives it."""
        wanted = msgspec.json.decode(body, type=_OfApp)
        app = self._sim.world.apps.get(wanted.app)
        if app is None:
            raise Refused(404, f"There is no app {wanted.app!r}.")
        return {"app_id": app.id, "client_id": app.client_id, "key": self._sim.world.new_private_key(app)}

    async def _faults(self, _: bytes) -> Any:
        return [{"rule": rule, "struck": struck} for rule, struck in self._sim.faults.rules]

    async def _plan(self, body: bytes) -> Any:
        """A plan in place of the one before."""
        self._sim.faults.follow(plan_from(msgspec.json.decode(body)))
        return {}

    async def _no_faults(self, _: bytes) -> Any:
        self._sim.faults.clear()
        return {}

    async def _deliveries(self, _: bytes) -> Any:
        """Of every hook, oldest first."""
        world = self._sim.world
        return [world.json.delivery(one) | {"hook": hook.url} for hook in world.all_hooks() for one in hook.deliveries]

    async def _writes(self, _: bytes) -> Any:
        """Who changed what of late, oldest first."""
        return [
            {
                "at": write.at,
                "login": write.login,
                "repository": write.repo.full_name if write.repo is not None else "",
                "number": write.number,
                "sha": write.sha,
                "kind": write.kind,
                "about": write.about,
                "how": write.how,
                "call": write.call.name if write.call is not None else "",
            }
            for write in self._sim.world.journal.writes
        ]

    async def _settle(self, _: bytes) -> Any:
        """Answer when every webhook that was due was answered or has failed."""
        try:
            async with self._clock.timeout(_PATIENCE):
                await self._sim.world.hooks.settled()
        except TimeoutError:
            raise Refused(504, f"Webhooks were still on their way after {_PATIENCE:g} s.") from None
        return {}

    async def _sow(self, body: bytes) -> Any:
        """More users, organisations and repositories, in the seed's format."""
        source = seed.Source("seed", body)
        wanted = source.seed()
        await sow(self._sim, source, wanted, folder=None)
        return {}


def _refusal(status: int, message: str) -> Made:
    return Made(status, msgspec.json.encode({"message": message}), {"content-type": JSON})
