"""Where refs are: in a mirror, and at its server now. Both without a process.

A branch that is looked at again mostly has not moved. So before a fetch the server is asked for the refs in question (`ls-refs` of git's
protocol 2, one small request). What it says only spares a fetch: whenever it says anything else, or nothing, git fetches and finds out why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx2

from prow.git import safety
from prow.git.errors import Broken
from prow.lib.clock import Clock
from prow.lib.http_client import http_client

QUIET_SECONDS = 60.0
_LARGEST = 1 << 20
_SECONDS = 20.0
_MOST = 50
_SHA = re.compile(rb"[0-9a-f]{40}")
_HEADERS = {
    "Content-Type": "application/x-git-upload-pack-request",
    "Accept": "application/x-git-upload-pack-result",
    "Git-Protocol": "version=2",
    "User-Agent": "git/prow",
}


def stored(folder: Path, ref: str) -> str | None:
    """The object that a full ref name (`safety.ref`) stands for in a repository on this disk. Raises Broken."""
    found: bytes | None
    try:
        found = (folder / ref).read_bytes().strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        found = _packed(folder, ref.encode())
    except OSError as error:
        raise Broken(f"{folder.name}: {ref} cannot be read: {error.strerror}") from None
    if found is None:
        return None
    if not _SHA.fullmatch(found):
        raise Broken(f"{folder.name}: {ref} names no object")
    return found.decode()


def _packed(folder: Path, ref: bytes) -> bytes | None:
    try:
        data = (folder / "packed-refs").read_bytes()
    except OSError:
        return None
    return next((line.split(b" ")[0] for line in data.splitlines() if line.endswith(b" " + ref)), None)


def excludes(wanted: str, other: str) -> bool:
    """Whether a ref cannot be beside a wanted one, as `a` beside `a/b`. Of a wanted pattern: whatever it may bring. Pure."""
    start, star, _ = wanted.partition("*")
    if star:
        return other.startswith(start)
    return wanted.startswith(f"{other}/") or other.startswith(f"{wanted}/")


class RemoteRefs:
    """Asks servers where refs are. One that does not answer as it should is left alone for a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._http: httpx2.AsyncClient | None = None
        self._silent: dict[str, float] = {}

    async def tips(self, remote: str, refs: Sequence[str], *, token: str) -> dict[str, str]:
        """The objects of those refs (full names) that are there; none of which nothing could be learnt. Never raises."""
        if not refs or len(refs) > _MOST or not remote.startswith(("https://", "http://")):
            return {}
        if self._clock.monotonic() < self._silent.get(remote, float("-inf")):
            return {}
        try:
            with self._clock.busy():
                async with self._clock.timeout(_SECONDS):
                    answer = await self._ask(remote, question(refs), token)
            found = read_answer(answer)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
            self._silent[remote] = self._clock.monotonic() + QUIET_SECONDS
            return {}
        self._silent.pop(remote, None)
        return {ref: found[ref] for ref in refs if ref in found}

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _ask(self, remote: str, question: bytes, token: str) -> bytes:
        if self._http is None:
            self._http = http_client(trust_env=True, timeout=None)  # the clock's deadline stands around it
        headers = dict(_HEADERS)
        if secret := safety.secret_header(remote, token):
            name, _, value = secret[1].partition(": ")
            headers[name] = value
        async with self._http.stream(
            "POST", f"{remote}/git-upload-pack", headers=headers, content=question
        ) as response:
            response.raise_for_status()
            data = bytearray()
            async for piece in response.aiter_bytes():
                data += piece
                if len(data) > _LARGEST:
                    raise ValueError("too many refs")
        return bytes(data)


def question(refs: Iterable[str]) -> bytes:
    """`ls-refs` for these refs. Pure."""
    lines = b"".join(_line(f"ref-prefix {ref}\n".encode()) for ref in refs)
    return _line(b"command=ls-refs\n") + b"0001" + lines + b"0000"


def read_answer(data: bytes) -> dict[str, str]:
    """Objects by ref. Raises ValueError for anything but a whole list. Pure."""
    found: dict[str, str] = {}
    place = 0
    while True:
        size = int(data[place : place + 4].decode("ascii"), 16)
        if size == 0:
            break
        line = data[place + 4 : place + size]
        if size < 5 or len(line) < size - 4:
            raise ValueError("a list of refs that is cut short")
        words = line.rstrip(b"\n").split(b" ")
        if len(words) < 2 or not _SHA.fullmatch(words[0]):
            raise ValueError("no list of refs")
        found[words[1].decode("utf-8", "replace")] = words[0].decode()
        place += size
    if place + 4 != len(data):
        raise ValueError("more than a list of refs")
    return found


def _line(data: bytes) -> bytes:
    return b"%04x" % (len(data) + 4) + data
