"""Delivering events: signed, in order per hook, kept in a log, redelivered on request. GitHub does not try again by itself.

Faults are rules on deliveries: `lose` drops it, `repeat` sends it twice. `settled()` returns when everything due was answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx2

from prow.lib import logs, open_work
from prow.lib.clock import Clock
from prow.lib.ids import Ids
from prow.sim.state import Delivery, Hook

_log = logs.get("sim")
_TIMEOUT = 10.0
_KEPT = 5_000

Fault = Callable[[Hook, Delivery], str]
"""Gives `lose`, `repeat` or an empty text for a delivery that is due."""


class Webhooks:
    """Call `run()` as a task. `sent`, `answered`: counters."""

    def __init__(self, *, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._queues: dict[int, asyncio.Queue[Delivery]] = {}
        self._hooks: dict[int, Hook] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._client: httpx2.AsyncClient | None = None
        self._next_id = 1
        self._open = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self.fault: Fault | None = None
        self.sent = 0
        self.answered = 0

    def send(
        self, hook: Hook, event: str, payload: dict[str, Any], *, guid: str = "", redelivery: bool = False
    ) -> Delivery:
        """Queue one event for one hook."""
        return self._send(
            hook, event, json.dumps(payload).encode(), payload.get("action", ""), guid=guid, redelivery=redelivery
        )

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
        fault = self.fault(hook, delivery) if self.fault is not None else ""
        if fault == "lose":
            return delivery
        for _ in range(2 if fault == "repeat" else 1):
            self._enqueue(hook, delivery)
        return delivery

    def _enqueue(self, hook: Hook, delivery: Delivery) -> None:
        queue = self._queues.get(hook.id)
        if queue is None:
            queue = self._queues[hook.id] = asyncio.Queue()
            self._hooks[hook.id] = hook
            worker = asyncio.get_running_loop().create_task(self._work(hook, queue), name=f"sim-hook-{hook.id}")
            self._workers.add(worker)
        self._open += 1
        self._quiet.clear()
        queue.put_nowait(delivery)

    async def settled(self) -> None:
        """Every delivery that was due has an answer, or failed for good."""
        await self._quiet.wait()

    async def close(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _work(self, hook: Hook, queue: asyncio.Queue[Delivery]) -> None:
        while True:
            delivery = await queue.get()
            try:
                await self._deliver(hook, delivery)
            finally:
                self._open -= 1
                if self._open == 0:
                    self._quiet.set()

    async def _deliver(self, hook: Hook, delivery: Delivery) -> None:
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=_TIMEOUT, trust_env=False)
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
