"""GitHub's client from settings: credentials, cache and limits, the same for every command that asks GitHub."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from prow.github.app_key import AppKey
from prow.github.client import GitHub
from prow.github.disk_cache import DiskCache
from prow.github.installations import Installations
from prow.github.ledger import Ledger
from prow.github.limiter import Limits, Paces
from prow.github.rules import Options
from prow.github.tokens import TokenFile, Tokens
from prow.lib.clock import Clock
from prow.lib.open_work import in_thread
from prow.lib.secrets import Secrets


class GitHubSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Neither `token_path` nor `app_id`: anonymous. `git_base`: what stands before `/org/repo` in addresses of repositories and of web pages.

    `cache_dir`: of what processes share, the cache and the books of GitHub's limits; empty: in memory. `signing_key`: path of an SSH key for commits; empty: they are not signed.
    """

    git_base: str = "https://github.com"
    endpoints: tuple[str, ...] = ("https://api.github.com",)
    graphql_endpoint: str = "https://api.github.com/graphql"
    token_path: str = ""
    app_id: str = ""
    app_key_path: str = ""
    options: Options = Options()
    limits: Limits = Limits()
    cache_dir: str = ""
    cache_bytes: int = 256 << 20
    signing_key: str = ""


class GitTokens:
    """git's view of who we are at GitHub."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def token(self, org: str) -> str:
        return await self._tokens.token(org)

    async def renew(self, org: str, used: str) -> bool:
        credential = await self._tokens.credential(org)
        return credential.token != used or await self._tokens.renew(credential, org)


def open_tokens(
    settings: GitHubSettings, *, secrets: Secrets, clock: Clock, component: str, stack: AsyncExitStack
) -> Tokens | None:
    """The credentials that the settings name; None: there are none. `UsageError` for files that cannot be used."""
    if settings.token_path:
        return TokenFile(secrets.load(settings.token_path, flag="--github-token-path"))
    if not settings.app_id:
        return None
    tokens = Installations(
        settings.app_id,
        AppKey(secrets.load(settings.app_key_path, flag="--github-app-private-key-path")),
        clock=clock,
        component=component,
        endpoints=settings.endpoints,
        options=settings.options,
        web=settings.git_base,
        censor=secrets.register,
        forget=secrets.forget,
    )
    stack.push_async_callback(tokens.aclose)
    return tokens


async def open_paces(folder: Path, *, clock: Clock, stack: AsyncExitStack) -> Paces:
    """The books of GitHub's limits that all processes with that folder share. They are closed with the stack."""
    ledger = await in_thread(Ledger.open, folder)
    stack.callback(ledger.close)
    return Paces(clock, ledger)


async def open_github(
    settings: GitHubSettings,
    tokens: Tokens | None,
    *,
    clock: Clock,
    component: str,
    dry_run: bool,
    stack: AsyncExitStack,
    paces: Paces | None = None,
) -> GitHub:
    """A client; all that share it share its budget, and all that share `paces` GitHub's limits. It is closed with the stack."""
    cache = None
    if paces is None and settings.cache_dir:
        paces = await open_paces(Path(settings.cache_dir), clock=clock, stack=stack)
    if settings.cache_dir:
        cache = await DiskCache.open(Path(settings.cache_dir), max_bytes=settings.cache_bytes, clock=clock)
        stack.push_async_callback(cache.aclose)
    github = GitHub.open(
        clock=clock,
        component=component,
        tokens=tokens,
        endpoints=settings.endpoints,
        graphql_endpoint=settings.graphql_endpoint,
        dry_run=dry_run,
        options=settings.options,
        limits=settings.limits,
        cache=cache,
        paces=paces,
    )
    stack.push_async_callback(github.aclose)
    return github
