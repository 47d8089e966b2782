"""What git means by the way it ended: texts become typed errors here, and nowhere else. Pure."""

from __future__ import annotations

import re

import msgspec

from prow.git.errors import (
    Broken,
    GitFailed,
    InTheWay,
    LeftLocked,
    NoAccess,
    NoSuchRef,
    NoSuchRepository,
    OtherHashes,
    TooLarge,
    UnsafeObjects,
)
from prow.lib.errors import ProwError

_DAMAGE = re.compile(
    r"not a git repository|is corrupt|object file \S+ is empty|bad (?:tree|object|config)|unable to read tree|"
    r"does not point to a valid object|packfile .* (?:cannot be accessed|is truncated|claims)|garbage at end|"
    r"inflate: data stream error|invalid sha1 pointer|missing (?:blob|tree|commit) object|"
    r"file .*\.pack is (?:far )?too short|packfile .* (?:does not match index|is not a GIT packfile)|unable to unpack|"
    r"unable to normalize alternate|repository format version|did not send all necessary objects|"
    r"wrong index|index file .* (?:is too small|corrupt)|has bad entry|could not parse|failed to read object|"
    r"unable to read [0-9a-f]{40}|unable to parse|hash mismatch|cannot read (?:existing )?object|bad object header|"
    r"files '[^']*' and '[^']*' differ in contents|reference broken|missing object [0-9a-f]{40}|unable to get type of object|unable to find [0-9a-f]{40}|object \S+ cannot be read|bad packed object",
    re.IGNORECASE | re.ASCII,
)
_LOCKED = re.compile(r"Unable to create '[^']*\.lock': File exists|cannot lock ref .*File exists", re.ASCII)
_IN_THE_WAY = re.compile(r"to remove any old, conflicting branches|'[^']*' exists; cannot create", re.ASCII)
_ABSENT = re.compile(
    r"couldn't find remote ref|not our ref|no such remote ref|unadvertised object|"
    r"does not appear to be a valid object name|Not a valid object name|invalid object name|unknown revision|"
    r"bad revision|not a valid commit name",
    re.IGNORECASE | re.ASCII,
)
_GONE = re.compile(
    r"Repository not found|returned error: 404|repository '[^']*' not found|does not appear to be a git repository",
    re.IGNORECASE | re.ASCII,
)
_CLOSED = re.compile(
    r"Authentication failed|could not read Username|terminal prompts disabled|returned error: (?:401|403)|"
    r"transport '[^']*' not allowed|Permission denied \(publickey|Write access to repository not granted",
    re.IGNORECASE | re.ASCII,
)
_UNKNOWN = re.compile(
    r"Authentication failed|could not read Username|terminal prompts disabled|returned error: 401",
    re.IGNORECASE | re.ASCII,
)
_UNSAFE = re.compile(r"fsck error|hasDot(?:dot|git)?\b|gitmodules(?:Url|Name|Path|Symlink)|fullPathname", re.ASCII)
_HUGE = re.compile(
    r"died of signal 25|File too large|exceeds maximum allowed size|[Oo]ut of memory|mmap failed: Cannot allocate",
    re.ASCII,
)
_OTHER_HASHES = re.compile(r"mismatched algorithms|unknown object format|does not support algorithm", re.ASCII)
_ORDER: tuple[tuple[re.Pattern[str], type[ProwError]], ...] = (
    (_OTHER_HASHES, OtherHashes),
    (_HUGE, TooLarge),
    (_UNSAFE, UnsafeObjects),
    (_ABSENT, NoSuchRef),
    (_GONE, NoSuchRepository),
    (_CLOSED, NoAccess),
)
_HERE: tuple[tuple[re.Pattern[str], type[ProwError]], ...] = (
    (_LOCKED, LeftLocked),
    (_IN_THE_WAY, InTheWay),
    (_DAMAGE, Broken),
)
"""What git says of this disk. A server may say the same of its own."""
_KEPT = 4_000
_SHOWN = 500


class Output(msgspec.Struct, frozen=True):
    """`code`: the exit status. `error`: the end of the error text, censored, in one line. `told`: as much of it as people read."""

    code: int
    data: bytes
    error: str

    @property
    def told(self) -> str:
        return _end(self.error, _SHOWN)


def failure(what: str, output: Output) -> ProwError:
    """The error that an unexpected exit means."""
    said = f"{what}: {output.told or f'git ended with {output.code}'}"
    own = "; ".join(part for part in output.error.split("; ") if not part.startswith("remote:"))
    for patterns, text in ((_ORDER, output.error), (_HERE, own)):
        for pattern, kind in patterns:
            if pattern.search(text):
                return kind(said)
    return GitFailed(said)


def is_damage(output: Output) -> bool:
    """Whether a git that asked nobody met damage on this disk."""
    return output.code != 0 and _DAMAGE.search(output.error) is not None


def is_unauthorized(output: Output) -> bool:
    """Whether the server does not know the credentials; other ones may do."""
    return output.code != 0 and _UNKNOWN.search(output.error) is not None


def one_line(text: str) -> str:
    """The end of what git said; progress and hints left out."""
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines()]
    told = [line for line in lines if line and not line.startswith(("hint:", "warning:", "Warning:"))]
    return _end("; ".join(told), _KEPT)


def _end(text: str, most: int) -> str:
    return text if len(text) <= most else "…" + text[-most:]


def parse_version(text: str) -> tuple[int, int] | None:
    """`git version 2.39.5 (Apple Git-154)` → (2, 39)."""
    found = re.match(r"git version (\d+)\.(\d+)", text, re.ASCII)
    return (int(found[1]), int(found[2])) if found else None
