from __future__ import annotations

import asyncio
import os
import signal

import pytest

from prow.lib import http, service
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.lib.http_client import http_client
from prow.lib.service import Instrumentation, Ports


def free_port() -> int:
    listener = http.bind("127.0.0.1", 0)
    port = int(listener.getsockname()[1])
    listener.close()
    return port


async def test_ready_is_answered_only_after_the_component_says_so() -> None:
    port = free_port()
    side = Instrumentation(Ports(health=port, metrics=None, pprof=None), clock=SystemClock())
    async with side.serve(), http_client(f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/healthz")).text == "OK"
        assert (await client.get("/healthz/ready")).status_code == 404
        side.ready()
        assert (await client.get("/healthz/ready")).text == "OK"
        assert "prow_version -1.0" in (await client.get("/metrics")).text
        assert "task" in (await client.get("/debug/pprof/goroutine")).text


async def test_a_port_in_use_is_one_clear_line() -> None:
    listener = http.bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1 is in use"):
        async with http.serve(None, port=port):  # type: ignore[arg-type]
            pass
    listener.close()


async def test_a_signal_cancels_the_work_and_waits_for_it_to_drain() -> None:
    drained: list[str] = []
    started = asyncio.Event()

    async def work() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            drained.append("inbox")

    async def stop() -> None:
        await started.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(service.until_signal(work(), clock=SystemClock()))
        tasks.create_task(stop())
    assert drained == ["inbox"]


@pytest.mark.parametrize(
    ("version", "time"), [("v20260729-7f8580d8d", 1785283200.0), ("0.1.0", -1.0), ("v20261399-x", -1.0)]
)
def test_the_version_metric_is_the_date_of_the_version(version: str, time: float) -> None:
    assert service.version_time(version) == time
