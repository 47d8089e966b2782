"""A log while it grows, without the secrets in it.

A secret is replaced by `X`s of the same length, so offsets are those of the file. A piece is read with a margin as long as the
longest secret on both sides, so that one across its edge is seen. While the log still grows, bytes at its end that could be
the beginning of a secret are held back until more follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prow.podutils.censor import Censor, forms

_SHORTEST = 4


def patterns(values: Iterable[bytes]) -> tuple[bytes, ...]:
    """What to hide for these secrets: as they are, trimmed, and in base64."""
    return tuple(sorted({form for value in values for form in forms(value, minimum=_SHORTEST)}))


def read(path: Path, *, offset: int, limit: int, secrets: tuple[bytes, ...], growing: bool) -> bytes:
    """At most `limit` bytes from `offset`; empty when there is nothing (yet)."""
    margin = max(map(len, secrets), default=1) - 1
    start = max(0, offset - margin)
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(offset - start + limit + margin)
            at_end = not file.read(1)
    except FileNotFoundError:
        return b""
    end = len(data)
    if growing and at_end:
        end -= _unfinished(data, secrets)
    return Censor(secrets).censored(data)[:end][offset - start : offset - start + limit]


def _unfinished(data: bytes, secrets: tuple[bytes, ...]) -> int:
    """How many bytes at the end could be the beginning of a secret."""
    longest = 0
    for secret in secrets:
        for length in range(min(len(secret) - 1, len(data)), longest, -1):
            if data.endswith(secret[:length]):
                longest = length
                break
    return longest
