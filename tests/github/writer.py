"""A process of its own that comments as fast as it may, until it would have to wait. Its arguments: folder, endpoint, token, name.

It says when it could begin, begins with a line of its input, and says at the end how many comments GitHub took.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from prow.cli.github_client import GitHubSettings, open_github
from prow.github.call import Cost
from prow.github.tokens import FixedToken
from prow.lib.clock import SystemClock
from prow.lib.errors import RateLimited


async def main(folder: str, endpoint: str, token: str, name: str) -> int:
    settings = GitHubSettings(endpoints=(endpoint,), cache_dir=folder)
    async with AsyncExitStack() as stack:
        github = await open_github(
            settings, FixedToken(token), clock=SystemClock(), component="test", dry_run=False, stack=stack
        )
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        people = github.bound(caller="test", cost=Cost.INTERACTIVE, patience=0)
        for written in range(1_000):
            try:
                await people.create_comment("acme", "rockets", 1, f"{name} {written}")
            except RateLimited:
                return written
    return 1_000


if __name__ == "__main__":
    sys.stdout.write(str(asyncio.run(main(*sys.argv[1:]))))
