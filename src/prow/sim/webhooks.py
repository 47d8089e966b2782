"""Delivering events: signed, in order per hook, kept in a log, redelivered on request. GitHub does not try again by itself.

`faults` may have one lost, late, repeated or overtaken by later ones. `settled()` returns when everything due was answered.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx2
import msgspec

from prow.lib import logs, open_work
from prow.lib.clock import Clock
from prow.lib.http_client import http_client
from prow.lib.ids import Ids
from prow.sim.plan import Late, Lose, Reorder, Repeat
from prow.sim.state import Delivery, Hook

if TYPE_CHECKING:
    from prow.sim.faults import Faults

_log = logs.get("sim")
_TIMEOUT = 10.0
_KEPT_FOR = timedelta(days=3)
_MOST_KEPT = 5_000
"""Deliveries of a hook: GitHub keeps them for three days; this one has a bound besides."""
_LONGEST_ANSWER = 1_000


@dataclass
class _Lane:
    """The deliveries of one hook, one after another. `held`: those that later ones overtake."""

    hook: Hook
    queue: asyncio.Queue[Delivery] = field(default_factory=asyncio.Queue)
    held: list[_Held] = field(default_factory=list)


@dataclass(eq=False)
class _Held:
    delivery: Delivery
    by: int


class Webhooks:
    """Call `run()` as a task. `sent`, `answered`: counters."""

    def __init__(self, *, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._lanes: dict[int, _Lane] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._client: httpx2.AsyncClient | None = None
        self._next_id = 1
        self._open = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self.faults: Faults | None = None
        self.transport: httpx2.AsyncBaseTransport | None = None
        """Another way than sockets, to a receiver in this process."""
        self.sent = 0
        self.answered = 0

    def send(self, hook: Hook, event: str, payload: dict[str, Any]) -> Delivery:
        """Queue one event for one hook."""
        repo, installation = payload.get("repository") or {}, payload.get("installation") or {}
        delivery = Delivery(
            id=self._next_id,
            guid=self._ids.new(),
            event=event,
            action=payload.get("action", ""),
            body=msgspec.json.encode(payload),
            delivered_at=self._clock.now(),
            repository_id=repo.get("id"),
            installation_id=installation.get("id"),
        )
        return self._send(hook, delivery)

    def resume(self, hooks: Iterable[Hook]) -> None:
        """Go on where another one was: what was not delivered then is not sent again by itself."""
        known = [delivery.id for hook in hooks for delivery in hook.deliveries]
        self._next_id = max(known, default=0) + 1

    def redeliver(self, hook: Hook, delivery: Delivery) -> Delivery:
        """What the button in GitHub's settings does: the same body, the same GUID."""
        again = replace(delivery, id=self._next_id, delivered_at=self._clock.now(), redelivery=True)
        again.status, again.duration, again.answer = 0, 0.0, ""
        return self._send(hook, again)

    def _send(self, hook: Hook, delivery: Delivery) -> Delivery:
        self._next_id += 1
        self._forget(hook)
        hook.deliveries.append(delivery)
        fault = None
        if self.faults is not None and not delivery.redelivery:
            fault = self.faults.of_delivery(event=delivery.event, action=delivery.action, body=delivery.body)
        if isinstance(fault, Lose):
            return delivery
        lane = self._lane(hook)
        match fault:
            case Late():
                self._begun(1)
                self._spawn(self._later(lane, delivery, fault.seconds))
            case Reorder():
                self._begun(1)
                held = _Held(delivery, fault.by)
                lane.held.append(held)
                self._spawn(self._released(lane, held, fault.within))
            case _:
                times = fault.times if isinstance(fault, Repeat) else 1
                self._begun(times)
                for _ in range(times):
                    lane.queue.put_nowait(delivery)
                self._overtaken(lane)
        return delivery

    def _forget(self, hook: Hook) -> None:
        oldest, known = self._clock.now() - _KEPT_FOR, hook.deliveries
        old = next((place for place, one in enumerate(known) if one.delivered_at > oldest), len(known))
        del known[: max(old, len(known) - _MOST_KEPT + 1)]

    def _lane(self, hook: Hook) -> _Lane:
        lane = self._lanes.get(hook.id)
        if lane is None:
            lane = self._lanes[hook.id] = _Lane(hook)
            self._spawn(self._work(lane))
        return lane

    def _begun(self, count: int) -> None:
        self._open += count
        self._quiet.clear()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="sim-hook")
        self._workers.add(task)
        task.add_done_callback(self._workers.discard)

    async def _later(self, lane: _Lane, delivery: Delivery, seconds: float) -> None:
        await self._clock.sleep(seconds)
        lane.queue.put_nowait(delivery)

    async def _released(self, lane: _Lane, held: _Held, within: float) -> None:
        await self._clock.sleep(within)
        if held in lane.held:
            lane.held.remove(held)
            lane.queue.put_nowait(held.delivery)

    def _overtaken(self, lane: _Lane) -> None:
        """One more was sent: whoever was overtaken often enough goes next."""
        for held in tuple(lane.held):
            held.by -= 1
            if held.by <= 0:
                lane.held.remove(held)
                lane.queue.put_nowait(held.delivery)

    async def settled(self) -> None:
        """Every delivery that was due has an answer, or failed for good."""
        await self._quiet.wait()

    async def close(self) -> None:
        for worker in tuple(self._workers):
            worker.cancel()
        await asyncio.gather(*tuple(self._workers), return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _work(self, lane: _Lane) -> None:
        while True:
            delivery = await lane.queue.get()
            try:
                await self._deliver(lane.hook, delivery)
            finally:
                self._open -= 1
                if self._open == 0:
                    self._quiet.set()

    async def _deliver(self, hook: Hook, delivery: Delivery) -> None:
        if self._client is None:
            self._client = http_client(timeout=_TIMEOUT, transport=self.transport)
        self.sent += 1
        body = urlencode({"payload": delivery.body}).encode() if hook.form else delivery.body
        begun = self._clock.monotonic()
        try:
            with open_work.counted():
                answer = await self._client.post(hook.url, content=body, headers=headers(hook, delivery, body))
            delivery.status, delivery.answer = answer.status_code, answer.text[:_LONGEST_ANSWER]
            self.answered += 1
        except httpx2.HTTPError as error:
            _log.debug("A webhook could not be delivered.", url=hook.url, error=str(error))
        delivery.duration = round(self._clock.monotonic() - begun, 2)


def headers(hook: Hook, delivery: Delivery, body: bytes) -> dict[str, str]:
    """What stands above the body; it is signed only where there is a secret."""
    found = {
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded" if hook.form else "application/json",
        "User-Agent": "GitHub-Hookshot/sim",
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-Type": hook.target[0],
        "X-GitHub-Hook-Installation-Target-ID": str(hook.target[1]),
    }
    for name, kind in (("X-Hub-Signature", "sha1"), ("X-Hub-Signature-256", "sha256")) if hook.secret else ():
        found[name] = f"{kind}={hmac.digest(hook.secret.encode(), body, kind).hex()}"
    return found
