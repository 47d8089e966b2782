"""Cached reads through ghproxy: 200 lists of 20 KB, each asked for again and again over 32 connections, revalidated at a GitHub that says 304;
with the cache on disk, as it is deployed, and once more in memory.

The proxy is a process of its own on one core; GitHub and the client share the other. The peer is the original with the same flags.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop

from bench import support, support_github, support_peer

CONNECTIONS = 32
PATHS = 200
SECONDS = 6
FLAGS = {"concurrency": 100, "log-level": "warning", "legacy-disable-disk-cache-partitions-by-auth-header": "false"}


def request(number: int) -> bytes:
    return (
        f"GET /repos/acme/rockets/pulls/{number}/files?per_page=100 HTTP/1.1\r\nHost: proxy\r\nAuthorization: Bearer secret\r\n"
        "Accept: application/vnd.github.v3+json\r\nX-GitHub-Api-Version: 2022-11-28\r\nUser-Agent: bench/1\r\n\r\n"
    ).encode()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> str:
    """The answer's cache mode, when it is right."""
    writer.write(request(number))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    body = (
        await reader.readexactly(int(lines[b"content-length"])) if b"content-length" in lines else await chunks(reader)
    )
    right = head.startswith(b"http/1.1 200") and body == support_github.BODY
    return lines[b"x-cache-mode"].decode() if right else "wrong"


async def chunks(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while size := int(await reader.readline(), 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return found


async def flood(port: int) -> tuple[list[float], Counter[str]]:
    """Milliseconds of each request, and the modes of the answers."""
    took: list[float] = []
    modes: Counter[str] = Counter()
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    for number in range(PATHS):
        await ask(*connections[0], number)
    end = time.perf_counter() + SECONDS

    async def one(place: int) -> None:
        number = place * 7
        while (began := time.perf_counter()) < end:
            number = (number + 1) % PATHS
            modes[await ask(*connections[place], number)] += 1
            took.append((time.perf_counter() - began) * 1000)
        connections[place][1].close()

    await asyncio.gather(*(one(place) for place in range(CONNECTIONS)))
    return took, modes


class Run(NamedTuple):
    took: list[float]
    modes: Counter[str]
    cpu: float
    rss_mb: float

    def figures(self) -> dict[str, float]:
        return {
            "requests_per_s": len(self.took) / SECONDS,
            "p50_ms": support.percentile(self.took, 0.5),
            "p99_ms": support.percentile(self.took, 0.99),
            "cpu_us": self.cpu / len(self.took) * 1e6,
            "rss_mb": self.rss_mb,
            "wrong": self.modes["wrong"],
        }


def drive(pid: int, port: int) -> Run:
    before = support.cpu_seconds(pid)
    took, modes = uvloop.run(flood(port))
    return Run(took, modes, support.cpu_seconds(pid) - before, support.peak_mb(pid))


def both(runs: dict[tuple[str, str], Run], who: str) -> dict[str, float]:
    """The figures with the cache on disk, and the rate with the cache in memory."""
    memory = runs[who, "memory"].figures()
    return {**runs[who, "disk"].figures(), "memory_per_s": memory["requests_per_s"], "memory_p99_ms": memory["p99_ms"]}


@contextmanager
def github() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, "-m", "bench.support_github"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    finally:
        server.terminate()
        server.wait(20)


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    build = Path.cwd() / "build"
    build.mkdir(exist_ok=True)
    ours_argv = [sys.executable, "-m", "prow", "ghproxy"]
    runs: dict[tuple[str, str], Run] = {}
    with tempfile.TemporaryDirectory(dir=build) as folder, github() as upstream:
        binary = support_peer.program("ghproxy")
        for who, argv in {"ours": ours_argv, **({"peer": [str(binary)]} if binary else {})}.items():
            for where in ("disk", "memory"):
                cache = Path(folder, f"{who}-{where}")
                cache.mkdir()
                on_disk = {"cache-dir": cache, "cache-sizeGB": 1} if where == "disk" else {}
                flags = FLAGS | on_disk | {"upstream": upstream}
                with support_peer.ghproxy(argv, flags, log=cache.with_suffix(".log"), cores={cores[0]}) as proxy:
                    runs[who, where] = drive(proxy.pid, proxy.port)
    ours = runs["ours", "disk"]
    figures = both(runs, "ours")
    peer = both(runs, "peer") if ("peer", "disk") in runs else {}
    if peer:
        figures["ratio"] = figures["requests_per_s"] / peer["requests_per_s"]
        figures["memory_ratio"] = figures["memory_per_s"] / peer["memory_per_s"]
    modes = ", ".join(f"{count} {mode}" for mode, count in ours.modes.most_common())
    support.report(
        "ghproxy",
        work=f"{len(ours.took)} cached GETs of {len(support_github.BODY) // 1000} KB over {CONNECTIONS} connections: {modes}",
        figures=figures,
        target={"wrong": "0"},
        peer=peer,
    )


if __name__ == "__main__":
    main()
