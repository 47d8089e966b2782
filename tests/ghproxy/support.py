"""A ghproxy in front of an upstream, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prow.ghproxy.model import Settings
from prow.ghproxy.service import Ghproxy
from prow.ghproxy.upstream import Upstream
from prow.github.cache import Cache, MemoryCache
from prow.lib import http
from prow.lib.clock import Clock


@asynccontextmanager
async def proxied(
    upstream: str,
    *,
    clock: Clock,
    settings: Settings | None = None,
    cache: Cache | None = None,
    tls: http.TLS | None = None,
) -> AsyncIterator[str]:
    """Gives its address. `tls`: what stands before it, for programs that insist on HTTPS."""
    proxy = Ghproxy(
        settings or Settings(),
        upstream=Upstream(upstream, clock=clock),
        cache=MemoryCache() if cache is None else cache,
        clock=clock,
    )
    try:
        app = proxy.app if tls is None else _behind_tls(proxy.app)
        async with http.serve(app, host="localhost" if tls else "127.0.0.1", tls=tls) as port:
            yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        await proxy.aclose()


def _behind_tls(app: http.App) -> http.App:
    """What an ingress does: it ends TLS and says so."""

    async def ingress(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        headers = [*scope["headers"], (b"x-forwarded-proto", b"https")]
        await app({**scope, "headers": headers}, receive, send)

    return ingress
