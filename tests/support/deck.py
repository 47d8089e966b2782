"""A dashboard alone, over real HTTP: beside it a job store to put jobs into, and a tide whose words the test chooses."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from prow.config.config import Config
from prow.deck.logs import NoLiveLogs
from prow.deck.service import Deck, Settings
from prow.jobs.index import JobIndex
from prow.jobs.make import new_prowjob
from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.errors import ProwError
from prow.lib.http_client import http_client
from prow.model.explanation import Explanation, Gate, GateState, NextStep
from prow.model.prowjob import JobState, JobType, ProwJob, ProwJobSpec
from prow.model.refs import Pull, Refs
from prow.storage.folders import Folders

HEAD = "abcdef0123456789abcdef0123456789abcdef01"
BEFORE = "1111111111111111111111111111111111111111"
_PATIENCE = 20.0
_STREAM = re.compile(r'data-(?:live|follow)="([^"]+)"')


async def page_when(deck: str, path: str, holds: Callable[[str], bool]) -> str:
    """A page of the dashboard at `deck`, when it has become so: as in a browser its own events say when to look again."""
    text = ""
    async with http_client(deck, timeout=_PATIENCE) as client:
        try:
            async with SystemClock().timeout(_PATIENCE):
                text = (await client.get(path)).text
                stream = _STREAM.search(text)
                async with client.stream("GET", html.unescape(stream[1]) if stream else "/events") as events:
                    async for line in events.aiter_lines():
                        if not line:
                            text = (await client.get(path)).text
                        if holds(text):
                            return text
        except TimeoutError:
            pass
    raise AssertionError(f"{path}: {text}")


class Tide:
    """A tide with state: `explanations` by pull request, `pools` and `history` as JSON values. `error`: it does not answer."""

    def __init__(self) -> None:
        self.explanations: dict[tuple[str, str, int], Explanation] = {}
        self.pool_list: list[dict[str, Any]] | None = []
        self.records: dict[str, Any] = {}
        self.error: ProwError | None = None

    def knows(self, explanation: Explanation) -> None:
        self.explanations[explanation.org, explanation.repo, explanation.number] = explanation

    async def explain(self, org: str, repo: str, number: int) -> Explanation | None:
        self._check()
        return self.explanations.get((org, repo, number))

    async def pools(self) -> bytes:
        self._check()
        return msgspec.json.encode(self.pool_list)

    async def history(self) -> bytes:
        self._check()
        return msgspec.json.encode(self.records)

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


class Nobody:
    """Who makes no reruns and knows no reasons."""

    def again(self, job: ProwJob) -> ProwJob:
        return job

    def waiting_reasons(self) -> dict[str, str]:
        return {}


class DeckWorld(msgspec.Struct):
    url: str
    tide: Tide
    store: SQLiteJobStore
    index: JobIndex

    async def job(
        self, name: str, state: JobState = JobState.SUCCESS, *, number: int = 12, sha: str = HEAD, minutes: int = 3
    ) -> None:
        """A presubmit of a pull request of acme/rockets, started so long ago; returns when the dashboard knows it."""
        now = SystemClock().now() - timedelta(minutes=minutes)
        refs = Refs(
            org="acme", repo="rockets", base_ref="main", base_sha="b" * 40,
            pulls=(Pull(number=number, sha=sha, author="wernher", link=f"https://github.com/acme/rockets/pull/{number}"),),
        )  # fmt: skip
        spec = ProwJobSpec(type=JobType.PRESUBMIT, job=name, refs=refs, rerun_command=f"/test {name}", report=True)
        made = new_prowjob(spec, name=f"{name}-{sha[:4]}-{number}", namespace="default", now=now)
        done = now + timedelta(seconds=95) if state not in {JobState.TRIGGERED, JobState.PENDING} else None
        status = msgspec.structs.replace(
            made.status,
            state=state, build_id=f"17{abs(hash((name, sha))) % 10**8}", start_time=now, completion_time=done,
        )  # fmt: skip
        async with self.index.subscribe() as changes:
            await self.store.create(msgspec.structs.replace(made, status=status))
            await anext(changes)


@asynccontextmanager
async def deck(folder: Path, *, tide: Tide | None, config: Config | None = None) -> AsyncIterator[DeckWorld]:
    """`tide` None: a dashboard that is not connected to one."""
    clock = SystemClock()
    store = await SQLiteJobStore.open(folder / "jobs.db", clock=clock, namespace="default")
    index = JobIndex(store, clock=clock)
    nobody = Nobody()
    site = Deck(
        Settings(), store=store, index=index, storage=Folders(folder / "buckets"), live=NoLiveLogs(), waiting=nobody, reruns=nobody,
        clock=clock, explains=tide, pools=tide, config=(lambda: config) if config else None,
    )  # fmt: skip
    running = asyncio.create_task(index.run())
    try:
        await index.synced()
        async with http.serve(site.app) as port:
            yield DeckWorld(f"http://127.0.0.1:{port}", tide or Tide(), store, index)
            site.close()
    finally:
        running.cancel()
        await store.close()


def waiting_pull(number: int = 12, *, now: datetime | None = None) -> Explanation:
    """One that lacks an approval while its tests run."""
    now = now or SystemClock().now()
    return Explanation(
        org="acme",
        repo="rockets",
        number=number,
        title="Cool the second stage before ignition",
        author="wernher",
        url=f"https://github.com/acme/rockets/pull/{number}",
        base_ref="main",
        head_sha=HEAD,
        verdict="Not mergeable: it needs approval for engine/ and one test is still running.",
        gates=(
            Gate(name="open", title="Open, and no draft", state=GateState.OPEN, since=now - timedelta(hours=5)),
            Gate(
                name="review", title="Reviewed", state=GateState.OPEN, since=now - timedelta(minutes=40),
                facts=("label `lgtm` is there, from katherine",),
            ),
            Gate(
                name="approval", title="Approved by owners", state=GateState.CLOSED, since=now - timedelta(hours=5),
                facts=("label `approved` is missing", "engine/OWNERS: nobody approved yet"),
                next_steps=(NextStep(who="mary or dorothy", what="/approve"),),
            ),
            Gate(
                name="hold", title="Nobody holds it back", state=GateState.CLOSED, since=now - timedelta(minutes=12),
                facts=("label `do-not-merge/hold` is set, by wernher",),
                next_steps=(NextStep(who="anyone", what="comment `/hold cancel` when the reason is gone"),),
            ),
            Gate(
                name="checks", title="Required checks", state=GateState.WAITING, since=now - timedelta(minutes=2),
                facts=("`unit` passed", "`integration` is running"),
            ),
            Gate(name="conflict", title="No conflict with main", state=GateState.OPEN, since=now - timedelta(hours=5)),
        ),
    )  # fmt: skip
