"""What a pull request changes, asked from GitHub: for commands that look at one, and write nothing."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from prow.cli import groups
from prow.cli.given import Given
from prow.github.client import GitHub
from prow.github.tokens import TokenFile
from prow.lib.clock import SystemClock
from prow.lib.secrets import Secrets


class Change(NamedTuple):
    """The branch it goes into, and the paths that it changes."""

    branch: str
    files: tuple[str, ...]


def pull_change(github_flags: groups.GitHubClientFlags, repo: str, number: int) -> Change:
    """Two calls, without a token too where the repository is public. Raises the client's errors."""
    return asyncio.run(_asked(github_flags, repo, number))


async def _asked(github_flags: groups.GitHubClientFlags, repo: str, number: int) -> Change:
    settings, clock = Given([github_flags]).github(), SystemClock()
    secret = Secrets(clock).load(settings.token_path, flag="--github-token-path") if settings.token_path else None
    github = GitHub.open(
        clock=clock,
        component="jobs",
        tokens=TokenFile(secret) if secret is not None else None,
        endpoints=settings.endpoints,
        graphql_endpoint=settings.graphql_endpoint,
        dry_run=True,
        options=settings.options,
    )
    org, _, name = repo.partition("/")
    try:
        pull = await github.get_pull_request(org, name, number)
        files = await github.list_files(org, name, number)
    finally:
        await github.aclose()
    return Change(pull.base.ref, tuple(file.filename for file in files))
