"""Hook's events over HTTP: the receiving side of `--event-endpoint NAME=URL`, for tide and deck as processes of their own.

It is the external-plugin contract (`spec/plugins-review` §1.6), so it works behind the original hook too: the delivery comes as GitHub
sent it and its signature is proven again here. 200: the listener has it. 5xx: send it again. Any other answer: it will never be
taken, do not repeat it. Our hook keeps the order of a lane by waiting for the answer.
"""

from __future__ import annotations

from prometheus_client import Counter

from prow.bus.listener import Listener
from prow.github.errors import BadPayload
from prow.github.payloads import decode
from prow.github.reception import Received, Reception, Refusal, answer
from prow.github.webhook import Verifier
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, Retry
from prow.lib.http import App, Receive, Scope, Send

_log = logs.get("bus")
_DEADLINE = 20.0
"""Seconds for a listener to take an event: less than the sender waits."""

TAKEN = Counter("prow_event_endpoint_deliveries", "Deliveries from hook, by answer.", ["listener", "response_code"])


class Endpoint:
    """`app`: the ASGI application of `path`; every other path is 404, or `beside` another application."""

    def __init__(self, listener: Listener, verifier: Verifier, *, clock: Clock, path: str = "/hook") -> None:
        self._listener = listener
        self._reception = Reception(verifier, clock=clock)
        self._clock = clock
        self._path = path

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] != self._path:
            await answer(send, 404, b"404 page not found\n")
            return
        status, text = await self._delivery(scope, receive)
        TAKEN.labels(self._listener.name, str(status)).inc()
        await answer(send, status, f"{text}\n".encode())

    def beside(self, other: App) -> App:
        """One application: our path here, all others there."""

        async def both(scope: Scope, receive: Receive, send: Send) -> None:
            ours = scope["type"] == "http" and scope["path"] == self._path
            await (self.app if ours else other)(scope, receive, send)

        return both

    async def _delivery(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        try:
            received = await self._reception.receive(scope, receive)
            if received.event not in self._listener.kinds:
                return 200, "Nobody here wants this event."
            event = decode(received.event, received.body, received.guid)
            if event is not None:
                async with self._clock.timeout(_DEADLINE):
                    await self._listener.take(event)
        except Refusal as refusal:
            return refusal.status, refusal.text
        except BadPayload as error:
            return self._failed(received, 400, f"400 Bad Request: {error}")
        except TimeoutError:
            return self._failed(received, 503, f"503 Service Unavailable: not taken within {_DEADLINE:g} s")
        except Retry as error:
            return self._failed(received, 503, f"503 Service Unavailable: {error}")
        except ProwError as error:
            return self._failed(received, 422, f"422 Unprocessable Entity: {error}")
        except Exception:  # noqa: BLE001 - the border of this delivery: the sender tries it again
            _log.exception("An event could not be taken.", **_fields(received))
            return 500, "500 Internal Server Error"
        return 200, "Event received."

    def _failed(self, received: Received, status: int, text: str) -> tuple[int, str]:
        _log.warning("An event was not taken.", listener=self._listener.name, answer=text, **_fields(received))
        return status, text


def _fields(received: Received) -> dict[str, str]:
    return {
        "event-GUID": received.guid,
        "event-type": received.event,
        "org": received.origin.org,
        "repo": received.origin.repo,
    }
