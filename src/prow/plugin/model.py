"""The Plugin value: a plugin is data plus handlers (DESIGN §3.3).

A plugin module in `plugins` defines one `PLUGIN = Plugin(...)`. Its events and commands are declared here as data: hook
builds one RE2 set over all commands of all plugins, and help is generated from the same declarations. A handler is an
async function of a `Context` (what this delivery may read and do, `plugin.context`) and its event.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from prow.model.events import Event, EventKind

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
    """`handlers`: one per event kind. `GENERIC_COMMENT` handlers run only when a command matches, unless `all_text`."""

    name: str
    description: str
    handlers: Mapping[EventKind, Handler]
    commands: tuple[Command, ...] = ()
    all_text: bool = False
    config_help: Callable[..., Mapping[str, str]] | None = None
