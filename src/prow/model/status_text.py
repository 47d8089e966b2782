"""Descriptions of commit statuses that programs read back: for which base a result holds (`spec/tide` §2.6). Pure.

A public contract: crier and the override plugin write these marks, tide and other bots read them.
"""

from __future__ import annotations

LONGEST = 140
"""Bytes that GitHub keeps of a description."""
BASE_SHA_MARK = " BaseSHA:"
SKIP_RETEST = "[prow:skip-retest]"
"""The result holds for every base."""

_OLD_BASE_SHA_MARK = " Basesha:"
_PADDING = "\u2001"
_CUT = b" ... "
_SHA_LENGTH = 40


def description(text: str, base_sha: str) -> str:
    """`text` with the base commit behind it, pushed out of sight by wide spaces; at most 140 bytes. Tide reads it back."""
    if not base_sha:
        return _truncated(text, LONGEST).decode("utf-8", "replace")
    suffix = f"{BASE_SHA_MARK}{base_sha}"
    room = LONGEST - len(text.encode()) - len(suffix.encode())
    # Four bytes of room for each space of three bytes: what is counted grows while it is filled.
    padded = _PADDING * max(-(-room // 4), 0) + suffix
    end = padded.encode()
    return (_truncated(text, LONGEST - len(end)) + end).decode("utf-8", "replace")


def base_sha_of(text: str) -> str:
    """The base commit that a description carries, empty when it carries none."""
    for mark in (BASE_SHA_MARK, _OLD_BASE_SHA_MARK):
        parts = text.split(mark)
        if len(parts) == 2 and len(parts[1].encode()) == _SHA_LENGTH:
            return parts[1]
    return ""


def _truncated(text: str, longest: int) -> bytes:
    """The first and the last bytes around a cut."""
    data = text.encode("utf-8", "replace")
    if len(data) <= longest:
        return data
    half = max((longest - len(_CUT)) // 2, 0)
    return data[:half] + _CUT + data[len(data) - half :]
