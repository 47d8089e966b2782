"""Replaces secrets in bytes by as many `X`s, so that sizes never change (`spec/prowjobs-and-pods` §5.4).

Each secret is looked for as it is, trimmed, and in base64. A chunk is first asked as a whole whether it may hold any of them
(one pass whatever their number); only then each is located, in the original bytes, so that overlapping secrets are all
covered. `Stream` keeps the last bytes of each piece back, so a secret across two pieces is caught, too.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

_MARK = b"X"
_SAMPLE = 24
_FEW = 4


def forms(raw: bytes, *, minimum: int = 0) -> frozenset[bytes]:
    """What to look for, given one secret as it was read; nothing for what is no secret (empty, a boolean, too short)."""
    trimmed = raw.strip()
    if not trimmed or len(trimmed) < minimum or trimmed.lower() in {b"true", b"false"}:
        return frozenset()
    return frozenset({trimmed, base64.b64encode(raw), base64.b64encode(trimmed)})


class Censor:
    """Knows the secrets. May be used from several threads."""

    def __init__(self, values: Iterable[bytes]) -> None:
        """`values`: exactly what to replace (see `forms`)."""
        self._values = tuple(sorted({value for value in values if value}, key=len, reverse=True))
        self.longest = len(self._values[0]) if self._values else 0
        self._suspects = _detector(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def suspects(self, data: bytes) -> bool:
        """Whether `data` may hold a secret; False is certain."""
        return self._suspects(data)

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Where secrets are, with overlaps."""
        if not self._suspects(data):
            return []
        found = []
        for value in self._values:
            at = data.find(value)
            while at >= 0:
                found.append((at, at + len(value)))
                at = data.find(value, at + 1)
        return found

    def censored(self, data: bytes) -> bytes:
        """`data` without secrets, of the same length; the same object when there was none."""
        spans = self.spans(data)
        return bytes(_masked(bytearray(data), spans)) if spans else data


class Stream:
    """Censors a stream piece by piece; `found` tells whether anything was replaced."""

    def __init__(self, censor: Censor) -> None:
        self._censor = censor
        self._keep = max(censor.longest - 1, 0)
        self._original = b""
        self._masked = b""
        self.found = False

    def feed(self, piece: bytes) -> bytes:
        """What is certain after this piece."""
        original = self._original + piece
        masked = self._masked + piece
        spans = self._censor.spans(original)
        if spans:
            self.found = True
            masked = bytes(_masked(bytearray(masked), spans))
        cut = max(len(original) - self._keep, 0)
        self._original, self._masked = original[cut:], masked[cut:]
        return masked[:cut]

    def finish(self) -> bytes:
        """The rest."""
        rest, self._original, self._masked = self._masked, b"", b""
        return rest


def _masked(data: bytearray, spans: Iterable[tuple[int, int]]) -> bytearray:
    for start, end in spans:
        data[start:end] = _MARK * (end - start)
    return data


def _detector(values: tuple[bytes, ...]) -> Callable[[bytes], bool]:
    if len(values) <= _FEW:
        return lambda data: any(value in data for value in values)
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - not every pod has secrets

    options: Any = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    options.log_errors = False
    options.max_mem = 64 << 20
    # A sample from the middle of each is enough to suspect it, and keeps the automaton small for long keys.
    samples = {value[middle : middle + _SAMPLE] for value in values for middle in (max(len(value) - _SAMPLE, 0) // 2,)}
    try:
        pattern = re2.compile(b"|".join(re2.escape(sample) for sample in sorted(samples)), options)
    except re2.error:
        return lambda data: any(value in data for value in values)
    return lambda data: pattern.search(data) is not None
