"""Receiving a signed webhook over ASGI: its checks, bounded in size and time, with GitHub's answers in mind.

Whoever is at the other end of a webhook uses it: hook, and each component that hook (ours or the original) forwards deliveries to. The
checks, their order and their texts are those of `spec/plugins-review` §1.2. Before the signature is proven only sender,
organisation and repository are decoded.
"""

from __future__ import annotations

import msgspec

from prow.github.errors import InvalidWebhook
from prow.github.webhook import Origin, Verifier
from prow.lib.clock import Clock
from prow.lib.http import Receive, Scope, Send

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_WANTED = frozenset({b"x-github-event", b"x-github-delivery", b"x-hub-signature-256", b"content-type"})
_LONGEST_NAME = 100

LARGEST_BODY = 25 << 20
BODY_DEADLINE = 30.0


class Refusal(Exception):
    """A request that is answered and forgotten."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery whose signature was proven."""

    event: str
    guid: str
    origin: Origin
    body: bytes


class Reception:
    """`largest_body` in bytes, `body_deadline` in seconds: for all of the body to arrive."""

    def __init__(
        self,
        verifier: Verifier,
        *,
        clock: Clock,
        largest_body: int = LARGEST_BODY,
        body_deadline: float = BODY_DEADLINE,
    ) -> None:
        self._verifier = verifier
        self._clock = clock
        self._largest_body = largest_body
        self._body_deadline = body_deadline

    async def receive(self, scope: Scope, receive: Receive) -> Received:
        """The delivery in this request; raises Refusal."""
        headers = _checked(scope)
        body = await self._body(receive)
        try:
            origin = self._verifier.verify(body, headers[b"x-hub-signature-256"])
        except InvalidWebhook as error:
            raise Refusal(403, f"403 Forbidden: Invalid X-Hub-Signature-256 - {error}") from error
        return Received(
            event=headers[b"x-github-event"][:_LONGEST_NAME],
            guid=headers[b"x-github-delivery"][:_LONGEST_NAME],
            origin=origin,
            body=body,
        )

    async def _body(self, receive: Receive) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            if len(body) > self._largest_body:
                raise Refusal(413, "413 Request Entity Too Large")
            return body
        parts, size = [body], len(body)
        try:
            async with self._clock.timeout(self._body_deadline):
                while message.get("more_body", False):
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(500, "500 Internal Server Error: Failed to read request body")
                    size += len(message.get("body", b""))
                    if size > self._largest_body:
                        raise Refusal(413, "413 Request Entity Too Large")
                    parts.append(message.get("body", b""))
        except TimeoutError as error:
            raise Refusal(500, "500 Internal Server Error: Failed to read request body") from error
        return b"".join(parts)


async def answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole answer; as plain text when no headers are given."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*(headers or (_TEXT,)), length]})
    await send({"type": "http.response.body", "body": body})


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
