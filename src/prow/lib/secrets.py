"""Secret files: read at start, trimmed, re-read when they change, and never seen in a log.

Every value that was ever loaded, plain and in base64, is given to the log censor (`spec/deployment` §2.8).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from prow.lib import logs, open_work
from prow.lib.clock import Clock
from prow.lib.errors import UsageError

_POLL_SECONDS = 1.0
_REREAD_POLLS = 600
_LONGEST = 1 << 20
_log = logs.get("secrets")


class Secret:
    """One secret file. `value` is the newest content that could be read, without surrounding white space."""

    def __init__(self, path: Path, value: bytes, look: Callable[[Secret], None] = lambda _: None) -> None:
        self.path = path
        self.value = value
        self._look = look

    async def reread(self) -> None:
        """Look at the file now: what it was is refused, so it may have changed."""
        await open_work.in_thread(self._look, self)

    def __repr__(self) -> str:
        return f"Secret({self.path})"

    @property
    def text(self) -> str:
        return self.value.decode("utf-8", "replace")


class Secrets:
    """All secrets of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._secrets: dict[Path, Secret] = {}
        self._seen: dict[Path, tuple[int, int]] = {}
        self._values: set[bytes] = set()

    def load(self, path: str | Path, *, flag: str = "") -> Secret:
        """Read the file now. `flag` names the option in the error's text."""
        path = Path(path)
        if path in self._secrets:
            return self._secrets[path]
        where = f"{flag} " if flag else ""
        try:
            value, seen = _read(path)
        except OSError as error:
            raise UsageError(f"{where}{path}: cannot read this secret: {error.strerror or error}") from error
        if not value:
            raise UsageError(f"{where}{path}: this file is empty; put the secret into it")
        secret = Secret(path, value, self._read_again)
        self._secrets[path] = secret
        self._seen[path] = seen
        self._register(value)
        return secret

    def values(self) -> tuple[bytes, ...]:
        """Everything that has to be censored, longest first."""
        return tuple(sorted(self._values, key=len, reverse=True))

    def register(self, value: bytes) -> None:
        """Censor a secret that did not come from a file, e.g. a token made by this program."""
        self._register(value.strip())

    def forget(self, value: bytes) -> None:
        """A registered secret is worth nothing any more."""
        forms = _forms(value.strip())
        self._values -= forms
        logs.uncensor(*forms)

    async def watch(self) -> None:
        """Re-read changed files, for ever. A file that cannot be read, or that is empty, keeps its last value."""
        polls = 0
        while True:
            await self._clock.sleep(_POLL_SECONDS)
            polls += 1
            await open_work.in_thread(self._poll, force=polls % _REREAD_POLLS == 0)

    def _poll(self, *, force: bool) -> None:
        for path, secret in self._secrets.items():
            try:
                stat = path.stat()
                if not force and (stat.st_mtime_ns, stat.st_ino) == self._seen[path]:
                    continue
            except OSError as error:
                _unreadable(path, error)
                continue
            self._read_again(secret)

    def _read_again(self, secret: Secret) -> None:
        try:
            value, self._seen[secret.path] = _read(secret.path)
        except OSError as error:
            _unreadable(secret.path, error)
            return
        if not value:
            _log.warning("A secret file became empty; its last value stays in force.", path=str(secret.path))
        elif value != secret.value:
            self._register(value)
            secret.value = value
            _log.info("A secret file changed; the new value is in force.", path=str(secret.path))

    def _register(self, value: bytes) -> None:
        if not value:
            return
        forms = _forms(value)
        self._values |= forms
        logs.censor(*forms)


def _forms(value: bytes) -> set[bytes]:
    return {value, base64.b64encode(value)}


def _unreadable(path: Path, error: OSError) -> None:
    _log.warning("A secret file cannot be read; its last value stays in force.", path=str(path), error=str(error))


def _read(path: Path) -> tuple[bytes, tuple[int, int]]:
    with path.open("rb") as file:
        stat = path.stat()
        return file.read(_LONGEST).strip(), (stat.st_mtime_ns, stat.st_ino)
