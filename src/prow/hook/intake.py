"""The webhook endpoint: a bare ASGI application, since every microsecond here is spent on every event of an organisation.

What a request must be is checked by `github.reception`. Before the signature is proven nothing is stored; the answer is given when the
delivery is on disk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from prow.github.reception import Reception, Refusal, answer
from prow.github.webhook import Verifier
from prow.hook import rules
from prow.hook.inbox import Arrival, Delivery, Inbox
from prow.hook.settings import Settings
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.http import Receive, Scope, Send
from prow.lib.metrics import GoCounter

_log = logs.get("hook")
_JSON = ((b"content-type", b"application/json"), (b"cache-control", b"no-cache"))
_THANKS = b"Event received. Have a nice day."

RECEIVED = GoCounter("prow_webhook_counter", "Webhooks received, by event.", ["event_type"])
ANSWERED = GoCounter("prow_webhook_response_codes", "Answers to webhooks, by code.", ["response_code"])


class Intake:
    """`received`, `duplicates`: counters. `arrived` is called with each new delivery."""

    def __init__(
        self,
        settings: Settings,
        inbox: Inbox,
        verifier: Verifier,
        *,
        clock: Clock,
        arrived: Callable[[Delivery], None],
        help_page: Callable[[], Awaitable[bytes]],
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._reception = Reception(
            verifier, clock=clock, largest_body=settings.largest_body, body_deadline=settings.body_deadline
        )
        self._arrived = arrived
        self._help = help_page
        self.received = 0
        self.duplicates = 0

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == self._settings.webhook_path:
            status, text = await self._webhook(scope, receive)
            ANSWERED.labels(str(status)).inc()
            await answer(send, status, text)
        elif path == "/plugin-help":
            if scope["method"] != "GET":
                await answer(send, 405, b"405 Method not allowed\n")
                return
            await answer(send, 200, await self._help(), *_JSON)
        else:
            await answer(send, 200, b"")

    async def _webhook(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        try:
            received = await self._reception.receive(scope, receive)
        except Refusal as refusal:
            return refusal.status, f"{refusal.text}\n".encode()
        event, guid, origin, body = received.event, received.guid, received.origin, received.body
        RECEIVED.labels(event if event in rules.KINDS else "other").inc()
        self.received += 1
        if not self._settings.accepts(origin.org, origin.repo):
            return 200, _THANKS
        lane = rules.lane_of(event, origin.org, origin.repo, body)
        arrival = Arrival(
            guid=guid,
            event=event,
            org=origin.org,
            repo=origin.repo,
            lane=lane,
            headers=_kept_headers(scope),
            body=body,
        )
        seq = await self._inbox.accept(arrival)
        if seq:
            self._arrived(arrival.delivery(seq))
        else:
            self.duplicates += 1
            _log.info("A delivery came twice; it is handled once.", **{"event-GUID": guid, "event-type": event})
        return 200, _THANKS


def _kept_headers(scope: Scope) -> bytes:
    """For external consumers, who get the request as it came."""
    return msgspec.json.encode([[key.decode("latin-1"), value.decode("latin-1")] for key, value in scope["headers"]])
