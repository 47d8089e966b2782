"""Bare repositories as libgit2 opens them: objects and refs are read and written in this process, where git would need one each."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel

_MOST_OPEN = 128
_opened: OrderedDict[Path, pygit2.Repository] = OrderedDict()
MISSING = (KeyError, ValueError, pygit2.GitError)
"""What libgit2 raises for a name that stands for nothing, or for no good name."""


def _settle() -> None:
    """The repositories are the simulator's own: nobody's settings count, whoever owns the files, and what is read was written here."""
    for level in (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
        pygit2.settings.search_path[level] = ""
    pygit2.settings.owner_validation = False
    pygit2.option(pygit2.enums.Option.ENABLE_STRICT_HASH_VERIFICATION, False)


_settle()


def opened(path: Path) -> pygit2.Repository:
    """The repository at `path`, kept open. Raises pygit2.GitError when there is none."""
    repo = _opened.get(path)
    if repo is None:
        repo = _opened[path] = pygit2.Repository(str(path), pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
        while len(_opened) > _MOST_OPEN:
            _opened.popitem(last=False)[1].free()
    else:
        _opened.move_to_end(path)
    return repo


def forget(path: Path) -> None:
    """The folder goes away, or another repository comes to its place."""
    repo = _opened.pop(path, None)
    if repo is not None:
        repo.free()
