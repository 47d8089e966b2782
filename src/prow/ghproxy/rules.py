"""What a proxy decides, without doing it: which headers pass, what identifies an answer, how requests are spaced."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from prow.ghproxy.model import Headers, Mode, Request

_HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
})  # fmt: skip
_NOT_TO_GITHUB = _HOP_BY_HOP | {
    b"host", b"content-length", b"expect", b"accept-encoding", b"if-none-match", b"if-modified-since", b"forwarded",
    b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip",
    b"x-prow-ghcache-token-budget-identifier", b"x-prow-token-expires-at",
}  # fmt: skip
_NOT_TO_CLIENTS = _HOP_BY_HOP | {b"content-length", b"cache-control", b"x-cache-mode"}
_PERSONAL = frozenset({b"cookie", b"range", b"x-github-otp"})

# Requests


def request_of(method: str, target: str, given: Iterable[tuple[bytes, bytes]], body: bytes = b"") -> Request:
    """A client's request, without what concerns only its connection to us."""
    named: dict[bytes, bytes] = {}
    headers: Headers = []
    dropped = _NOT_TO_GITHUB
    given = list(given)
    for name, value in given:
        named[name] = value
        if name == b"connection":
            dropped |= {token.strip().lower() for token in value.split(b",")}
    headers = [header for header in given if header[0] not in dropped]
    encoding = b"gzip" if b"gzip" in named.get(b"accept-encoding", b"") else b"identity"
    headers.append((b"accept-encoding", encoding))
    variant = b"\n".join((named.get(b"accept", b""), named.get(b"x-github-api-version", b""), encoding))
    return Request(
        method=method,
        target=target,
        headers=headers,
        body=body,
        token=_text(named, b"authorization"),
        budget=_text(named, b"x-prow-ghcache-token-budget-identifier"),
        agent=_text(named, b"user-agent"),
        variant=variant.decode("latin-1"),
        etag=_text(named, b"if-none-match"),
        modified=_text(named, b"if-modified-since"),
        whole=_PERSONAL.isdisjoint(named),
        here=_here(named),
    )


def _here(named: dict[bytes, bytes]) -> bytes:
    """The address by which the client knows us."""
    host = named.get(b"host", b"")
    scheme = named.get(b"x-forwarded-proto", b"http")
    return scheme + b"://" + host if host and scheme in {b"http", b"https"} else b""


def token_hash(authorization: str) -> str:
    """What stands for the credentials of a request in partitions and metrics; empty for none."""
    return hashlib.sha256(authorization.encode("latin-1")).hexdigest() if authorization else ""


def conditions(request: Request) -> Headers:
    """The client's own conditions, when we have none to ask with."""
    found: Headers = []
    if request.etag:
        found.append((b"if-none-match", request.etag.encode("latin-1")))
    if request.modified:
        found.append((b"if-modified-since", request.modified.encode("latin-1")))
    return found


def knows_already(request: Request, etag: str) -> bool:
    """Whether the client named this very answer as the one that it has (weak comparison)."""
    wanted = etag.removeprefix("W/")
    return bool(wanted) and any(each.strip().removeprefix("W/") == wanted for each in request.etag.split(","))


# Answers


def passed_on(headers: Headers, *, status: int, graphql: bool, mode: Mode, length: int | None) -> Headers:
    """The answer's headers as the client gets them; clients must not keep what we have not asked about."""
    dropped = _NOT_TO_CLIENTS
    for name, value in headers:
        if name == b"connection":
            dropped |= {token.strip().lower() for token in value.split(b",")}
    found = [header for header in headers if header[0] not in dropped]
    found.append((b"cache-control", b"no-store" if graphql or status >= 400 else b"no-cache"))
    found.append((b"x-cache-mode", mode.value.encode()))
    if length is not None and status not in {204, 304}:
        found.append((b"content-length", b"%d" % length))
    return found


def linked_here(headers: Headers, github: bytes, here: bytes) -> Headers:
    """Links to further pages lead to the proxy again, for clients that take them as they are."""
    if not here or not any(name == b"link" for name, _ in headers):
        return headers
    old, new = b"<" + github + b"/", b"<" + here + b"/"
    return [(name, value.replace(old, new) if name == b"link" else value) for name, value in headers]


def length_of(headers: Headers) -> int | None:
    """What `Content-Length` says."""
    return next((int(value) for name, value in headers if name == b"content-length" and value.isdigit()), None)


def one_each(headers: Headers) -> dict[str, str]:
    """As the cache keeps them."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


# Spacing


class Slot(msgspec.Struct, frozen=True):
    """When the last request of a budget was, or will be, sent."""

    at: float
    get: bool


def next_slot(last: Slot | None, now: float, *, get: bool, spacing: float, get_spacing: float, longest: float) -> Slot:
    """When the next may go (`spec/plugins-other` §7.4). Seconds; `longest`: no request waits longer."""
    if last is None:
        return Slot(now, get)
    own = get_spacing if get else spacing
    if last.at >= now:
        return Slot(min(last.at + own, now + longest), get)
    elapsed = now - last.at
    base = get_spacing if get and last.get else spacing
    if elapsed >= base or (get and elapsed >= get_spacing):
        return Slot(now, get)
    return Slot(now + (own if get and not last.get else base) - elapsed, get)


def _text(named: dict[bytes, bytes], name: bytes) -> str:
    return named.get(name, b"").decode("latin-1")
