"""Addresses of GitHub's API in order of preference, such as a ghproxy and GitHub itself behind it.

One that did not answer comes last until it does: nobody waits for it again and again, and what may not be repeated blindly goes
where somebody answers. Now and then a single read tries it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prow.lib import logs
from prow.lib.address import web_address
from prow.lib.clock import Clock
from prow.lib.errors import UsageError

_log = logs.get("github")
_AWAY = 30.0
"""Seconds until one that did not answer is tried again."""


class Endpoint:
    """A base address. `prefix`: its path, e.g. `/api/v3` of GitHub Enterprise."""

    def __init__(self, url: str) -> None:
        parts = web_address(url)
        if parts is None or "@" in parts.netloc:
            raise UsageError(f"{url!r} is not an address of a GitHub API: give something like https://api.github.com")
        self.url = url.rstrip("/")
        self.prefix = parts.path.rstrip("/")
        self.origin = (parts.scheme, parts.netloc)


class Endpoints:
    """Raises `UsageError` for addresses that are none."""

    def __init__(self, urls: Sequence[str], clock: Clock) -> None:
        self._all = tuple(Endpoint(url) for url in urls)
        if not self._all:
            raise UsageError("no GitHub endpoint is given")
        self._clock = clock
        self._away: dict[Endpoint, float] = {}

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._all)

    def order(self, *, tries: bool) -> tuple[Endpoint, ...]:
        """In which they are to be asked now. `tries`: by something harmless, that may find out whether one is there again."""
        if not self._away:
            return self._all
        now, away = self._clock.monotonic(), set(self._away)
        due = next((each for each in self._all if tries and self._away.get(each, now + 1) <= now), None)
        if due is not None:
            self._away[due] = now + _AWAY
            away.remove(due)
        return tuple(sorted(self._all, key=lambda each: each in away))

    def silent(self, endpoint: Endpoint, reason: str, *, reached: bool) -> None:
        """It gave no answer, or none of GitHub's API. Said once, until it does; of a single one, when it cannot even be `reached`."""
        if reached and len(self._all) == 1:
            return
        if endpoint not in self._away:
            instead = "; the others are asked first" if len(self._all) > 1 else ""
            _log.warning(f"An address of GitHub's API does not answer{instead}.", endpoint=endpoint.url, error=reason)
        self._away[endpoint] = self._clock.monotonic() + _AWAY

    def answered(self, endpoint: Endpoint) -> None:
        if self._away.pop(endpoint, None) is not None:
            _log.info("An address of GitHub's API answers again.", endpoint=endpoint.url)
