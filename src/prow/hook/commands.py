"""All commands of all plugins in one RE2 set: a comment is looked at once, whoever may be meant."""

from __future__ import annotations

from collections.abc import Sequence

from prow.lib import regex
from prow.plugin.model import Plugin


class CommandTable:
    """`match(text)`: plugin name → names of its commands that occur."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._owners = [(plugin.name, command.name) for plugin in plugins for command in plugin.commands]
        self._set = regex.RegexSet(command.pattern for plugin in plugins for command in plugin.commands)

    def match(self, text: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for position in self._set.matching(text):
            plugin, command = self._owners[position]
            found[plugin] = (*found.get(plugin, ()), command)
        return found
