"""What the proxy learns of GitHub Apps' tokens as they pass.

Every request for a token makes GitHub issue a new one, and components that each have their own would share nothing. So while the
token that passed before is good for another minute, it is given out again: GitHub has just said that who asks may have one. Requests
for less than all rights are left alone. And since GitHub told which installation a token belongs to, the cache of that installation
outlives the token.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from prow.ghproxy.model import Request
from prow.lib.clock import Clock

_ASKED = re.compile(r"(?:/api/v3)?/app/installations/(\d+)/access_tokens", re.ASCII)
_STILL_GOOD = timedelta(minutes=1)


class _Issued(msgspec.Struct):
    token: str
    expires_at: datetime


class _Known(msgspec.Struct, frozen=True):
    token: str
    body: bytes
    expires: datetime


class Installations:
    """`identity` is by what GitHub answered, never by what a client says of itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._owners: dict[str, tuple[str, datetime]] = {}

    def asked(self, request: Request) -> str:
        """The installation for which this asks a token with all rights; empty: it does not."""
        match = _ASKED.fullmatch(request.path)
        plain = request.body.strip() in {b"", b"{}", b"null"}
        return match[1] if match is not None and request.method == "POST" and plain else ""

    def issued(self, installation: str, body: bytes) -> bytes | None:
        """GitHub issued a token. The answer to give instead, with the token that is known already; None: this one is the first."""
        try:
            made = msgspec.json.decode(body, type=_Issued)
        except msgspec.DecodeError:
            return None
        now = self._clock.now()
        known = self._known.get(installation)
        self._belongs(made.token, installation, made.expires_at)
        if known is not None and known.expires - now > _STILL_GOOD:
            return known.body
        self._known[installation] = _Known(made.token, body, made.expires_at)
        return None

    def refused(self, token: str) -> None:
        """GitHub does not know this token any more: it is not given out again."""
        owner = self._owners.pop(token, None)
        known = self._known.get(owner[0]) if owner is not None else None
        if owner is not None and known is not None and known.token == token:
            del self._known[owner[0]]

    def owner(self, token: str) -> str:
        """The installation that this token belongs to; empty: not known."""
        found = self._owners.get(token)
        return found[0] if found is not None else ""

    def _belongs(self, token: str, installation: str, expires: datetime) -> None:
        now = self._clock.now()
        self._owners = {each: kept for each, kept in self._owners.items() if kept[1] > now}
        self._owners[token] = (installation, expires)


def bearer(authorization: str) -> str:
    """The token in an `Authorization` header."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() in {"token", "bearer"} else ""
