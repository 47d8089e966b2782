"""Runs the commands of clonerefs safely: own session, bounded output and time, and a git that only does what is asked.

git sees no configuration but the one given here: no hooks, an allow list of protocols, objects checked as they arrive
(except for old blemishes that many public repositories carry and that harm nobody), no prompts. Tokens are given through the
environment, never on a command line.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec

from prow.lib.clock import Clock
from prow.podutils.clone_rules import Step

_KEPT = (
    "PATH", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
    "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
)  # fmt: skip
_HARMLESS = ("badTimezone", "missingSpaceBeforeDate", "missingEmail", "zeroPaddedFilemode", "missingSpaceBeforeEmail",
             "badDate", "badEmail", "missingNameBeforeEmail", "duplicateEntries", "largePathname")  # fmt: skip
_CONFIG: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("protocol.allow", "never"),
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    ("protocol.ssh.allow", "always"),
    ("protocol.git.allow", "always"),
    ("fetch.fsckObjects", "true"),
    *((f"fetch.fsck.{name}", "ignore") for name in _HARMLESS),
    ("init.defaultBranch", "master"),
    ("advice.detachedHead", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("credential.helper", ""),
)
_HALF_OUTPUT = 256 << 10
_READ = 64 << 10
_TOKEN_SHOWN = b"CENSORED"
_PUBLIC = frozenset({"", "x-oauth-basic", "x-access-token"})


class Result(msgspec.Struct, frozen=True):
    """`error`: empty when the command exited with 0, else in Go's words."""

    output: bytes
    error: str = ""


class Runner:
    """Runs steps with one environment; `secrets` never show in an output."""

    def __init__(
        self,
        clock: Clock,
        *,
        environ: Mapping[str, str],
        home: str,
        allow_local: bool = False,
        extra: Mapping[str, str] | None = None,
        timeout: float = 3600.0,
    ) -> None:
        """`home`: a private folder for what git writes beside the clone. `timeout`: seconds for one command."""
        self._clock = clock
        self._timeout = timeout
        self._tokens: list[bytes] = []
        self._config = [*_CONFIG, ("protocol.file.allow", "user" if allow_local else "never")]
        self._environ = {name: environ[name] for name in _KEPT if name in environ}
        self._environ.setdefault("PATH", os.defpath)
        if authorities := self._environ.get("SSL_CERT_FILE"):
            self._environ.setdefault("GIT_SSL_CAINFO", authorities)
        self._environ |= {
            "HOME": home,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.path.join(home, "gitconfig"),  # noqa: PTH118
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "SSH_ASKPASS": "true",
            "LC_ALL": "C",
        }
        self._environ |= dict(extra or {})

    def export(self, variables: Mapping[str, str]) -> None:
        """Add to the environment of every later step."""
        self._environ |= variables

    def authorize(self, uri: str, user: str, password: str) -> None:
        """Send these credentials with every request for `uri`."""
        basic = base64.b64encode(f"{user}:{password}".encode())
        self._tokens += [part.encode() for part in (user, password) if part not in _PUBLIC]
        self._tokens.append(basic)
        self._config.append((f"http.{uri}.extraHeader", f"Authorization: Basic {basic.decode()}"))

    def censored(self, data: bytes) -> bytes:
        for token in self._tokens:
            data = data.replace(token, _TOKEN_SHOWN)
        return data

    async def run(self, step: Step, *, stdin: bytes | None = None) -> Result:
        """One attempt. Cancelling kills the command and everything it started."""
        environ = self._environ | dict(step.env) | _as_environ(self._config)
        with self._clock.busy():
            try:
                process = await asyncio.create_subprocess_exec(
                    *step.argv,
                    cwd=step.cwd,
                    env=environ,
                    stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                return Result(b"", f"{step.argv[0]}: {error.strerror or error}")
            output = _Output()
            try:
                async with self._clock.timeout(self._timeout):
                    await output.drain(process)
                    code = await process.wait()
            except TimeoutError:
                return Result(self.censored(output.data), f"not done after {self._timeout:.0f} seconds")
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    await asyncio.shield(process.wait())
        return Result(self.censored(output.data), _go_error(code))


class _Output:
    """The beginning and the end of what a command wrote; the middle of too much is dropped."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    async def drain(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while piece := await process.stdout.read(_READ):
            room = _HALF_OUTPUT - len(self._head)
            self._head += piece[:room] if room > 0 else b""
            self._tail += piece[room:] if room > 0 else piece
            surplus = len(self._tail) - _HALF_OUTPUT
            if surplus > 0:
                del self._tail[:surplus]
                self._dropped += surplus

    @property
    def data(self) -> bytes:
        middle = f"\n[... {self._dropped} bytes left out ...]\n".encode() if self._dropped else b""
        return bytes(self._head) + middle + bytes(self._tail)


def _as_environ(config: Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = list(config)
    environ = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        environ[f"GIT_CONFIG_KEY_{number}"] = key
        environ[f"GIT_CONFIG_VALUE_{number}"] = value
    return environ


def _go_error(code: int) -> str:
    if code == 0:
        return ""
    return f"exit status {code}" if code > 0 else f"signal: {signal.Signals(-code).name}"
