"""Censors what a job left, file by file (`spec/prowjobs-and-pods` §5.4).

A file is first only read; it is written anew (beside itself, then renamed) when a secret was found. What is packed with gzip is
censored in its unpacked stream and packed again, which keeps sizes inside a tar archive, so every member and link survives.
A zip archive is rewritten member by member. What cannot be unpacked is censored as it is and reported. All of this blocks.
"""

from __future__ import annotations

import gzip
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, Protocol

from prow.lib.errors import Permanent
from prow.lib.regex import Regex, RegexError
from prow.podutils import files
from prow.podutils.censor import Censor, Stream
from prow.podutils.files import Found
from prow.storage import content

_PIECE = 1 << 20
_LEAST_PIECE = 64 << 10
_MOST_PIECE = 16 << 20
_MOST_UNPACKED = 4 << 30
_MOST_MEMBERS = 20_000
_ZIP = b"PK\x03\x04"


class TooBig(Permanent):
    """The archive holds more than is looked through."""


class _Reads(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Writes(Protocol):
    def write(self, data: bytes, /) -> int: ...


class Globs:
    """Which artifacts are censored: excluded ones are not, then included ones are; without includes all are."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._include = [Regex(translate(glob)) for glob in include]
        self._exclude = [Regex(translate(glob)) for glob in exclude]

    def allow(self, path: str) -> bool:
        """`path`: relative to its item."""
        if any(glob.matches(path) for glob in self._exclude):
            return False
        return not self._include or any(glob.matches(path) for glob in self._include)


def translate(glob: str) -> str:
    """A glob with `*`, `?`, `[...]`, `{a,b}` and `**` (any depth) as an anchored pattern. Raises `RegexError`."""
    pattern, depth, at = "", 0, 0
    while at < len(glob):
        character = glob[at]
        if glob.startswith("**/", at):
            pattern, at = pattern + "(?:.*/)?", at + 3
            continue
        if glob.startswith("/**", at) and at + 3 == len(glob):
            pattern, at = pattern + "(?:/.*)?", at + 3
            continue
        if glob.startswith("**", at):
            pattern, at = pattern + ".*", at + 2
            continue
        if character == "*":
            pattern += "[^/]*"
        elif character == "?":
            pattern += "[^/]"
        elif character == "[":
            end = glob.find("]", at + 2)
            if end < 0:
                raise RegexError(f"{glob}: a bracket is not closed")
            body = glob[at + 1 : end].replace("\\", "\\\\")
            pattern, at = pattern + f"[{'^' + body[1:] if body[0] in '!^' else body}]", end
        elif character == "{":
            pattern, depth = pattern + "(?:", depth + 1
        elif character == "}" and depth:
            pattern, depth = pattern + ")", depth - 1
        elif character == "," and depth:
            pattern += "|"
        else:
            if character == "\\" and at + 1 < len(glob):
                at += 1
                character = glob[at]
            pattern += character if character.isalnum() or character in "_/-" else f"\\x{{{ord(character):x}}}"
        at += 1
    return f"^(?s:{pattern})$"


def censor_file(file: Found, censor: Censor, *, piece: int = _PIECE) -> bool:
    """Censor one file in place; True when something was replaced. Raises `OSError`, `Permanent` for a broken archive."""
    piece = min(max(piece, _LEAST_PIECE, 2 * censor.longest), max(_MOST_PIECE, 2 * censor.longest))
    with files.opened(file.root, file.source) as descriptor, os.fdopen(os.dup(descriptor), "rb") as source:
        head = source.read(content.SNIFFED)
        source.seek(0)
        failure: Exception | None = None
        try:
            if content.is_gzip(head):
                return _gzip(file, source, censor, piece)
            if head.startswith(_ZIP):
                return _zip(file, source, censor, piece)
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError, TooBig) as error:
            failure = error
            source.seek(0)
        found = _plain(file, source, censor, piece)
        if failure is not None:
            raise Permanent(f"{'/'.join(file.name)}: the archive is censored from outside only: {failure}")
        return found


def _holds(source: _Reads, censor: Censor, piece: int, limit: int | None = None) -> bool:
    """Whether there is anything to censor."""
    keep, window, total = max(censor.longest - 1, 0), b"", 0
    while data := source.read(piece):
        total += len(data)
        if limit is not None and total > limit:
            raise TooBig(f"more than {limit} bytes unpacked")
        window += data
        if censor.spans(window):
            return True
        window = window[-keep:] if keep else b""
    return False


def _copy(source: _Reads, target: _Writes, censor: Censor, piece: int) -> None:
    stream = Stream(censor)
    while data := source.read(piece):
        target.write(stream.feed(data))
    target.write(stream.finish())


def _plain(file: Found, source: IO[bytes], censor: Censor, piece: int) -> bool:
    if not _holds(source, censor, piece):
        return False
    source.seek(0)
    with _Replacement(file, source) as target:
        _copy(source, target, censor, piece)
    return True


def _gzip(file: Found, source: IO[bytes], censor: Censor, piece: int) -> bool:
    with gzip.GzipFile(fileobj=source, mode="rb") as unpacked:
        if not _holds(unpacked, censor, piece, _MOST_UNPACKED):
            return False
    source.seek(0)
    with _Replacement(file, source) as target:
        with gzip.GzipFile(fileobj=source, mode="rb") as unpacked:
            with gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=6, mtime=0) as packed:
                _copy(unpacked, packed, censor, piece)
    return True


def _zip(file: Found, source: IO[bytes], censor: Censor, piece: int) -> bool:
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > _MOST_UNPACKED:
            raise TooBig("the archive is too large to be looked through")
        held = any(_member_holds(archive, member, censor, piece) for member in members)
        if not held:
            return False
        with _Replacement(file, source) as target, zipfile.ZipFile(target, "w") as packed:
            for member in members:
                with archive.open(member) as unpacked, packed.open(member, "w") as written:
                    _copy(unpacked, written, censor, piece)
    return True


def _member_holds(archive: zipfile.ZipFile, member: zipfile.ZipInfo, censor: Censor, piece: int) -> bool:
    with archive.open(member) as unpacked:
        return _holds(unpacked, censor, piece, _MOST_UNPACKED)


class _Replacement:
    """A new file beside the old one, which takes its place when the block ends well."""

    def __init__(self, file: Found, source: IO[bytes]) -> None:
        self._file = file
        self._mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
        self._folder: Any = files.opened_folder(file.root, file.source[:-1])
        self._name = ""

    def __enter__(self) -> IO[bytes]:
        self._descriptor = self._folder.__enter__()
        for name in tempfile._get_candidate_names():  # type: ignore[attr-defined]  # noqa: SLF001
            self._name = f"tmp-censor{name}"
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(self._name, flags, 0o600, dir_fd=self._descriptor)
                break
            except FileExistsError:
                continue
        self._target = os.fdopen(descriptor, "w+b")
        return self._target

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self._target.close()
            if kind is None:
                folder = self._descriptor
                os.chmod(self._name, self._mode, dir_fd=folder)
                os.replace(self._name, self._file.source[-1], src_dir_fd=folder, dst_dir_fd=folder)
            else:
                with suppress(OSError):
                    os.unlink(self._name, dir_fd=self._descriptor)
        finally:
            self._folder.__exit__(None, None, None)
