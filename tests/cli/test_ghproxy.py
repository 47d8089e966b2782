"""`prow ghproxy` as its own process, with upstream's flags."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from prow.cli.ghproxy import GhproxyFlags
from prow.github.disk_cache import NAME
from prow.lib.errors import UsageError
from prow.lib.http_client import http_client
from prow.sim.verbs import RepoStory
from tests.support.github import served
from tests.support.processes import free_port


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"redis_address": "redis:6379"}, "a cache in Redis is not supported yet; give --cache-dir and --cache-sizeGB"),
        ({"redis_secret_file": "/secret"}, "not supported yet"),
        ({"cache_dir": "/cache"}, "--cache-dir and --cache-sizeGB go together"),
        ({"cache_size_gb": 1}, "--cache-dir and --cache-sizeGB go together"),
        ({"concurrency": 0}, "give numbers above 0"),
        ({"request_timeout": 0}, "give numbers above 0"),
        ({"throttling_time_ms": -1}, "cannot be negative"),
        ({"push_gateway_interval": 0.0}, "--push-gateway-interval"),
    ],
)
def test_what_cannot_be_is_one_clear_line(given: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        GhproxyFlags(**given).check()
    assert says in str(caught.value)


def test_flags_are_milliseconds_and_seconds_as_upstream_s() -> None:
    flags = GhproxyFlags(
        throttling_time_ms=1500, get_throttling_time_ms=250, throttling_time_v4_ms=850, request_timeout=10
    )
    settings = flags.settings()
    assert (settings.spacing, settings.get_spacing, settings.graphql_spacing) == (1.5, 0.25, 0.85)
    assert (settings.request_timeout, settings.longest_delay, settings.concurrency) == (10.0, 30.0, 25)


async def test_it_runs_with_metal3_s_flags_and_pushes_its_metrics(tmp_path: Path) -> None:
    pushed: asyncio.Queue[bytes] = asyncio.Queue()

    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        body = await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        pushed.put_nowait(head.split(b" HTTP")[0] + b"\n" + body)

    receiver = await asyncio.start_server(gateway, "127.0.0.1", 0)
    async with served(tmp_path) as sim:
        await RepoStory.create(sim, "acme/rockets", files={"a": "a\n"})
        port, health, metrics = free_port(), free_port(), free_port()
        flags = {
            "cache-dir": tmp_path / "cache", "cache-sizeGB": 99, "serve-metrics": "true", "upstream": sim.world.base, "port": port,
            "legacy-disable-disk-cache-partitions-by-auth-header": "false", "health-port": health, "metrics-port": metrics,
            "pprof-port": 0, "host": "127.0.0.1", "push-gateway": f"127.0.0.1:{receiver.sockets[0].getsockname()[1]}",
            "push-gateway-interval": "200ms",
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "prow", "ghproxy", *(f"--{name}={value}" for name, value in flags.items()),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        while b'"Ready."' not in await process.stderr.readline():
            assert process.returncode is None
        token = {"Authorization": f"Bearer {sim.world.token('mia')}"}
        async with http_client(headers=token) as client:
            modes = [
                (await client.get(f"http://127.0.0.1:{port}/repos/acme/rockets")).headers["x-cache-mode"]
                for _ in range(2)
            ]
            assert modes == ["MISS", "REVALIDATED"]
            assert (await client.get(f"http://127.0.0.1:{health}/healthz/ready")).status_code == 200
            told = (await client.get(f"http://127.0.0.1:{metrics}/metrics")).text
        assert (tmp_path / "cache" / NAME).exists()
        for line in (
            'ghcache_responses{mode="REVALIDATED",path="/repos/:owner/:repo"',
            'github_token_usage{api_version="v3",ratelimit_resource="core"',
            'ghcache_cache_entry_age_seconds_count{path="/repos/:owner/:repo"',
            "ghcache_cache_partitions{token_hash=",
            "ghcache_cache_parititions{token_hash=",
            "ghcache_disk_total ",
            "concurrent_outbound_requests 0.0",
        ):
            assert f"\n{line}" in told, line
        push = await pushed.get()
        assert push.startswith(b"PUT /metrics/job/ghproxy/instance/")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    receiver.close()
