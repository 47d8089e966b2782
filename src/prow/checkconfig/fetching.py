"""What checks want to know of the world: which repositories have OWNERS, where the App is, which clusters can be reached."""

from __future__ import annotations

from typing import Protocol

import msgspec

from prow.checkconfig.reading import Progress
from prow.checkconfig.warnings_plugins import using_owners
from prow.config.plugins import PluginsConfig
from prow.github.apps import Installation
from prow.github.errors import NotFound
from prow.lib.errors import ProwError
from prow.storage.ports import ObjectNotFound, Storage

OWNERS = "OWNERS"


class ReadsRepos(Protocol):
    async def list_org_repos(self, org: str) -> tuple[str, ...]: ...

    async def get_file(self, org: str, repo: str, path: str, ref: str = "") -> bytes: ...


class ListsInstallations(Protocol):
    async def list_installations(self) -> tuple[Installation, ...]: ...


async def installed_orgs(apps: ListsInstallations) -> frozenset[str]:
    """Organisations, in lower case, where the App that asks may work: it is installed there, and not suspended."""
    found = await apps.list_installations()
    return frozenset(
        each.account.login.lower() for each in found if each.account is not None and each.suspended_at is None
    )


async def without_owners(plugins: PluginsConfig, github: ReadsRepos, *, progress: Progress) -> tuple[str, ...]:
    """Repositories that should have a file OWNERS at the top of the default branch, and have none."""
    missing = []
    for item in using_owners(plugins):
        org, slash, _ = item.key.partition("/")
        repos = [item.key] if slash else [f"{org}/{name}" for name in await github.list_org_repos(org)]
        for repo in repos:
            if repo in item.without:
                continue
            progress(f"looking for {OWNERS} in {repo}")
            try:
                await github.get_file(org, repo.partition("/")[2], OWNERS)
            except NotFound:
                missing.append(repo)
    return tuple(missing)


async def cluster_statuses(storage: Storage, path: str) -> tuple[dict[str, str] | None, str]:
    """Cluster → status; None when there is nothing to go by, and then why. A file that is not there yet is no mistake."""
    try:
        data = await storage.get(path)
    except ObjectNotFound:
        return None, ""
    except ProwError as error:
        return None, f"the file cannot be read: {error}"
    try:
        return msgspec.json.decode(data, type=dict[str, str]), ""
    except msgspec.DecodeError as error:
        return None, f"the file is no JSON of clusters and their statuses: {error}"
