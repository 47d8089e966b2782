"""The one place where object paths are checked (`spec/prowjobs-and-pods` §6.4).

A path is `scheme://bucket/key`; without a scheme it is `gs://`, with a leading slash a local file. Keys are relative, have no
empty, `.` or `..` segment and no control character, and can be written as UTF-8; what cannot be one raises `BadPath`
before any backend sees it.
"""

from __future__ import annotations

import msgspec

from prow.storage.ports import BadPath

GS = "gs"
S3 = "s3"
FILE = "file"
MEMORY = "memory"

_ALIASES = {"mem": MEMORY}
_SCHEMES = frozenset({GS, S3, FILE, MEMORY})
_LONGEST_KEY = 1024
_LONGEST_LOCAL_KEY = 3072
_LONGEST_SEGMENT = 255


class Location(msgspec.Struct, frozen=True):
    """A checked path. `bucket` is empty for `file`; `key` has no slash at either end and is empty for the root."""

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    def beside(self, key: str) -> str:
        """The path of another key in the same bucket."""
        return f"{self.scheme}://{self.bucket}/{key}"


def locate(path: str, *, folder: bool = False) -> Location:
    """Check `path`. `folder`: a prefix is meant; it may end in a slash and may be the whole bucket."""
    scheme, separator, rest = path.partition("://")
    if not separator:
        scheme, rest = (FILE, path) if path.startswith("/") else (GS, path)
    scheme = _ALIASES.get(scheme, scheme)
    if scheme not in _SCHEMES:
        raise BadPath(f"{_shown(path)}: storage of this kind is not known; use gs://, s3://, file:// or memory://")
    bucket, _, key = rest.partition("/")
    if scheme == FILE:
        if bucket:
            raise BadPath(f"{_shown(path)}: a file:// path is absolute: file:///folder/name")
    elif not bucket or not bucket.isascii() or not bucket.isprintable() or set(bucket) & set(" \\?#@:%"):
        raise BadPath(f"{_shown(path)}: this is no name of a bucket")
    key = key.removesuffix("/") if folder else key
    if key or not folder:
        _check(path, key, _LONGEST_LOCAL_KEY if scheme == FILE else _LONGEST_KEY)
    return Location(scheme, bucket, key)


def _check(path: str, key: str, longest: int) -> None:
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise BadPath(f"{_shown(path)}: the path is not valid Unicode") from error
    if size > longest:
        raise BadPath(f"{_shown(path)}: the path is longer than {longest} bytes")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in key):
        raise BadPath(f"{_shown(path)}: the path holds control characters")
    for segment in key.split("/"):
        if segment in {"", ".", ".."}:
            raise BadPath(f"{_shown(path)}: the path holds an empty segment, '.' or '..'")
        if len(segment) > _LONGEST_SEGMENT:
            raise BadPath(f"{_shown(path)}: a segment of the path is longer than {_LONGEST_SEGMENT} characters")


def _shown(path: str) -> str:
    return ascii(path if len(path) <= 200 else path[:200] + "...")
