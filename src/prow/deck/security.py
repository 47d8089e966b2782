"""Who may talk to deck: the Host header is checked on every request, every POST needs our origin and our token.

The token is an HMAC of a random cookie under a key of this process (double submit), also on loopback: another page in the
same browser must not be able to press our buttons.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "_prow_csrf"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Guard:
    """Decides about Host headers and tokens. `hosts`: names people use for this deck, besides loopback."""

    def __init__(self, hosts: tuple[str, ...] = ()) -> None:
        self._hosts = frozenset(h.lower() for h in hosts) | _LOOPBACK
        self._key = secrets.token_bytes(32)

    def host_allowed(self, host_header: str) -> bool:
        try:
            name = urlsplit(f"//{host_header}").hostname
        except ValueError:
            return False
        return name is not None and name in self._hosts

    def token(self, cookie: str) -> str:
        return hmac.new(self._key, cookie.encode(), hashlib.sha256).hexdigest()

    def refusal(self, request: Request, token: str) -> str:
        """Why this POST is refused; empty when it is ours."""
        origin = request.headers.get("origin") or request.headers.get("referer") or ""
        if not origin or urlsplit(origin).netloc != request.headers.get("host", ""):
            return "This request does not come from this dashboard's own pages."
        cookie = request.cookies.get(COOKIE, "")
        if not cookie or not hmac.compare_digest(self.token(cookie), token):
            return "The page is too old: reload it and press the button again."
        return ""


class GuardMiddleware:
    """Refuses foreign hosts and adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"host"), "")
        if not self._guard.host_allowed(host):
            answer: Response = PlainTextResponse("This host name is not served here: see --deck-host.\n", 421)
            await answer(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {k.lower() for k, _ in message["headers"]}
                for key, value in _HEADERS:
                    if key not in present:
                        message["headers"].append((key, value))
            await send(message)

        await self._app(scope, receive, with_headers)


_HEADERS = (
    (b"content-security-policy", _PAGE_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

ARTIFACT_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Cache-Control": "no-store, must-revalidate",
}
"""An artifact is written by a pull request's author: it is shown without scripts and without our origin."""


def new_cookie() -> str:
    return secrets.token_urlsafe(24)
