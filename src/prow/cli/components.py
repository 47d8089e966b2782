"""The one place that knows every room: makes each component of its parts, the same for `up` and for a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from prow.bus.listener import Listener
from prow.cli import adapters
from prow.cli.parts import Parts
from prow.crier.blob_reporter import BlobReporter
from prow.crier.feed import StoreFeed
from prow.crier.github_reporter import GitHubReporter
from prow.crier.ports import Reporter
from prow.crier.service import Crier, Enabled
from prow.deck.logs import LiveLogs
from prow.deck.ports import Explains, TidePools, Waiting
from prow.deck.service import Deck
from prow.deck.service import Settings as DeckSettings
from prow.git.mirror import Mirrors
from prow.github.call import Cost
from prow.github.client import GitHub
from prow.hook.external import EventEndpoint
from prow.hook.service import Hook
from prow.hook.settings import Settings as HookSettings
from prow.horologium.service import Horologium
from prow.jobs.build_id import BuildIds
from prow.jobs.engine import Engine
from prow.jobs.store import JobStore
from prow.lib.ids import Ids, RandomIds
from prow.lib.secrets import Secret
from prow.owners.people import People
from prow.owners.service import OwnersReader
from prow.plank.service import Plank
from prow.plugins import BUILT
from prow.sinker.ports import Runs
from prow.sinker.service import Sinker
from prow.storage.ports import Storage
from prow.tide.history_store import HistoryStore
from prow.tide.service import Settings as TideSettings
from prow.tide.service import Tide


class Workers(NamedTuple):
    """How many reports of each kind crier makes at the same time; 0: that reporter is off."""

    github: int = 10
    blob_storage: int = 10


_WORKERS = Workers()
_KINDS = {Tide.name: Tide.kinds}
"""What a component wants that gets events over HTTP; one that is not here gets everything."""


def job_store(parts: Parts, *, dry_run: bool) -> JobStore:
    """Where a component writes jobs."""
    return adapters.DryStore(parts.store) if dry_run else parts.store


def plank(parts: Parts, engine: Engine, *, dry_run: bool = False) -> Plank:
    return Plank(
        store=parts.store,
        index=parts.index,
        engines=[engine],
        config=parts.config,
        build_ids=BuildIds(parts.clock),
        clock=parts.clock,
        dry_run=dry_run,
    )


def crier(
    parts: Parts,
    github: GitHub,
    storage: Storage,
    *,
    workers: Workers = _WORKERS,
    agent: str = "",
    enabled: Enabled | None = None,
    dry_run: bool = False,
) -> Crier:
    """`agent`: GitHub is told of this agent's jobs alone. `enabled`: the repositories that are reported on."""
    client = github.bound(caller="crier", cost=Cost.INTERACTIVE)
    store = job_store(parts, dry_run=dry_run)
    reporters: list[tuple[Reporter, int]] = []
    if workers.github:
        told = GitHubReporter(client, store, parts.config, clock=parts.clock, agent=agent, dry_run=dry_run)
        reporters.append((told, workers.github))
    if workers.blob_storage:
        reporters.append((BlobReporter(storage, parts.config, dry_run=dry_run), workers.blob_storage))
    return Crier(StoreFeed(parts.store, parts.clock), store, reporters, clock=parts.clock, enabled=enabled)


def deck(
    parts: Parts,
    settings: DeckSettings,
    storage: Storage,
    *,
    live: LiveLogs,
    waiting: Waiting,
    explains: Explains | None = None,
    pools: TidePools | None = None,
    ids: Ids | None = None,
) -> Deck:
    return Deck(
        settings,
        store=parts.store,
        index=parts.index,
        storage=storage,
        live=live,
        waiting=waiting,
        reruns=adapters.Reruns(clock=parts.clock, ids=ids or RandomIds()),
        clock=parts.clock,
        explains=explains,
        pools=pools,
        config=parts.config,
    )


def tide(
    parts: Parts,
    settings: TideSettings,
    github: GitHub,
    mirrors: Mirrors,
    storage: Storage,
    *,
    history_uri: str = "",
    dry_run: bool = False,
) -> Tide:
    """`history_uri`: where its history is kept; empty: in memory."""
    reader = OwnersReader(mirrors, github.bound(caller="tide", cost=Cost.BACKGROUND))
    made = Tide(
        settings,
        config=parts.config,
        github=github.bound(caller="tide", cost=Cost.MERGE),
        background=github.bound(caller="tide", cost=Cost.BACKGROUND),
        jobs=job_store(parts, dry_run=dry_run),
        index=parts.index,
        clock=parts.clock,
        history=HistoryStore(history_uri, storage, longest=settings.longest_history, clock=parts.clock),
        own_jobs=adapters.InRepo(mirrors, parts.in_repo_cache).reader_for,
        people=People(mirrors, reader, lambda: parts.agent.snapshot),
    )
    parts.agent.subscribe(lambda before, now: made.config_changed() if before.config.hash != now.config.hash else None)
    return made


def horologium(parts: Parts, *, dry_run: bool = False) -> Horologium:
    made = Horologium(parts.store, parts.index, config=parts.config, clock=parts.clock, dry_run=dry_run)
    parts.agent.subscribe(lambda _before, _now: made.wake())
    return made


def sinker(parts: Parts, *, runs: Runs, job_config_path: str = "", dry_run: bool = False) -> Sinker:
    made = Sinker(
        parts.store,
        parts.index,
        config=parts.config,
        clock=parts.clock,
        runs=runs,
        job_config_path=job_config_path,
        dry_run=dry_run,
    )
    parts.agent.subscribe(lambda before, now: made.wake() if before.config.sinker != now.config.sinker else None)
    return made


async def hook(
    parts: Parts,
    settings: HookSettings,
    state: Path,
    *,
    hmac: Secret,
    github: GitHub,
    mirrors: Mirrors,
    listeners: Sequence[Listener] = (),
    endpoints: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> Hook:
    """`listeners` are in this process, `endpoints` (name → URL) elsewhere. Inbox and effects are kept below `state`."""
    made = await Hook.open(
        settings,
        state / "hook.db",
        hmac=hmac,
        plugins=BUILT,
        snapshot=lambda: parts.agent.snapshot,
        github=lambda caller: github.bound(caller=caller, cost=Cost.INTERACTIVE),
        jobs=job_store(parts, dry_run=dry_run),
        known_jobs=adapters.OpenPresubmits(parts.index),
        in_repo_config=adapters.InRepo(mirrors, parts.in_repo_cache).reader_for,
        files=adapters.RepoFiles(mirrors),
        search=lambda caller: adapters.MergedPulls(github.bound(caller=caller, cost=Cost.INTERACTIVE)),
        owners=OwnersReader(mirrors, github.bound(caller="owners", cost=Cost.INTERACTIVE)),
        listeners=listeners,
        endpoints=[EventEndpoint(name, url, _KINDS.get(name)) for name, url in (endpoints or {}).items()],
        clock=parts.clock,
    )
    parts.stack.push_async_callback(made.close)
    return made
