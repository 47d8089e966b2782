"""External consumers: the delivery goes on as it came, body and headers, at least once and in lane order (`spec/plugins-review` §1.6)."""

from __future__ import annotations

import httpx2
import msgspec

from prow.hook.inbox import Delivery
from prow.lib.clock import Clock
from prow.lib.errors import Permanent, Retry
from prow.model.events import EventKind

_DEADLINE = 30.0
_PAUSES = (0.1, 0.2, 0.4, 0.8)
_OWN = frozenset(
    {"host", "content-length", "connection", "transfer-encoding", "user-agent", "accept-encoding", "keep-alive"}
)


class EventEndpoint(msgspec.Struct, frozen=True):
    """A component in a process of its own that wants deliveries of all repositories. `kinds` None: everything."""

    name: str
    url: str
    kinds: frozenset[EventKind] | None = None

    def wants(self, event: str) -> bool:
        return self.kinds is None or event in self.kinds


class Forwarder:
    """One HTTP client for all external consumers of a process."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._client = httpx2.AsyncClient(timeout=_DEADLINE, trust_env=False, follow_redirects=False)

    async def send(self, endpoint: str, delivery: Delivery) -> None:
        """Deliver it. A connection that fails is tried again at once a few times; then, and after a 5xx, `Retry` is raised."""
        given: list[tuple[str, str]] = msgspec.json.decode(delivery.headers, type=list[tuple[str, str]])
        headers = [(name, value) for name, value in given if name.lower() not in _OWN]
        headers.append(("User-Agent", "ProwHook"))
        for pause in (*_PAUSES, None):
            try:
                answer = await self._client.post(endpoint, content=delivery.body, headers=headers)
            except httpx2.TransportError as error:
                if pause is None:
                    raise Retry(f"{endpoint} cannot be reached: {error or type(error).__name__}") from error
                await self._clock.sleep(pause)
                continue
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
                raise Permanent(f"{endpoint} is no address of an external plugin: {error}") from error
            if answer.status_code >= 500:
                raise Retry(f"{endpoint} answered {answer.status_code}")
            if not answer.is_success:
                raise Permanent(f"{endpoint} answered {answer.status_code}")
            return

    async def close(self) -> None:
        await self._client.aclose()
