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
    upstream: str, *, clock: Clock, settings: Settings | None = None, cache: Cache | None = None
) -> AsyncIterator[str]:
    """Gives its address."""
    proxy = Ghproxy(
        settings or Settings(), upstream=Upstream(upstream, clock=clock), cache=cache or MemoryCache(), clock=clock
    )
    try:
        async with http.serve(proxy.app) as port:
            yield f"http://127.0.0.1:{port}"
    finally:
        await proxy.aclose()
