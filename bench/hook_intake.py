"""How much hook takes in: signed 22 KB comments over 32 connections, each on disk before it is answered.

The server is a process of its own on one core, the client another. First as fast as it goes, then a fixed 300 a second. The peer is the
original's hook with the same plugins, which answers before it looks and keeps nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import uvloop

from bench import support, support_peer

CONNECTIONS = 32
SECONDS = 10
FIXED_RATE = 300
FIXED_SECONDS = 8


def request(body: bytes, signature: str) -> bytes:
    head = (
        "POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-GitHub-Event: issue_comment\r\n"
        f"X-GitHub-Delivery: {uuid.uuid4()}\r\nX-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bool:
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    await reader.readexactly(length)
    return head.startswith(b"HTTP/1.1 200")


async def flood(port: int, bodies: list[tuple[bytes, str]]) -> int:
    """As fast as it goes; gives the number of accepted deliveries."""
    accepted = 0
    end = time.perf_counter() + SECONDS

    async def one(number: int) -> None:
        nonlocal accepted
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            number = (number + 1) % len(bodies)
            ok = await post(reader, writer, request(*bodies[number]))
            accepted += ok
        writer.close()

    await asyncio.gather(*(one(n) for n in range(CONNECTIONS)))
    return accepted


async def steady(port: int, bodies: list[tuple[bytes, str]]) -> list[float]:
    """At a fixed rate; gives the milliseconds that each took, counted from when it was due."""
    took: list[float] = []
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    began = time.perf_counter()

    async def one(number: int) -> None:
        due = began + number / FIXED_RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await free.get()
        await post(*connection, request(*bodies[number % len(bodies)]))
        free.put_nowait(connection)
        took.append((time.perf_counter() - due) * 1000)

    await asyncio.gather(*(one(n) for n in range(FIXED_RATE * FIXED_SECONDS)))
    return took


class Run(NamedTuple):
    accepted: int
    seconds: float
    cpu: float
    took: list[float]
    peak_mb: float

    def figures(self) -> dict[str, float]:
        return {
            "deliveries_per_s": self.accepted / self.seconds,
            "cpu_us": self.cpu / self.accepted * 1e6,
            "p99_ms": support.percentile(self.took, 0.99),
            "p50_ms": support.percentile(self.took, 0.5),
            "rss_mb": self.peak_mb,
        }


def drive(pid: int, port: int, bodies: list[tuple[bytes, str]], handled: Callable[[], bool]) -> Run:
    """Both loads; `handled`: whether the server has caught up in between."""
    before, began = support.cpu_seconds(pid), time.perf_counter()
    accepted = uvloop.run(flood(port, bodies))
    elapsed = time.perf_counter() - began
    cpu = support.cpu_seconds(pid) - before
    while not handled():
        time.sleep(0.05)
    took = uvloop.run(steady(port, bodies))
    return Run(accepted, elapsed, cpu, took, support.peak_mb(pid))


def measure(folder: Path, bodies: list[tuple[bytes, str]], core: int) -> Run:
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.support_hook", str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        support_peer.pin(server.pid, {core})
        return drive(server.pid, port, bodies, lambda: (folder / "counts").read_text().endswith(" 0"))
    finally:
        server.terminate()
        server.wait(20)


def measure_peer(folder: Path, bodies: list[tuple[bytes, str]], core: int) -> Run:
    """It tells nobody how far it is: between the loads it gets as long as it had for the first."""
    github = subprocess.Popen(
        [sys.executable, "-m", "prow", "sim", "github", "--listen=127.0.0.1:0", f"--user={support.BOT}"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert github.stdout is not None
        url = github.stdout.readline().split()[3].rstrip(",")
        token = github.stdout.readline().split(": ")[1].strip()
        with support_peer.hook(folder, github=url, token=token, cores={core}) as peer:
            end = time.perf_counter() + 2 * SECONDS
            return drive(peer.pid, peer.port, bodies, lambda: time.perf_counter() > end)
    finally:
        github.terminate()
        github.wait(20)


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))
    bodies = []
    for number in range(200):
        body = support.comment_payload(number, "Looks good to me, thank you. I will have another look tomorrow.")
        bodies.append((body, hmac.new(support.SECRET.encode(), body, hashlib.sha256).hexdigest()))
    os.sched_setaffinity(0, {cores[-1]})
    with tempfile.TemporaryDirectory(dir=Path.cwd() / "build") as folder:
        ours = measure(Path(folder), bodies, cores[0])
        peer = measure_peer(Path(folder) / "peer", bodies, cores[0]) if support_peer.program("hook") else None
    support.report(
        "hook_intake",
        work=f"{ours.accepted} signed issue_comment deliveries of 22 KB over {CONNECTIONS} connections, handled too, then {FIXED_RATE}/s",
        figures=ours.figures(),
        target={"deliveries_per_s": ">= 3,000", "cpu_us": "< 330", "p99_ms": "< 20", "rss_mb": "< 120"},
        peer=peer.figures() if peer else None,
    )


if __name__ == "__main__":
    main()
