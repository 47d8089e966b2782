"""The webhook endpoint: a bare ASGI application, since every microsecond here is spent on every event of an organisation.

The checks, their order and their texts are those of `spec/plugins-review` §1.2. Before the signature is proven only sender,
organisation and repository are decoded, and nothing is stored. The answer is given when the delivery is on disk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from prometheus_client import Counter

from prow.github.errors import InvalidWebhook
from prow.github.webhook import Verifier
from prow.hook import rules
from prow.hook.inbox import Arrival, Delivery, Inbox
from prow.hook.settings import Settings
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.http import Receive, Scope, Send

_log = logs.get("hook")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_WANTED = frozenset({b"x-github-event", b"x-github-delivery", b"x-hub-signature-256", b"content-type"})
_THANKS = b"Event received. Have a nice day."

RECEIVED = Counter("prow_webhook_counter", "Webhooks received, by event.", ["event_type"])
ANSWERED = Counter("prow_webhook_response_codes", "Answers to webhooks, by code.", ["response_code"])

Help = Callable[[], bytes]


class Refusal(Exception):
    """A request that is answered and forgotten."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


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
        self._verifier = verifier
        self._clock = clock
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
            await _answer(send, status, text, _TEXT)
        elif path == "/plugin-help":
            if scope["method"] != "GET":
                await _answer(send, 405, b"405 Method not allowed\n", _TEXT)
                return
            await _answer(
                send, 200, await self._help(), (b"content-type", b"application/json"), (b"cache-control", b"no-cache")
            )
        else:
            await _answer(send, 200, b"", _TEXT)

    async def _webhook(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        try:
            headers = _checked(scope)
            body = await self._body(receive)
            try:
                origin = self._verifier.verify(body, headers[b"x-hub-signature-256"])
            except InvalidWebhook as error:
                raise Refusal(403, f"403 Forbidden: Invalid X-Hub-Signature-256 - {error}") from error
        except Refusal as refusal:
            return refusal.status, f"{refusal.text}\n".encode()
        event, guid = headers[b"x-github-event"][:100], headers[b"x-github-delivery"][:100]
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

    async def _body(self, receive: Receive) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            if len(body) > self._settings.largest_body:
                raise Refusal(413, "413 Request Entity Too Large")
            return body
        parts, size = [body], len(body)
        try:
            async with self._clock.timeout(self._settings.body_deadline):
                while message.get("more_body", False):
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(500, "500 Internal Server Error: Failed to read request body")
                    size += len(message.get("body", b""))
                    if size > self._settings.largest_body:
                        raise Refusal(413, "413 Request Entity Too Large")
                    parts.append(message.get("body", b""))
        except TimeoutError as error:
            raise Refusal(500, "500 Internal Server Error: Failed to read request body") from error
        return b"".join(parts)


def _checked(scope: Scope) -> dict[bytes, str]:
    """The headers that matter, or the first refusal."""
    headers = {key: value.decode("latin-1") for key, value in scope["headers"] if key in _WANTED}
    if scope["method"] != "POST":
        raise Refusal(405, "405 Method not allowed")
    for name, status, reason in (
        (b"x-github-event", 400, "400 Bad Request: Missing X-GitHub-Event Header"),
        (b"x-github-delivery", 400, "400 Bad Request: Missing X-GitHub-Delivery Header"),
        (b"x-hub-signature-256", 403, "403 Forbidden: Missing X-Hub-Signature-256"),
    ):
        if not headers.get(name):
            raise Refusal(status, reason)
    if headers.get(b"content-type") != "application/json":
        raise Refusal(400, "400 Bad Request: Hook only accepts content-type: application/json")
    return headers


def _kept_headers(scope: Scope) -> bytes:
    """For external consumers, who get the request as it came."""
    return msgspec.json.encode([[key.decode("latin-1"), value.decode("latin-1")] for key, value in scope["headers"]])


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
