"""External consumers: the delivery goes on as it came, body and headers, at least once and in lane order (`spec/plugins-review` §1.6).

An endpoint that cannot be connected to is asked again every few seconds, by one delivery for all that wait for it, so that it has
its events soon after it is back. After an hour without it deliveries are given up, until it answers again.
"""

from __future__ import annotations

import httpx2
import msgspec

from prow.hook.inbox import Delivery
from prow.hook.rules import Unreachable
from prow.lib import logs, open_work
from prow.lib.clock import Clock
from prow.lib.errors import Permanent, Retry
from prow.lib.http_client import http_client
from prow.model.events import EventKind

_log = logs.get("hook")
_DEADLINE = 30.0
_PAUSES = (0.1, 0.2, 0.4, 0.8)
_FIRST_LOOK = 0.5
_LAST_LOOK = 3.0
_GIVEN_UP_AFTER = 3600.0
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


class _Away(msgspec.Struct):
    """An endpoint that cannot be connected to: since when, when it is looked for next, and how long after that again."""

    since: float
    look_at: float
    pause: float


class Forwarder:
    """One HTTP client for all external consumers of a process."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._client = http_client(timeout=_DEADLINE)
        self._away: dict[str, _Away] = {}

    async def send(self, endpoint: str, delivery: Delivery) -> None:
        """Deliver it. A connection that fails is tried again at once a few times; then `Unreachable` is raised, and `Retry` after a 5xx."""
        pauses: tuple[float, ...] = _PAUSES
        away = self._away.get(endpoint)
        if away is not None:
            if self._clock.monotonic() < away.look_at:
                raise self._unreachable(endpoint, away)
            self._look_again_later(away)
            pauses = ()
        for pause in (*pauses, None):
            try:
                with open_work.counted():
                    answer = await self._client.post(endpoint, content=delivery.body, headers=_headers(delivery))
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
                raise Permanent(f"{endpoint} is no address of an external plugin: {error}") from error
            except httpx2.TransportError as error:
                if pause is None:
                    raise self._failed(endpoint, error) from error
                await self._clock.sleep(pause)
                continue
            if self._away.pop(endpoint, None) is not None:
                _log.info("An endpoint of events is back.", endpoint=endpoint)
            if answer.status_code >= 500:
                raise Retry(f"{endpoint} answered {answer.status_code}")
            if not answer.is_success:
                raise Permanent(f"{endpoint} answered {answer.status_code}")
            return

    def _failed(self, endpoint: str, error: httpx2.TransportError) -> Retry | Permanent:
        if not isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout)):
            return Retry(f"{endpoint} did not answer: {error or type(error).__name__}")
        now = self._clock.monotonic()
        if endpoint not in self._away:
            _log.warning(
                "An endpoint of events cannot be reached; it is looked for.", endpoint=endpoint, error=str(error)
            )
        away = self._away.setdefault(endpoint, _Away(now, now + _FIRST_LOOK, _FIRST_LOOK))
        return self._unreachable(endpoint, away)

    def _unreachable(self, endpoint: str, away: _Away) -> Retry | Permanent:
        now = self._clock.monotonic()
        text = f"{endpoint} cannot be reached"
        if now - away.since > _GIVEN_UP_AFTER:
            return Permanent(f"{text} for {(now - away.since) / 60:.0f} minutes")
        return Unreachable(text, after=max(0.05, away.look_at - now))

    def _look_again_later(self, away: _Away) -> None:
        """This delivery looks for the endpoint; the others wait for what it finds."""
        away.pause = min(away.pause * 2, _LAST_LOOK)
        away.look_at = self._clock.monotonic() + away.pause

    async def close(self) -> None:
        await self._client.aclose()


def _headers(delivery: Delivery) -> list[tuple[str, str]]:
    given: list[tuple[str, str]] = msgspec.json.decode(delivery.headers, type=list[tuple[str, str]])
    return [*((name, value) for name, value in given if name.lower() not in _OWN), ("User-Agent", "ProwHook")]
