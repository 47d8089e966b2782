"""`prow ghproxy`: a cache in front of GitHub's API, for all components and for any other client (`spec/plugins-other` §7)."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import click
from prometheus_client import REGISTRY, push_to_gateway

from prow.cli import groups
from prow.ghproxy import metrics
from prow.ghproxy.model import Settings
from prow.ghproxy.service import Ghproxy
from prow.ghproxy.upstream import Upstream
from prow.github.cache import Cache, MemoryCache
from prow.github.disk_cache import DiskCache
from prow.lib import flags, http, logs, open_work
from prow.lib.clock import Clock, SystemClock
from prow.lib.errors import UsageError
from prow.lib.flags import Seconds, flag
from prow.lib.service import Instrumentation, Ports, run

_log = logs.get("ghproxy")
_IN_MEMORY = 256 << 20
_LOOK_EVERY = 60.0
_PUSH_SECONDS = 30.0


class GhproxyFlags(flags.FlagGroup):
    port: int = flag("port", 8888, "Port of the proxy.")
    upstream: str = flag("upstream", "https://api.github.com", "Scheme, host and base path of GitHub's API.")
    cache_dir: str = flag("cache-dir", "", "Folder for the cache; with the next flag. Default: in memory.")
    cache_size_gb: int = flag("cache-sizeGB", 0, "Most space the cache may take on disk, for all tokens together.")
    legacy_shared: bool = flag(
        "legacy-disable-disk-cache-partitions-by-auth-header",
        True,
        "Accepted: every token has a cache of its own.",
        hidden=True,
    )
    redis_address: str = flag("redis-address", "", "Not supported yet.", hidden=True)
    redis_username: str = flag("redis-username", "", "Not supported yet.", hidden=True)
    redis_secret_file: str = flag("redis-secret-file", "", "Not supported yet.", hidden=True)
    concurrency: int = flag("concurrency", 25, "Requests to GitHub at the same time, for each token.")
    throttling_time_ms: int = flag(
        "throttling-time-ms", 0, "Time between requests of one token or organisation; with the next flag. 0: none."
    )
    get_throttling_time_ms: int = flag("get-throttling-time-ms", 0, "The same between reads.")
    throttling_time_v4_ms: int = flag("throttling-time-v4-ms", 0, "The same for GraphQL; 0: as for REST.")
    throttling_max_delay: int = flag(
        "throttling-max-delay-duration-seconds", 30, "No request is held back longer than this."
    )
    throttling_max_delay_v4: int = flag("throttling-max-delay-duration-v4-seconds", 30, "The same for GraphQL.")
    push_gateway: str = flag("push-gateway", "", "Send metrics to this Prometheus Pushgateway.")
    push_gateway_interval: Seconds = flag("push-gateway-interval", Seconds(60), "How often.")
    serve_metrics: bool = flag("serve-metrics", False, "Serve metrics too when they are sent to a gateway.")
    request_timeout: int = flag("request-timeout", 30, "Seconds until a request is answered with 503.")
    log_level: str = flag("log-level", "debug", "trace, debug, info, warning, error.")
    host: str = flag("host", "", "Ours: address to listen on; default: every one of this machine.")

    def check(self) -> None:
        if self.redis_address or self.redis_username or self.redis_secret_file:
            raise UsageError(
                "--redis-address: a cache in Redis is not supported yet; give --cache-dir and --cache-sizeGB"
            )
        if bool(self.cache_dir) != bool(self.cache_size_gb):
            raise UsageError("--cache-dir and --cache-sizeGB go together: give both, or none for a cache in memory")
        if self.cache_size_gb < 0 or self.concurrency < 1 or self.request_timeout < 1:
            raise UsageError("--cache-sizeGB, --concurrency and --request-timeout: give numbers above 0")
        if self.push_gateway_interval <= 0:
            raise UsageError("--push-gateway-interval: give a time above 0")
        times = (self.throttling_time_ms, self.get_throttling_time_ms, self.throttling_time_v4_ms)
        if min(*times, self.throttling_max_delay, self.throttling_max_delay_v4) < 0:
            raise UsageError("times between requests cannot be negative")
        if any(times) and not all(times[:2]):
            _log.warning(
                "Requests are not spaced: --throttling-time-ms and --get-throttling-time-ms are needed, both above 0."
            )

    def settings(self) -> Settings:
        return Settings(
            upstream=self.upstream,
            concurrency=self.concurrency,
            spacing=self.throttling_time_ms / 1000,
            get_spacing=self.get_throttling_time_ms / 1000,
            graphql_spacing=self.throttling_time_v4_ms / 1000,
            longest_delay=float(self.throttling_max_delay),
            longest_graphql_delay=float(self.throttling_max_delay_v4),
            request_timeout=float(self.request_timeout),
        )


@click.command(cls=flags.GoCommand)
@flags.group(GhproxyFlags, name="options")
@flags.group(groups.InstrumentationFlags, name="side")
def command(options: GhproxyFlags, side: groups.InstrumentationFlags) -> None:
    """Stand between GitHub's API and its clients: what has not changed costs them nothing, what they ask at once is asked once.

    Clients give this address as --github-endpoint. Every read is revalidated at GitHub, so nothing stale is served; each token
    sees what it may see.
    """
    logs.setup("ghproxy", level=options.log_level)
    options.check()
    clock = SystemClock()
    run(_serve(options, side, clock), clock=clock)


async def _serve(options: GhproxyFlags, side: groups.InstrumentationFlags, clock: Clock) -> None:
    pushed_only = bool(options.push_gateway) and not options.serve_metrics
    ports = Ports(
        health=side.health_port,
        metrics=None if pushed_only else side.metrics_port,
        pprof=side.pprof_port,
        host=options.host,
    )
    instruments = Instrumentation(ports, clock=clock)
    upstream = Upstream(options.upstream, clock=clock)
    async with instruments.serve(), AsyncExitStack() as stack:
        cache = await _cache(options, clock)
        stack.push_async_callback(cache.aclose)
        proxy = Ghproxy(options.settings(), upstream=upstream, cache=cache, clock=clock)
        stack.push_async_callback(proxy.aclose)
        grace = float(options.request_timeout)
        async with (
            asyncio.TaskGroup() as works,
            http.serve(proxy.app, host=options.host, port=options.port, grace=grace) as port,
        ):
            if options.cache_dir:
                works.create_task(_measure_disk(Path(options.cache_dir), clock), name="disk")
            if options.push_gateway:
                works.create_task(_push(options.push_gateway, options.push_gateway_interval, clock), name="push")
            instruments.ready()
            _log.info("Ready.", proxy=http.url(options.host, port), upstream=upstream.url, cache=options.cache_dir)
            await asyncio.Event().wait()


async def _cache(options: GhproxyFlags, clock: Clock) -> Cache:
    if not options.cache_dir:
        return MemoryCache(_IN_MEMORY)
    return await DiskCache.open(Path(options.cache_dir), max_bytes=options.cache_size_gb * 10**9, clock=clock)


async def _measure_disk(folder: Path, clock: Clock) -> None:
    """Feed the gauges of the cache's disk for ever."""
    while True:
        found = await open_work.in_thread(os.statvfs, folder)
        unit = found.f_frsize / 1e9
        metrics.DISK_FREE.set(found.f_bavail * unit)
        metrics.DISK_USED.set((found.f_blocks - found.f_bfree) * unit)
        metrics.DISK_TOTAL.set((found.f_blocks - found.f_bfree + found.f_bavail) * unit)
        metrics.INODES_FREE.set(found.f_ffree)
        metrics.INODES_USED.set(found.f_files - found.f_ffree)
        metrics.INODES_TOTAL.set(found.f_files)
        await clock.sleep(_LOOK_EVERY)


async def _push(gateway: str, interval: float, clock: Clock) -> None:
    """Send all metrics to the gateway, for ever; it may be away."""
    instance = {"instance": socket.gethostname()}
    while True:
        await clock.sleep(interval)
        try:
            await open_work.in_thread(
                push_to_gateway, gateway, job="ghproxy", registry=REGISTRY, grouping_key=instance, timeout=_PUSH_SECONDS
            )
        except OSError as error:
            _log.warning("Metrics could not be sent.", gateway=gateway, error=str(error))
