"""HTTP clients that share what is costly to make: whom they trust is read once for the process, which takes tens of milliseconds."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import lru_cache

import httpx2

_SECONDS = 5.0


def http_client(
    base_url: str = "",
    *,
    trust_env: bool = False,
    headers: Mapping[str, str] | None = None,
    timeout: httpx2.Timeout | float | None = _SECONDS,
    transport: httpx2.AsyncBaseTransport | None = None,
    limits: httpx2.Limits | None = None,
) -> httpx2.AsyncClient:
    """A client that follows no redirects. `trust_env`: whether the environment may name proxies and whom to trust; for servers of others."""
    return httpx2.AsyncClient(
        base_url=base_url,
        verify=_trusted(trust_env=trust_env),
        trust_env=trust_env,
        headers=headers,
        timeout=timeout,
        transport=transport,
        limits=limits or httpx2.Limits(max_connections=100, max_keepalive_connections=20),
        follow_redirects=False,
    )


def _trusted(*, trust_env: bool) -> ssl.SSLContext:
    return _context((os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")) if trust_env else ())


@lru_cache(maxsize=8)
def _context(named: tuple[str | None, ...]) -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=bool(named))
