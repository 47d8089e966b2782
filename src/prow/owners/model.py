"""Nouns of OWNERS files: what one file says, and which files there are."""

from __future__ import annotations

import msgspec

from prow.lib.regex import Regex
from prow.model.base import Noun


class People(Noun, frozen=True):
    """Who owns what a file or a filter is about. Logins in lower case without `@`, aliases resolved; labels as written."""

    approvers: frozenset[str] | None = None
    reviewers: frozenset[str] | None = None
    required_reviewers: frozenset[str] | None = None
    labels: frozenset[str] | None = None


class Options(Noun, frozen=True):
    no_parent_owners: bool = False
    auto_approve_unowned_subfolders: bool = False


class Entry(msgspec.Struct, frozen=True):
    """`pattern`: searched in the path relative to the file's folder; None: everything below it."""

    pattern: Regex | None
    people: People

    def covers(self, relative: str) -> bool:
        return self.pattern is None or self.pattern.matches(relative)


class OwnersFile(msgspec.Struct, frozen=True):
    """What one file says. A role that no list names is None; an alias of nobody is an empty set."""

    entries: tuple[Entry, ...] = ()
    options: Options = Options()


class Found(msgspec.Struct, frozen=True):
    """A file of a commit that may say who owns what. `link`: a symbolic link, its content is that of its target."""

    path: str
    sha: str
    link: bool = False


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Where a repository says who owns what: the config's part in it.

    `front_matter`: Markdown files may begin with it. `denied`: patterns of folders that do not count, below them included.
    """

    owners: str = "OWNERS"
    aliases: str = "OWNERS_ALIASES"
    front_matter: bool = False
    denied: tuple[str, ...] = ()
