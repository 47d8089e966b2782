"""A folder of results that are named by what they were made of, for processes that start often (`checkconfig`, `up`).

Every entry is one file, mode 0600, written aside and renamed, so that concurrent writers do not meet. Its name holds the
key and the version of the code that wrote it; its first bytes prove that it is whole. A damaged entry is removed, one of
another user is not looked at. Nothing in it is executed: entries are msgpack, decoded into known types. The least used go when
the folder grows too large. A cache that cannot be written is no error: the work is done again next time.

`--config-cache-dir` says where it is (`off`: nowhere), or `PROW_CONFIG_CACHE_DIR`; without them, below the user's cache folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import cache as once
from pathlib import Path

import msgspec

ENVIRONMENT = "PROW_CONFIG_CACHE_DIR"
# Below this a load takes less than the cache is worth.
WORTH_BYTES = 256 * 1024
MAX_BYTES = 512 * 1024 * 1024
MAX_ENTRIES = 64
MAX_ENTRY = 256 * 1024 * 1024
_MAGIC = b"prow-config-1\n"
_SUFFIX = ".cache"
_DIGEST = 32


class Cache:
    """The entries of one folder. `version`: of the code; entries of other code are not found and age out. `worth_bytes`: texts
    that are smaller together are not worth an entry."""

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        version: str = "",
        max_bytes: int = MAX_BYTES,
        worth_bytes: int = WORTH_BYTES,
    ) -> None:
        self.folder = Path(folder)
        self.worth_bytes = worth_bytes
        self._version = version
        self._max_bytes = max_bytes

    def get(self, *key: str) -> memoryview | None:
        """The entry, or None when there is none that can be trusted."""
        file = self._file(key)
        try:
            with file.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_uid != os.geteuid() or status.st_mode & 0o022 or status.st_size > MAX_ENTRY:
                    return None
                content = memoryview(stream.read())
        except OSError:
            return None
        head = len(_MAGIC) + _DIGEST
        body = content[head:]
        if content[:head] != _MAGIC + hashlib.sha256(body).digest():
            self._remove(file)
            return None
        with contextlib.suppress(OSError):
            os.utime(file)
        return body

    def put(self, body: bytes, *key: str) -> None:
        """Keep an entry, if that can be done."""
        if len(body) > min(MAX_ENTRY, self._max_bytes) - len(_MAGIC) - _DIGEST:
            return
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder, suffix=".new")  # mode 0600
        except OSError:
            return
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(_MAGIC + hashlib.sha256(body).digest())
                stream.write(body)
            Path(name).replace(self._file(key))
        except OSError:
            self._remove(Path(name))
        self._trim()

    def drop(self, *key: str) -> None:
        """Forget an entry that turned out to be of no use."""
        self._remove(self._file(key))

    def _file(self, key: tuple[str, ...]) -> Path:
        digest = hashlib.sha256("\0".join([self._version or code_version(), *key]).encode()).hexdigest()
        return self.folder / (digest[:40] + _SUFFIX)

    def _trim(self) -> None:
        entries: list[tuple[float, int, Path]] = []
        with contextlib.suppress(OSError):
            for file in self.folder.iterdir():
                if file.suffix in {_SUFFIX, ".new"}:
                    status = file.stat()
                    entries.append((status.st_mtime, status.st_size, file))
        total = 0
        for index, (_, size, file) in enumerate(sorted(entries, reverse=True)):
            total += size
            if index >= MAX_ENTRIES or total > self._max_bytes:
                self._remove(file)

    @staticmethod
    def _remove(file: Path) -> None:
        with contextlib.suppress(OSError):
            file.unlink()


def usual(folder: str = "", *, environment: Mapping[str, str] = os.environ) -> Cache | None:
    """The cache that is chosen, else the one that the environment names, else the user's; None when it is switched off or has no
    place."""
    chosen = folder or environment.get(ENVIRONMENT)
    if chosen is not None:
        return None if chosen in {"", "off"} else Cache(chosen)
    home = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(home):  # noqa: PTH117 - text, and the XDG rule about it
        user = environment.get("HOME", "")
        if not os.path.isabs(user) or user == "/":  # noqa: PTH117
            return None
        home = os.path.join(user, ".cache")  # noqa: PTH118
    return Cache(Path(home) / "prow" / "config")


@once
def code_version() -> str:
    """Names the code that reads configuration: every source file of the packages it is made of."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256(f"{sys.version_info[:2]} msgspec {msgspec.__version__}".encode())
    for room in ("config", "model", "lib"):
        for file in sorted((package / room).glob("*.py")):
            content = file.read_bytes()
            digest.update(f"\0{room}/{file.name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
