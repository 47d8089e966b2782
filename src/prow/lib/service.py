"""The skeleton of every component: health, metrics and debug listeners, loop lag, signals, draining (`spec/deployment` §2.8).

`Instrumentation.serve()` opens the three side ports as upstream has them: `/healthz` answers `OK` as soon as it listens,
`/healthz/ready` exists from `ready()` on; `/metrics`; `/debug/pprof/` shows tasks and threads instead of Go's profiles.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import msgspec
from prometheus_client import Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

import prow
from prow.lib import http, logs
from prow.lib.clock import Clock
from prow.lib.errors import UsageError

_log = logs.get("service")
_LAG_EVERY = 0.5
_NO_PAGES: Mapping[str, Callable[[], bytes]] = {}
_STOP_AFTER = 60.0
"""Seconds a stopping process waits for everything to drain, whatever its own grace period says (as upstream)."""

LAG = Histogram(
    "prow_event_loop_lag_seconds",
    "How much later than asked a timer of the event loop fires.",
    buckets=(0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
VERSION = Gauge("prow_version", "Unix time of the date in the version, -1 when it has none.")


def version_time(version: str) -> float:
    """`v20260729-7f8580d8d` → the Unix time of that day; -1 for any other text."""
    match = re.match(r"^v(\d{8})-", version)
    if match is None:
        return -1.0
    try:
        return datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return -1.0


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Side ports; None: not served, 0: any free one."""

    health: int | None = 8081
    metrics: int | None = 9090
    pprof: int | None = 6060
    host: str = "127.0.0.1"


class Instrumentation:
    """Health, metrics and debug pages of one process. `pages`: JSON of its own by path, made when it is asked for."""

    def __init__(self, ports: Ports, *, clock: Clock, pages: Mapping[str, Callable[[], bytes]] = _NO_PAGES) -> None:
        self._ports = ports
        self._pages = pages
        self._clock = clock
        self._ready = False

    def ready(self) -> None:
        self._ready = True

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        VERSION.set(version_time(prow.__version__))
        async with AsyncExitStack() as stack:
            for port in {self._ports.health, self._ports.metrics, self._ports.pprof} - {None}:
                await stack.enter_async_context(http.serve(self.app, host=self._ports.host, port=port or 0))
            lag = asyncio.create_task(measure_lag(self._clock), name="loop-lag")
            stack.callback(lag.cancel)
            yield

    async def app(self, scope: http.Scope, _: http.Receive, send: http.Send) -> None:
        """All pages, whatever the port."""
        if scope["type"] != "http":
            return
        status, kind, body = self._answer(scope["path"])
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        text = "text/plain; charset=utf-8"
        match path:
            case "/healthz":
                return 200, text, b"OK"
            case "/healthz/ready" if self._ready:
                return 200, text, b"OK"
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest()
            case "/debug/pprof/" | "/debug/pprof":
                return 200, text, b"tasks: /debug/pprof/goroutine\nheap: /debug/pprof/heap\n"
            case "/debug/pprof/goroutine":
                return 200, text, _stacks().encode()
            case "/debug/pprof/heap":
                return 200, text, _heap().encode()
            case _ if path in self._pages:
                return 200, "application/json", self._pages[path]()
            case _:
                return 404, text, b"404 page not found\n"


async def measure_lag(clock: Clock) -> None:
    """Feed `prow_event_loop_lag_seconds` for ever."""
    while True:
        before = clock.monotonic()
        await clock.sleep(_LAG_EVERY)
        LAG.observe(max(0.0, clock.monotonic() - before - _LAG_EVERY))


def _stacks() -> str:
    parts = []
    for task in asyncio.all_tasks():
        frames = "".join(
            traceback.format_list(
                traceback.StackSummary.from_list(
                    [(f.f_code.co_filename, f.f_lineno, f.f_code.co_name, None) for f in task.get_stack()]
                )
            )
        )
        parts.append(f"task {task.get_name()}\n{frames}")
    frames_by_thread = sys._current_frames()  # noqa: SLF001 - the documented way to see other threads
    parts += [f"thread {ident}\n{''.join(traceback.format_stack(frame))}" for ident, frame in frames_by_thread.items()]
    return logs.censored("\n".join(parts))


def _heap() -> str:
    counts: dict[str, int] = {}
    for thing in gc.get_objects():
        name = type(thing).__qualname__
        counts[name] = counts.get(name, 0) + 1
    rows = sorted(counts.items(), key=lambda item: -item[1])[:50]
    return "".join(f"{count:10} {name}\n" for name, count in rows)


async def until_signal(work: Coroutine[object, object, None], *, clock: Clock) -> None:
    """Run `work` until it ends or SIGINT or SIGTERM comes; then cancel it and wait for it to drain, 60 s at most."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    main = asyncio.create_task(work, name="main")
    stopped = asyncio.create_task(stop.wait(), name="signal")
    try:
        await asyncio.wait({main, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not main.done():
            _log.info("Stopping: open work is finished first.", at_most_seconds=_STOP_AFTER)
            main.cancel()
            async with clock.timeout(_STOP_AFTER):
                await asyncio.wait({main})
        if not main.cancelled():
            main.result()
    except TimeoutError:
        _log.error("Not everything ended in time; the rest is resumed at the next start.")
    finally:
        stopped.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def only_usage_error(error: BaseException) -> UsageError | None:
    """The one UsageError in an exception group, so that it can be shown as one line."""
    if isinstance(error, UsageError):
        return error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            found = only_usage_error(inner)
            if found is not None:
                return found
    return None


def run(work: Coroutine[object, object, None], *, clock: Clock) -> None:
    """The main function of a process: `until_signal` on asyncio's own loop (docs/decisions/0010)."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):  # later versions do so themselves
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    asyncio.run(until_signal(work, clock=clock))
