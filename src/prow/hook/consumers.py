"""Who consumes a delivery: the plugins enabled for its repository, its external plugins, and the components that want all events.

A delivery is decoded once for all of them, its text is matched once against all commands, and all plugins share one view of the pull
request. The config snapshot is taken here, once per delivery. Who gets the delivery as it came gets it even when it cannot be decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Protocol

from prow.bus.listener import Listener
from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from prow.github.errors import BadPayload
from prow.github.payloads import decode, generic_comment
from prow.hook import rules
from prow.hook.commands import CommandTable
from prow.hook.dispatcher import Run, Task
from prow.hook.effects_store import Ledger
from prow.hook.external import EventEndpoint, Forwarder
from prow.hook.inbox import Delivery
from prow.hook.rules import Work
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import Denied, UsageError
from prow.model.events import (
    Event,
    EventKind,
    GenericComment,
    IssueCommentEvent,
    IssueEvent,
    PullRequestEvent,
    ReviewCommentEvent,
    ReviewEvent,
)
from prow.model.forge import PullKey, PullRequest
from prow.plugin.context import Context
from prow.plugin.model import Plugin
from prow.plugin.ports import (
    CountsMerged,
    GitHubForPlugins,
    InRepoConfig,
    KnowsJobs,
    MakesJobs,
    ReadsFiles,
    ReadsOwners,
)
from prow.plugin.view import PullView

_log = logs.get("hook")
EXTERNAL = "external:"


class Snapshot(Protocol):
    """One consistent state of the configuration."""

    @property
    def config(self) -> Config: ...

    @property
    def plugins(self) -> PluginsConfig: ...


class PluginConsumers:
    """Implements `dispatcher.Consumers`. `github`, `search`: views of the client for the plugin of that name."""

    def __init__(
        self,
        plugins: Sequence[Plugin],
        *,
        snapshot: Callable[[], Snapshot],
        github: Callable[[str], GitHubForPlugins],
        jobs: MakesJobs,
        known_jobs: KnowsJobs,
        ledger: Ledger,
        forwarder: Forwarder,
        in_repo_config: Callable[[Config, str, str], InRepoConfig | None],
        clock: Clock,
        owners: ReadsOwners | None = None,
        files: ReadsFiles | None = None,
        search: Callable[[str], CountsMerged] | None = None,
        listeners: Sequence[Listener] = (),
        endpoints: Sequence[EventEndpoint] = (),
    ) -> None:
        self._plugins = tuple(plugins)
        self._table = CommandTable(self._plugins)
        self._snapshot = snapshot
        self._github = github
        self._jobs = jobs
        self._known_jobs = known_jobs
        self._ledger = ledger
        self._forwarder = forwarder
        self._in_repo_config = in_repo_config
        self._clock = clock
        self._owners = owners
        self._files = files
        self._search = search
        self._listeners = tuple(listeners)
        self._endpoints = tuple(endpoints)
        _refuse_one_name_for_two(
            [*(p.name for p in plugins), *(x.name for x in listeners), *(e.name for e in endpoints)]
        )
        self._bot: str | None = None

    def tasks(self, delivery: Delivery) -> tuple[Task, ...]:
        snapshot = self._snapshot()
        org, repo = delivery.org, delivery.repo
        forwarded = [
            self._forward(delivery, EXTERNAL + e.name, e.endpoint)
            for e in snapshot.plugins.external_plugins_for(org, repo)
            if not e.events or delivery.event in e.events
        ] + [self._forward(delivery, e.name, e.url) for e in self._endpoints if e.wants(delivery.event)]
        kind = rules.KINDS.get(delivery.event)
        if kind is None:
            return tuple(forwarded)
        enabled = set(snapshot.plugins.plugins_for(org, repo))
        plugins = [plugin for plugin in self._plugins if plugin.name in enabled]
        listeners = [listener for listener in self._listeners if kind in listener.kinds]
        if not plugins and not listeners:
            return tuple(forwarded)
        try:
            event = decode(delivery.event, delivery.body, delivery.guid)
        except BadPayload as error:
            fields = {"event-GUID": delivery.guid, "event-type": delivery.event, "org": org, "repo": repo}
            _log.warning("A payload cannot be read; no plugin gets it.", error=str(error), **fields)
            return tuple(forwarded)
        if event is None:
            return tuple(forwarded)
        told = [_tell(listener, event) for listener in listeners]
        return (*forwarded, *told, *self._plugin_tasks(snapshot, delivery, plugins, kind, event))

    def _plugin_tasks(
        self, snapshot: Snapshot, delivery: Delivery, plugins: Sequence[Plugin], kind: EventKind, event: Event
    ) -> list[Task]:
        comment = generic_comment(event) if plugins else None
        commands = self._table.match(comment.body) if comment is not None else {}
        work = rules.work_for(plugins, config=snapshot.config, kind=kind, comment=comment, commands=commands)
        if not work:
            return []
        view = self._view(event)
        by_plugin: dict[str, list[Work]] = {}
        for item in work:
            by_plugin.setdefault(item.plugin.name, []).append(item)
        if view is not None:
            view.label_writes.expect(len(by_plugin))
        action = (comment.action if comment is not None else event.action) or "none"
        cause = rules.cause_of(delivery.event, delivery.org, delivery.repo, delivery.body) or delivery.guid
        return [
            Task(name, self._handlers(snapshot, delivery, cause, items, event, comment, view), action)
            for name, items in by_plugin.items()
        ]

    def _forward(self, delivery: Delivery, consumer: str, url: str) -> Task:
        async def run() -> None:
            await self._forwarder.send(url, delivery)

        return Task(consumer, run, aside=True)

    def _view(self, event: Event) -> PullView | None:
        key = key_of(event)
        if key is None:
            return None
        pull: PullRequest | None = event.pull_request if isinstance(event, PullRequestEvent) else None
        return PullView(key, self._github("view"), pull=pull, clock=self._clock)

    def _handlers(
        self,
        snapshot: Snapshot,
        delivery: Delivery,
        cause: str,
        items: Sequence[Work],
        event: Event,
        comment: GenericComment | None,
        view: PullView | None,
    ) -> Run:
        """One plugin's handlers of this delivery, one after another."""

        async def run() -> None:
            with view.label_writes.handling() if view is not None else nullcontext():
                await handle()

        async def handle() -> None:
            bot = await self._bot_login()
            for item in items:
                name = item.plugin.name
                fields = {
                    "event-GUID": delivery.guid,
                    "event-type": delivery.event,
                    "org": delivery.org,
                    "repo": delivery.repo,
                }
                if view is not None:
                    fields["pr"] = str(view.key.number)
                ctx = Context(
                    plugin=name,
                    guid=delivery.guid,
                    cause=cause,
                    config=snapshot.config,
                    plugins=snapshot.plugins,
                    github=self._github(name),
                    jobs=self._jobs,
                    known_jobs=self._known_jobs,
                    effects=self._ledger.of(cause, name),
                    clock=self._clock,
                    log=_log.bind(plugin=name, **fields),
                    view=view,
                    commands=item.commands,
                    in_repo_config=self._in_repo_config(snapshot.config, delivery.org, delivery.repo),
                    owners=self._owners,
                    files=self._files,
                    search=self._search(name) if self._search is not None else None,
                    bot=bot,
                )
                generic = item.kind is EventKind.GENERIC_COMMENT and comment is not None
                await item.plugin.handlers[item.kind](ctx, comment if generic and comment is not None else event)

        return run

    async def _bot_login(self) -> str:
        """Who we are, asked once. Without a token there is no answer, and nobody is the bot."""
        if self._bot is None:
            try:
                self._bot = (await self._github("hook").current_user()).login
            except Denied:
                self._bot = ""
        return self._bot


def _tell(listener: Listener, event: Event) -> Task:
    async def run() -> None:
        await listener.take(event)

    return Task(listener.name, run, event.action or "none")


def _refuse_one_name_for_two(names: Sequence[str]) -> None:
    """Progress is kept by name."""
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two consumers of events are called {name}: give the --event-endpoint another name")


def key_of(event: Event) -> PullKey | None:
    """The issue or pull request that an event is about."""
    match event:
        case PullRequestEvent():
            number = event.number or event.pull_request.number
        case IssueEvent() | IssueCommentEvent():
            number = event.issue.number
        case ReviewEvent() | ReviewCommentEvent():
            number = event.pull_request.number
        case _:
            return None
    return PullKey(event.org, event.repo.name, number)
