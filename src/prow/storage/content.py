"""What kind of content it is: by the name's extension, or by the first 512 bytes (`spec/prowjobs-and-pods` §5.5, §6.4)."""

from __future__ import annotations

import mimetypes

SNIFFED = 512
TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"
GZIP = "application/gzip"

_GZIP_MAGIC = b"\x1f\x8b\x08"

_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xfe\xff", "text/plain; charset=utf-16be"),
    (b"\xff\xfe", "text/plain; charset=utf-16le"),
    (b"\xef\xbb\xbf", TEXT),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"OggS\x00", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1a\x07", "application/x-rar-compressed"),
    (_GZIP_MAGIC, "application/x-gzip"),
    (b"\x00asm", "application/wasm"),
)
_HTML = (
    b"<!doctype html", b"<html", b"<head", b"<script", b"<iframe", b"<h1", b"<div", b"<font", b"<table", b"<a", b"<style",
    b"<title", b"<b", b"<body", b"<br", b"<p", b"<!--",
)  # fmt: skip
_WHITE = b"\t\n\x0c\r "
_BINARY_BYTES = frozenset([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])

# Go's own table; what it has not is asked of the system's table, as Go asks /etc/mime.types.
_BY_EXTENSION = {
    "avif": "image/avif",
    "css": "text/css; charset=utf-8",
    "gif": "image/gif",
    "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "log": TEXT,
    "mjs": "text/javascript; charset=utf-8",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": TEXT,
    "wasm": "application/wasm",
    "webp": "image/webp",
    "xml": "text/xml; charset=utf-8",
}


def sniff(head: bytes) -> str:
    """The media type of content that begins with `head` (up to 512 bytes are looked at), as browsers sniff it."""
    head = head[:SNIFFED]
    trimmed = head.lstrip(_WHITE)
    lower = trimmed.lower()
    for tag in _HTML:
        if lower.startswith(tag) and lower[len(tag) : len(tag) + 1] in {b" ", b">"}:
            return "text/html; charset=utf-8"
    if trimmed.startswith(b"<?xml"):
        return "text/xml; charset=utf-8"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"RIFF") and head[8:14] == b"WEBPVP":
        return "image/webp"
    return BINARY if any(byte in _BINARY_BYTES for byte in head) else TEXT


def is_gzip(head: bytes) -> bool:
    return head.startswith(_GZIP_MAGIC)


def by_extension(extension: str) -> str:
    """The media type of names with this extension (without its dot), empty when it is not known."""
    extension = extension.lower()
    if not extension:
        return ""
    found = _BY_EXTENSION.get(extension)
    if found is None:
        found = mimetypes.guess_type(f"x.{extension}", strict=True)[0] or ""
        if found.startswith("text/"):
            found += "; charset=utf-8"
    return found


def of_name(name: str) -> str:
    """The media type that a file's name promises, empty when it promises none."""
    _, dot, extension = name.rpartition("/")[2].rpartition(".")
    return by_extension(extension) if dot else ""
