"""A GitHub that only says "as before": every path has one answer of 20 KB, and 304 for whoever names its ETag. It prints its port."""

from __future__ import annotations

import asyncio
import json
from typing import cast

import uvloop

ETAG = b'W/"5f2b0c0d9e3f4a1b8c7d6e5f4a3b2c1d"'
BODY = json.dumps(
    [{"id": n, "filename": f"src/rockets/part_{n}.go", "status": "modified", "patch": "x" * 120} for n in range(100)]
).encode()
_COMMON = (
    b"server: github.com\r\ndate: Thu, 26 Nov 2026 10:00:00 GMT\r\ncache-control: private, max-age=60, s-maxage=60\r\n"
    b"vary: Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With\r\netag: " + ETAG + b"\r\n"
    b"x-oauth-scopes: repo\r\nx-accepted-oauth-scopes: repo\r\nx-github-media-type: github.v3; format=json\r\n"
    b"x-ratelimit-limit: 5000\r\nx-ratelimit-remaining: 4990\r\nx-ratelimit-reset: 1795780800\r\nx-ratelimit-used: 10\r\n"
    b"x-ratelimit-resource: core\r\nx-github-request-id: C0DE:1:2:3:4\r\n"
)  # fmt: skip
FULL = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n" % len(BODY)
    + _COMMON + b"\r\n" + BODY
)  # fmt: skip
SAME = b"HTTP/1.1 304 Not Modified\r\n" + _COMMON + b"\r\n"


class Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            self._transport.write(SAME if b"if-none-match" in head.lower() else FULL)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
