"""Reads what a job left behind without being led out of its folder.

Everything below the log folder was writable by the job: any name there may be a symbolic link, a pipe or a folder a million
levels deep. Files are opened one component at a time without following links and must be regular files; a link is followed
only if it ends inside the same folder.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from prow.lib.errors import Permanent

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DEEPEST = 100


class NotARegularFile(Permanent):
    """What is there is no plain file below its folder."""


class Found(msgspec.Struct, frozen=True):
    """A file below `root`: `name` as it is shown, `source` where it really is, both relative."""

    root: str
    name: tuple[str, ...]
    source: tuple[str, ...]
    size: int


@contextmanager
def opened(root: str, parts: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of the regular file `parts` below `root`. Raises `OSError` or `NotARegularFile`."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            deeper = os.open(part, _DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = deeper
        file = os.open(parts[-1], _FILE, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise NotARegularFile(f"{'/'.join((root, *parts))}: this is not a regular file")
            yield file
        finally:
            os.close(file)
    finally:
        os.close(folder)


@contextmanager
def opened_folder(root: str, parts: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of the folder `parts` below `root`, reached without links."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            deeper = os.open(part, _DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = deeper
        yield folder
    finally:
        os.close(folder)


def split(path: str) -> tuple[str, tuple[str, ...]]:
    """A path as the folder that is trusted and the last two components, which are not."""
    file = Path(path)
    if not file.parent.name:
        return str(file.parent), (file.name,)
    return str(file.parent.parent), (file.parent.name, file.name)


def read_small(path: str, limit: int) -> bytes:
    """A file of at most `limit` bytes whose last two components are no links. Raises `OSError`, `NotARegularFile`."""
    with opened(*split(path)) as descriptor:
        data = b""
        while len(data) <= limit and (piece := os.read(descriptor, limit + 1 - len(data))):
            data += piece
    if len(data) > limit:
        raise NotARegularFile(f"{path}: more than {limit} bytes")
    return data


def walk(folder: str) -> Iterator[Found]:
    """Regular files below `folder`, sorted within each folder; empty when it is a link or no folder."""
    path = Path(folder)
    root, top = str(path.parent), path.name
    real = os.path.join(os.path.realpath(root), top)  # noqa: PTH118
    waiting: list[tuple[str, ...]] = [(top,)]
    while waiting:
        parts = waiting.pop()
        try:
            with opened_folder(root, parts) as descriptor, os.scandir(descriptor) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
                found: list[Found] = []
                folders: list[tuple[str, ...]] = []
                for entry in listed:
                    name = (*parts, entry.name)
                    if entry.is_symlink():
                        found += _inside(root, real, name)
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(name)
                    elif entry.is_file(follow_symlinks=False):
                        found.append(Found(root, name, name, entry.stat(follow_symlinks=False).st_size))
        except OSError:
            continue
        yield from found
        if len(parts) < _DEEPEST:
            waiting += reversed(folders)


def _inside(root: str, real: str, name: tuple[str, ...]) -> list[Found]:
    """A link, if it ends at a regular file below the folder that is walked."""
    try:
        target = os.path.realpath(os.path.join(root, *name), strict=True)  # noqa: PTH118
        status = os.lstat(target)
    except OSError:
        return []
    if not target.startswith(f"{real}/") or not stat.S_ISREG(status.st_mode):
        return []
    source = (Path(real).name, *target.removeprefix(f"{real}/").split("/"))
    return [Found(root, name, source, status.st_size)]
