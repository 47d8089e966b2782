"""Command help, generated from the same declarations that hook matches comments against (`spec/plugins-review` §1.9).

JSON names are Go's field names, capitalised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from prow.config.plugins import PluginsConfig
from prow.model.events import EventKind
from prow.plugin.model import Plugin

_EVENT_NAMES = {
    EventKind.ISSUES: "issue",
    EventKind.ISSUE_COMMENT: "issue_comment",
    EventKind.PULL_REQUEST: "pull_request",
    EventKind.PUSH: "push",
    EventKind.REVIEW: "pull_request_review",
    EventKind.REVIEW_COMMENT: "pull_request_review_comment",
    EventKind.STATUS: "status",
    EventKind.GENERIC_COMMENT: "GenericCommentEvent (any event for user text)",
}


class CommandHelp(msgspec.Struct, frozen=True, rename="pascal"):
    usage: str
    featured: bool
    description: str
    examples: tuple[str, ...]
    who_can_use: str


class PluginHelp(msgspec.Struct, frozen=True, rename="pascal"):
    description: str
    config: Mapping[str, str]
    events: tuple[str, ...]
    commands: tuple[CommandHelp, ...]


class Help(msgspec.Struct, frozen=True, rename="pascal"):
    all_repos: tuple[str, ...]
    repo_plugins: Mapping[str, tuple[str, ...]]
    repo_external_plugins: Mapping[str, tuple[str, ...]]
    plugin_help: Mapping[str, PluginHelp]
    external_plugin_help: Mapping[str, PluginHelp]


def help_for(plugin: Plugin, config: PluginsConfig) -> PluginHelp:
    """What one plugin does, listens to and understands."""
    return PluginHelp(
        description=plugin.description,
        config=plugin.config_help(config) if plugin.config_help is not None else {},
        events=tuple(_EVENT_NAMES[kind] for kind in plugin.handlers if kind in _EVENT_NAMES),
        commands=tuple(
            CommandHelp(c.usage, c.featured, c.description, c.examples or (c.usage,), c.who_can_use)
            for c in plugin.commands
        ),
    )


def help_for_all(
    plugins: Iterable[Plugin], config: PluginsConfig, *, repos: Mapping[str, tuple[str, ...]] | None = None
) -> Help:
    """The whole answer of `/plugin-help`. `repos`: the repositories of each org, where they are known."""
    plugins = tuple(plugins)
    keys = {*config.plugins, *config.external_plugins}
    names = {key for key in keys if "/" in key} | {full for key in keys for full in (repos or {}).get(key, ())}
    return Help(
        all_repos=tuple(sorted(names)),
        repo_plugins={"": tuple(p.name for p in plugins)}
        | {key: tuple(entry.plugins) for key, entry in config.plugins.items()},
        repo_external_plugins={key: tuple(e.name for e in entries) for key, entries in config.external_plugins.items()},
        plugin_help={plugin.name: help_for(plugin, config) for plugin in plugins},
        external_plugin_help={},
    )
