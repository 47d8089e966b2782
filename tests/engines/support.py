"""Real jobs on this machine: a job's builder, an engine in a folder of its own, a bucket of plain files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from prow.engines.local.engine import LocalEngine
from prow.engines.local.settings import Settings
from prow.jobs.engine import Execution, Phase
from prow.lib.clock import SystemClock
from prow.model.decoration import DecorationConfig, GCSConfiguration
from prow.model.prowjob import JobType, ObjectMeta, ProwJob, ProwJobSpec, ProwJobStatus
from prow.model.refs import Refs
from prow.storage.buckets import Buckets
from tests.support.listening import file_says

OVER = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.ERROR, Phase.LOST})


def pod(*command: str, **fields: Any) -> dict[str, Any]:
    return {"containers": [{"image": "alpine", "command": list(command)}], **fields}


def job(
    pod_spec: dict[str, Any],
    *,
    bucket: Path | None = None,
    name: str = "run-1",
    build_id: str = "17",
    refs: Refs | None = None,
    timeout: str | None = None,
    grace: str = "2s",
    labels: dict[str, str] | None = None,
    decoration: dict[str, Any] | None = None,
) -> ProwJob:
    """A periodic job `nightly`; decorated when it has a bucket."""
    config = None
    if bucket is not None:
        config = DecorationConfig(
            timeout=timeout,
            grace_period=grace,
            gcs_configuration=GCSConfiguration(bucket=f"file://{bucket}", path_strategy="explicit"),
            **(decoration or {}),
        )
    return ProwJob(
        metadata=ObjectMeta(name=name, labels=labels or {}),
        spec=ProwJobSpec(
            type=JobType.PERIODIC,
            agent="kubernetes",
            cluster="default",
            job="nightly",
            extra_refs=(refs,) if refs is not None else (),
            pod_spec=pod_spec,
            decoration_config=config,
        ),
        status=ProwJobStatus(build_id=build_id),
    )


def engine(state: Path, *, secrets: Sequence[bytes] = (), **settings: Any) -> LocalEngine:
    return LocalEngine(
        Settings(state=state, **settings), storage=Buckets(), clock=SystemClock(), secrets=lambda: tuple(secrets)
    )


@asynccontextmanager
async def running(one: LocalEngine) -> AsyncIterator[LocalEngine]:
    """The engine with its loop; both end with the block, jobs go on."""
    await one.open()
    loop = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        one.close()


async def reaches(one: LocalEngine, name: str, phases: frozenset[Phase], *, message: str = "") -> Execution:
    """The execution once it is in one of the phases, and says `message`."""
    changes = one.watch()
    waiting = asyncio.ensure_future(anext(changes))
    try:
        while True:
            for execution in await one.executions():
                if execution.name == name and execution.phase in phases and message in execution.message:
                    return execution
            await waiting
            waiting = asyncio.ensure_future(anext(changes))
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def has_said(state: Path, text: str, *, run: str = "run-1/17") -> None:
    """Return when the output of a decorated run has this text."""
    await file_says(state / "jobs" / run / "logs/process-log.txt", text)


async def run_job(one: LocalEngine, wanted: ProwJob) -> Execution:
    await one.start(wanted)
    return await reaches(one, wanted.name, OVER)


def finished(bucket: Path, build_id: str = "17") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((bucket / f"logs/nightly/{build_id}/finished.json").read_bytes())
    return found


def build_log(bucket: Path, build_id: str = "17") -> str:
    return (bucket / f"logs/nightly/{build_id}/build-log.txt").read_text()


def record(state: Path, name: str = "run-1", build_id: str = "17") -> dict[str, Any]:
    raw = (state / "jobs" / name / build_id / "job.json").read_bytes()
    return msgspec.json.decode(raw, type=dict[str, Any])
