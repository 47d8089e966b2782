"""The Plugin value: a plugin is data plus handlers (DESIGN §3.3).

A plugin module in `plugins` defines one `PLUGIN = Plugin(...)`. Its events and commands are declared here as data: hook
builds one RE2 set over all commands of all plugins, and help is generated from the same declarations. A handler is an
async function of a `Context` (what this delivery may read and do, `plugin.context`) and its event.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from prow.config.config import Config
from prow.model.events import Event, EventKind, GenericComment

if TYPE_CHECKING:
    from prow.plugin.context import Context


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One slash command.

    `pattern`: RE2, unanchored, with its own flags (`(?mi)^/hold(?: cancel)?\\s*$`). A plugin with commands gets a
    comment only if one of its patterns matches.
    """

    name: str
    pattern: str
    usage: str
    description: str
    who_can_use: str = ""
    examples: tuple[str, ...] = ()
    featured: bool = False


Handler = Callable[["Context", Event], Awaitable[None]]


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """`handlers`: one per event kind. A `GENERIC_COMMENT` handler runs only when a command of the plugin occurs in the text, or
    when `concerns` says so: a pure look at the config and the comment, for plugins whose commands stand in the config."""

    name: str
    description: str
    handlers: Mapping[EventKind, Handler]
    commands: tuple[Command, ...] = ()
    concerns: Callable[[Config, GenericComment], bool] | None = None
    config_help: Callable[..., Mapping[str, str]] | None = None
