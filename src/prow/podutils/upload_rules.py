"""What an uploaded file is called and of what type it is (`spec/prowjobs-and-pods` §5.5). Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from prow.storage import content

_GZIPPED = frozenset({"gz", "gzip"})
COMPRESSED_FROM = 1025
"""Bytes from which compressing pays."""


class Naming(msgspec.Struct, frozen=True):
    """The object's name, type and encoding."""

    name: str
    content_type: str = ""
    content_encoding: str = ""


def named(path: str, media_types: Mapping[str, str]) -> Naming:
    """Name and type of an item: a `gz` suffix becomes the encoding when the type before it is known."""
    folder, slash, base = path.rpartition("/")
    stem, dot, extension = base.rpartition(".")
    if dot and stem and extension in _GZIPPED:
        kind = media_type(stem, media_types)
        name = f"{folder}{slash}{stem}"
        return Naming(name, kind, "gzip") if kind else Naming(name, content.GZIP)
    return Naming(path, media_type(base, media_types))


def media_type(name: str, media_types: Mapping[str, str]) -> str:
    """By the extension; the configuration's table first."""
    _, dot, extension = name.rpartition("/")[2].rpartition(".")
    if not dot:
        return ""
    return media_types.get(extension) or content.by_extension(extension)


def compresses(path: str, types: tuple[str, ...]) -> bool:
    """Whether an object of this name is to be compressed on its way."""
    _, dot, extension = path.rpartition("/")[2].rpartition(".")
    extension = extension if dot else ""
    return extension not in _GZIPPED and ("*" in types or (bool(extension) and extension in types))


def escaped(name: str, *, in_folder: bool) -> str:
    """A file's name as it can stand in a key: control characters and broken Unicode as `__0x<hex>__`, `#` as `%23`."""
    if in_folder:
        name = name.replace("#", "%23")
    if name.isprintable():
        return name
    return "".join(
        f"__0x{ord(character):x}__" if ord(character) < 0x20 or _unfit(character) else character for character in name
    )


def _unfit(character: str) -> bool:
    return character == "\x7f" or "\ud800" <= character <= "\udfff"
