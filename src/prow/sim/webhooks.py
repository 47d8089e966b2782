"""Delivering events: signed, in order per hook, kept in a log, redelivered on request. GitHub does not try again by itself.

`faults` may have one lost, late, repeated or overtaken by later ones. `settled()` returns when everything due was answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2

from prow.lib import logs, open_work
from prow.lib.clock import Clock
from prow.lib.ids import Ids
from prow.sim.plan import Late, Lose, Reorder, Repeat
from prow.sim.state import Delivery, Hook

if TYPE_CHECKING:
    from prow.sim.faults import Faults

_log = logs.get("sim")
_TIMEOUT = 10.0
_KEPT = 5_000


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

    def send(
        self, hook: Hook, event: str, payload: dict[str, Any], *, guid: str = "", redelivery: bool = False
    ) -> Delivery:
        """Queue one event for one hook."""
        return self._send(
            hook, event, json.dumps(payload).encode(), payload.get("action", ""), guid=guid, redelivery=redelivery
        )

    def resume(self, hooks: Iterable[Hook]) -> None:
        """Go on where another one was: what was not delivered then is not sent again by itself."""
        known = [delivery.id for hook in hooks for delivery in hook.deliveries]
        self._next_id = max(known, default=0) + 1

    def redeliver(self, hook: Hook, delivery: Delivery) -> Delivery:
        """What the button in GitHub's settings does: the same body, the same GUID."""
        return self._send(hook, delivery.event, delivery.body, delivery.action, guid=delivery.guid, redelivery=True)

    def _send(self, hook: Hook, event: str, body: bytes, action: str, *, guid: str, redelivery: bool) -> Delivery:
        delivery = Delivery(
            id=self._next_id,
            guid=guid or self._ids.new(),
            event=event,
            action=action,
            body=body,
            delivered_at=self._clock.now(),
            redelivery=redelivery,
        )
        self._next_id += 1
        hook.deliveries.append(delivery)
        del hook.deliveries[:-_KEPT]
        fault = None
        if self.faults is not None and not redelivery:
            fault = self.faults.of_delivery(event=event, action=action, body=body)
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
            self._client = httpx2.AsyncClient(timeout=_TIMEOUT, trust_env=False, transport=self.transport)
        self.sent += 1
        signature = hmac.new(hook.secret.encode(), delivery.body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/sim",
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Hook-ID": str(hook.id),
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        try:
            with open_work.counted():
                answer = await self._client.post(hook.url, content=delivery.body, headers=headers)
            delivery.status = answer.status_code
            self.answered += 1
        except httpx2.HTTPError as error:
            _log.debug("A webhook could not be delivered.", url=hook.url, error=str(error))
