"""The process under test of `hook_intake` and `backlog`: hook alone, on one core, with a GitHub that is not there or is slow."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bench import support
from prow.config.agent import ConfigAgent
from prow.github.call import Cost
from prow.github.client import GitHub
from prow.github.limiter import UNPACED
from prow.github.tokens import TokenFile
from prow.hook.service import Hook
from prow.hook.settings import Settings
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.secrets import Secrets
from prow.model.prowjob import ProwJob
from prow.plugin.ports import OpenJob
from prow.plugins import BUILT


class NoJobs:
    async def create(self, job: ProwJob) -> ProwJob:
        return job

    async def patch(self, name: str, merge_patch: object, *, resource_version: str = "") -> ProwJob:
        del name, merge_patch, resource_version
        return ProwJob()

    def unfinished_presubmits(self, org: str, repo: str, number: int) -> tuple[OpenJob, ...]:
        del org, repo, number
        return ()


async def serve(folder: Path, endpoint: str, token: str) -> None:
    for name, text in (("config.yaml", support.CONFIG), ("plugins.yaml", support.PLUGINS), ("hmac", support.SECRET)):
        (folder / name).write_text(text)
    clock = SystemClock()
    agent = ConfigAgent(folder / "config.yaml", "", folder / "plugins.yaml", built=[p.name for p in BUILT])
    await agent.load()
    tokens = TokenFile(Secrets(clock).load(token)) if token else None
    github = GitHub.open(clock=clock, component="hook", endpoints=(endpoint,), tokens=tokens, limits=UNPACED)
    jobs = NoJobs()
    hook = await Hook.open(
        Settings(),
        folder / "hook.db",
        hmac=Secrets(clock).load(folder / "hmac"),
        plugins=BUILT,
        snapshot=lambda: agent.snapshot,
        github=lambda caller: github.bound(caller=caller, cost=Cost.INTERACTIVE),
        jobs=jobs,
        known_jobs=jobs,
        clock=clock,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hook.run())
        async with http.serve(hook.app) as port:
            print(port, flush=True)
            while True:
                await asyncio.sleep(0.05)
                counts = hook.counts()
                (folder / "counts").write_text(f"{counts.received} {counts.handled} {counts.waiting}")


if __name__ == "__main__":
    given = [*sys.argv[2:], "http://127.0.0.1:9", ""] if len(sys.argv) < 3 else sys.argv[2:]
    asyncio.run(serve(Path(sys.argv[1]), given[0], given[1]))
