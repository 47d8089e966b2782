"""Mixed calls against the simulated GitHub over 32 connections, as a bot makes them: single pull requests, lists, statuses, comments, GraphQL,
conditional reads that find nothing new, and a few writes. The simulator is a process of its own on one core, the client has another.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter

import uvloop

from bench import support, support_peer
from bench.support_sim import PULLS

CONNECTIONS = 32
SECONDS = 8
WARM_UP = 2
"""Seconds that are not counted: GraphQL is loaded with the first query."""
REPO = "/repos/acme/rockets"
QUERY = """query($number: Int!) { repository(owner: "acme", name: "rockets") { pullRequest(number: $number) {
  number title isDraft mergeable baseRefName headRefOid author { login } labels(first: 100) { nodes { name } }
  commits(last: 1) { nodes { commit { statusCheckRollup { contexts(first: 100) { nodes {
    ... on StatusContext { context state } ... on CheckRun { name conclusion } } } } } } } } } }"""
MIX = {
    "pull": 20,
    "unchanged pull": 18,
    "comments": 10,
    "files": 10,
    "labels": 10,
    "status": 10,
    "check runs": 5,
    "list": 2,
    "graphql": 10,
    "comment": 3,
    "set status": 2,
}


class Caller:
    """One connection. `etags`: of pull requests that it has seen."""

    def __init__(self, token: str, sha: str, seed: int) -> None:
        self._auth = f"User-Agent: bench\r\nHost: localhost\r\nAuthorization: token {token}\r\n"
        self._sha = sha
        self._luck = random.Random(seed)
        self._etags: dict[int, str] = {}
        self.codes: Counter[tuple[str, int]] = Counter()

    async def run(self, port: int, end: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        kinds, weights = list(MIX), list(MIX.values())
        while time.perf_counter() < end:
            kind = self._luck.choices(kinds, weights)[0]
            number = self._luck.randrange(1, PULLS + 1)
            writer.write(self._request(kind, number))
            head = await reader.readuntil(b"\r\n\r\n")
            lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            await reader.readexactly(int(lines.get(b"content-length", 0)))
            self.codes[kind, int(head[9:12])] += 1
            if kind == "pull":
                self._etags[number] = lines[b"etag"].decode()
        writer.close()

    def _request(self, kind: str, number: int) -> bytes:
        match kind:
            case "pull":
                return self._call("GET", f"{REPO}/pulls/{number}")
            case "unchanged pull":
                known = self._luck.choice(tuple(self._etags)) if self._etags else number
                return self._call("GET", f"{REPO}/pulls/{known}", f"If-None-Match: {self._etags.get(known, '-')}\r\n")
            case "comments":
                return self._call("GET", f"{REPO}/issues/{number}/comments?per_page=100")
            case "files":
                return self._call("GET", f"{REPO}/pulls/{number}/files?per_page=100")
            case "labels":
                return self._call("GET", f"{REPO}/issues/{number}/labels?per_page=100")
            case "status":
                return self._call("GET", f"{REPO}/commits/{self._sha}/status?per_page=100")
            case "check runs":
                return self._call("GET", f"{REPO}/commits/{self._sha}/check-runs?per_page=100")
            case "list":
                return self._call("GET", f"{REPO}/pulls?state=open&per_page=30&page={1 + number % 4}")
            case "graphql":
                return self._call("POST", "/graphql", body={"query": QUERY, "variables": {"number": number}})
            case "comment":
                return self._call("POST", f"{REPO}/issues/{number}/comments", body={"body": "/test all"})
            case _:
                told = {"state": "success", "context": f"job-{number % 20}", "description": "Job succeeded."}
                return self._call("POST", f"{REPO}/statuses/{self._sha}", body=told)

    def _call(self, method: str, path: str, more: str = "", body: object = None) -> bytes:
        data = json.dumps(body).encode() if body is not None else b""
        length = f"Content-Length: {len(data)}\r\n" if data else ""
        return f"{method} {path} HTTP/1.1\r\n{self._auth}{more}{length}\r\n".encode() + data


async def flood(port: int, token: str, sha: str, seconds: int) -> Counter[tuple[str, int]]:
    callers = [Caller(token, sha, seed) for seed in range(CONNECTIONS)]
    end = time.perf_counter() + seconds
    await asyncio.gather(*(caller.run(port, end) for caller in callers))
    return sum((caller.codes for caller in callers), Counter())


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))
    server = subprocess.Popen([sys.executable, "-m", "bench.support_sim"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port, token, sha = server.stdout.readline().split()
        support_peer.pin(server.pid, {cores[0]})
        os.sched_setaffinity(0, {cores[-1]})
        uvloop.run(flood(int(port), token, sha, WARM_UP))
        before = support.cpu_seconds(server.pid)
        codes = uvloop.run(flood(int(port), token, sha, SECONDS))
        cpu, memory = support.cpu_seconds(server.pid) - before, support.memory_mb(server.pid)
    finally:
        server.terminate()
        server.wait(20)
    wrong = {kind: count for kind, count in codes.items() if kind[1] not in {200, 201, 304}}
    assert not wrong, wrong
    total = sum(codes.values())
    free = sum(count for (_, code), count in codes.items() if code == 304)
    figures = {
        "requests_per_s": total / SECONDS,
        "cpu_us": cpu / total * 1e6,
        "not_modified_percent": 100 * free / total,
        "rss_mb": memory,
    }
    work = f"mixed calls against the simulator with {PULLS} pull requests, {CONNECTIONS} connections"
    support.report("sim_throughput", work=work, figures=figures, target={"requests_per_s": ">= 1500"})


if __name__ == "__main__":
    main()
