"""What `prow checkconfig` asks GitHub, and reads from a bucket, for the few checks that need it.

A module of its own, since most runs ask nobody and should not wait for the imports.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack

import msgspec

from prow.checkconfig.fetching import cluster_statuses, installed_orgs, without_owners
from prow.checkconfig.model import Known
from prow.checkconfig.warnings_plugins import OWNERS_PRESENCE
from prow.checkconfig.warnings_settings import APP_INSTALLATION
from prow.cli import groups
from prow.cli.github_client import open_github, open_tokens
from prow.cli.given import Given
from prow.cli.parts import StorageSettings, open_storage
from prow.github.apps import Apps
from prow.lib.clock import SystemClock
from prow.lib.errors import ProwError, UsageError
from prow.lib.secrets import Secrets

_COMPONENT = "checkconfig"
Progress = Callable[[str], None]


async def ask_github(known: Known, given: groups.GitHubFlags, names: Collection[str], progress: Progress) -> Known:
    """`known` with what GitHub says to the checks that ask it. A refusal is one more thing to tell."""
    settings = Given([given]).github()
    # What is not there is the answer.
    settings = msgspec.structs.replace(settings, options=msgspec.structs.replace(settings.options, max_404_retries=0))
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        tokens = open_tokens(settings, secrets=Secrets(clock), clock=clock, component=_COMPONENT, stack=stack)
        github = await open_github(settings, tokens, clock=clock, component=_COMPONENT, dry_run=True, stack=stack)
        if OWNERS_PRESENCE in names and known.plugins is not None:
            asked = without_owners(known.plugins, github, progress=progress)
            known = await _with(known, OWNERS_PRESENCE, "without_owners", asked)
        if APP_INSTALLATION in names:
            progress("asking where the GitHub App is installed")
            known = await _with(known, APP_INSTALLATION, "installed", installed_orgs(github.area(Apps)))
    return known


async def _with(known: Known, check: str, field: str, asked: Awaitable[object]) -> Known:
    """`known` with one answer more, or with why there is none."""
    try:
        return msgspec.structs.replace(known, **{field: await asked})
    except UsageError:
        raise
    except ProwError as error:
        return msgspec.structs.replace(known, unanswered={**known.unanswered, check: str(error)})


async def ask_for_clusters(known: Known, given: groups.StorageFlags) -> Known:
    """`known` with what `plank.build_cluster_status_file` says."""
    storage = open_storage(
        StorageSettings(
            bucket_dir=given.bucket_dir,
            gcs_credentials_file=given.gcs_credentials_file,
            s3_credentials_file=given.s3_credentials_file,
        )
    )
    clusters, unread = await cluster_statuses(storage, known.config.plank.build_cluster_status_file)
    return msgspec.structs.replace(known, clusters=clusters, clusters_unread=unread)
