"""What a pull request changes, asked from GitHub: for commands that look at one, and write nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import NamedTuple

from prow.cli import groups
from prow.cli.github_client import open_github, open_tokens
from prow.cli.given import Given
from prow.github.pulls import FILES_LISTED
from prow.lib.clock import SystemClock
from prow.lib.secrets import Secrets


class Change(NamedTuple):
    """The branch it goes into, and the paths that it changes."""

    branch: str
    files: tuple[str, ...]
    cut: bool = False
    """GitHub lists no more; there may be others."""


def pull_change(github_flags: groups.GitHubClientFlags, repo: str, number: int) -> Change:
    """Two calls, without a token too where the repository is public. Raises the client's errors."""
    return asyncio.run(_asked(github_flags, repo, number))


async def _asked(github_flags: groups.GitHubClientFlags, repo: str, number: int) -> Change:
    settings, clock = Given([github_flags]).github(), SystemClock()
    secrets = Secrets(clock)
    org, _, name = repo.partition("/")
    async with AsyncExitStack() as stack:
        tokens = open_tokens(settings, secrets=secrets, clock=clock, component="jobs", stack=stack)
        github = await open_github(settings, tokens, clock=clock, component="jobs", dry_run=True, stack=stack)
        pull = await github.get_pull_request(org, name, number)
        files = await github.list_files(org, name, number)
    return Change(pull.base.ref, tuple(file.filename for file in files), len(files) >= FILES_LISTED)
