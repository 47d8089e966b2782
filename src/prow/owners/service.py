"""Reads the OWNERS files of a branch from the repository's mirror: a fetch of the branch, and no call of the API.

What was read is kept by commit; a new commit that touches no such file shares the value of the old one, and finding that out reads only the
folders that it changed. A first look costs two requests: one for the branch, one for all files that count. Where only
collaborators count their list is asked for at every load; GitHub's client answers it from its cache while it is the same.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec.structs import replace

from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from prow.git import safety
from prow.git.errors import TooLarge
from prow.git.finder import Finder, Memory
from prow.git.mirror import Mirror, Mirrors
from prow.git.model import TreeEntry
from prow.lib import logs
from prow.lib.errors import Permanent
from prow.lib.open_work import in_thread
from prow.model.forge import User
from prow.owners import parse, rules
from prow.owners.model import Found, Layout, OwnersFile
from prow.owners.queries import RepoOwners

_log = logs.get("owners")
MOST_FILES = 20_000
MOST_LINKS = 100
_KEPT_COMMITS = 512
_KEPT_VALUES = 128
_KEPT_FINDERS = 64
_KEPT_FILES = 20_000
_LARGEST_TOGETHER = 256 << 20

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_Repo = tuple[str, str, Layout]
_FileKey = tuple[str, str, bool, str]
"""Content, content of the aliases, whether it is Markdown, how OWNERS files are named."""


class ListsCollaborators(Protocol):
    async def list_collaborators(self, org: str, repo: str) -> Sequence[User]: ...


class OwnersReader:
    """One per process; loads of one repository at the same time share fetches and values."""

    def __init__(self, mirrors: Mirrors, collaborators: ListsCollaborators) -> None:
        self._mirrors = mirrors
        self._collaborators = collaborators
        self._by_commit: OrderedDict[tuple[_Repo, str], RepoOwners] = OrderedDict()
        self._by_files: OrderedDict[tuple[_Repo, tuple[Found, ...]], RepoOwners] = OrderedDict()
        self._by_content: OrderedDict[_FileKey, OwnersFile] = OrderedDict()
        self._found = Memory()
        self._finders: OrderedDict[_Repo, Finder] = OrderedDict()
        self._locks: dict[_Repo, asyncio.Lock] = {}

    async def load(self, org: str, repo: str, branch: str, *, config: Config, plugins: PluginsConfig) -> RepoOwners:
        """The OWNERS files at the newest commit of the branch. Raises what git raises: NoSuchRef, NoAccess, GitFailed."""
        mirror = self._mirrors.mirror(org, repo)
        ref = safety.branch_ref(branch)
        await mirror.fetch([ref])
        commit = await mirror.resolve(ref)
        layout = rules.layout_for(config, plugins, org, repo)
        owners = await self.at(org, repo, commit, layout)
        if plugins.skips_collaborators(org, repo):
            return owners
        return replace(owners, collaborators=await self._who_collaborates(org, repo))

    async def at(self, org: str, repo: str, commit: str, layout: Layout) -> RepoOwners:
        """The OWNERS files of a commit that is in the mirror."""
        place: _Repo = (org, repo, layout)
        key = (place, commit)
        lock = self._locks.setdefault(place, asyncio.Lock())
        try:
            async with lock:
                if key not in self._by_commit:
                    self._by_commit[key] = await self._of_files(place, commit)
                    _trim(self._by_commit, _KEPT_COMMITS)
                self._by_commit.move_to_end(key)
                return self._by_commit[key]
        finally:
            if not lock.locked():
                self._locks.pop(place, None)

    async def _of_files(self, place: _Repo, commit: str) -> RepoOwners:
        org, repo, layout = place
        mirror = self._mirrors.mirror(org, repo)
        entries = await mirror.find(commit, self._finder(place))
        found = _chosen(entries, where=f"{org}/{repo}")
        key = (place, found)
        # What a link says depends on more files than are listed.
        known = None if any(each.link for each in found) else self._by_files.get(key)
        if known is None:
            known = await self._read(mirror, commit, entries, layout)
            self._by_files[key] = known
            _trim(self._by_files, _KEPT_VALUES)
        self._by_files.move_to_end(key)
        return known

    def _finder(self, place: _Repo) -> Finder:
        if place not in self._finders:
            self._finders[place] = Finder(rules.wanted(place[2]), memory=self._found)
            _trim(self._finders, _KEPT_FINDERS)
        self._finders.move_to_end(place)
        return self._finders[place]

    async def _read(self, mirror: Mirror, commit: str, entries: Sequence[TreeEntry], layout: Layout) -> RepoOwners:
        """One request gets whatever contents are missing; what a file says is known if the same content was read with the same aliases."""
        aliased = next((entry for entry in entries if entry.path == layout.aliases), None)
        keys: dict[str, _FileKey] = {}
        if aliased is None or not aliased.is_link:
            sha = aliased.sha if aliased else ""
            keys = {
                e.path: (e.sha, sha, rules.is_markdown(e.path, layout), layout.owners) for e in entries if not e.is_link
            }
        known = {path: file for path, key in keys.items() if (file := self._by_content.get(key)) is not None}
        unread = [entry for entry in entries if entry.path not in known or entry is aliased]
        contents = await mirror.read_files(commit, unread, max_file=parse.LARGEST, max_all=_LARGEST_TOGETHER)
        aliases, read = await in_thread(_parsed, contents, layout)
        for path, file in read.items():
            if path in keys:
                self._by_content[keys[path]] = file
        _trim(self._by_content, _KEPT_FILES)
        return rules.together(known | read, aliases, layout)

    async def _who_collaborates(self, org: str, repo: str) -> frozenset[str] | None:
        """Their logins in lower case; None when we may not know them: then everyone counts, as in the original.

        An error that may pass is raised, so that it never lets someone approve who may not.
        """
        try:
            people = await self._collaborators.list_collaborators(org, repo)
        except Permanent as error:
            _log.warning(
                "The collaborators of a repository cannot be read, so all owners count.",
                org=org,
                repo=repo,
                error=str(error),
            )
            return None
        return frozenset(user.login.lower() for user in people)


def _parsed(contents: Mapping[str, bytes], layout: Layout) -> tuple[parse.Aliases, dict[str, OwnersFile]]:
    aliases = rules.aliases_in(contents, layout)
    return aliases, {path: rules.parsed(path, data, aliases, layout) for path, data in contents.items()}


def _chosen(entries: Sequence[TreeEntry], *, where: str) -> tuple[Found, ...]:
    if len(entries) > MOST_FILES:
        raise TooLarge(f"{where} has more than {MOST_FILES} files that say who owns what")
    found = tuple(Found(entry.path, entry.sha, entry.is_link) for entry in entries)
    if sum(each.link for each in found) > MOST_LINKS:
        raise TooLarge(f"{where} has more than {MOST_LINKS} links among the files that say who owns what")
    return found


def _trim(kept: OrderedDict[K, V], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
