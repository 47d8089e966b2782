"""Runs the git program: no shell, a session of its own, bounded output and time, an environment made by `safety`.

A process that exceeds its time or output, or whose caller is cancelled, is killed with everything it started.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from prow.git import safety
from prow.git.errors import Broken, GitFailed, NoAccess, NoSuchRef, TooLarge
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, UsageError

MINIMUM = (2, 38)
_READ = 1 << 16
_STDERR_KEPT = 1 << 16
_LARGEST_FILE = 16 << 30
_SHOWN = 500

_DAMAGE = re.compile(
    r"not a git repository|is corrupt|object file \S+ is empty|bad (?:tree|object|config)|unable to read tree|"
    r"does not point to a valid object|packfile .* (?:cannot be accessed|is truncated|claims)|garbage at end|"
    r"inflate: data stream error|invalid sha1 pointer|missing (?:blob|tree|commit) object|"
    r"file .*\.pack is (?:far )?too short|packfile .* (?:does not match index|is not a GIT packfile)|unable to unpack|"
    r"unable to normalize alternate|repository format version",
    re.IGNORECASE | re.ASCII,
)
_ABSENT = re.compile(
    r"couldn't find remote ref|not our ref|no such remote ref|unadvertised object|did not send all necessary objects|"
    r"does not appear to be a valid object name|Not a valid object name|invalid object name|unknown revision|"
    r"bad revision|not a valid commit name",
    re.IGNORECASE | re.ASCII,
)
_CLOSED = re.compile(
    r"Authentication failed|could not read Username|terminal prompts disabled|Repository not found|"
    r"returned error: (?:401|403|404)|repository '[^']*' not found|does not appear to be a git repository|"
    r"transport '[^']*' not allowed|Permission denied \(publickey",
    re.IGNORECASE | re.ASCII,
)


class Output(msgspec.Struct, frozen=True):
    """`code`: the exit status. `error`: the end of the error text, censored, in one line."""

    code: int
    data: bytes
    error: str


class Git:
    """The git program of this machine. Make it with `open`."""

    def __init__(self, clock: Clock, *, program: str, home: Path, environ: Mapping[str, str]) -> None:
        self._clock = clock
        self._program = program
        self._home = home
        self._environ = dict(environ)

    @classmethod
    async def open(
        cls, clock: Clock, *, home: Path, program: str = "git", environ: Mapping[str, str] | None = None
    ) -> Git:
        """`home`: an existing folder of ours. Raises UsageError when git is missing or too old."""
        git = cls(clock, program=program, home=home, environ=os.environ if environ is None else environ)
        wanted = ".".join(map(str, MINIMUM))
        try:
            output = await git.run(["version"], timeout=20)
        except GitFailed as error:
            raise UsageError(f"git {wanted} or newer is needed: {error}; install it") from None
        text = output.data.decode("utf-8", "replace").strip()
        version = parse_version(text)
        if output.code or version is None or version < MINIMUM:
            raise UsageError(
                f"git {wanted} or newer is needed; {program} is {text or output.error!r}: install a newer one"
            )
        return git

    async def run(
        self,
        args: Sequence[str],
        *,
        git_dir: Path | None = None,
        remote: str = "",
        token: str = "",
        settings: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float = 60.0,
        max_output: int = 64 << 20,
    ) -> Output:
        """Run `git args`. Raises GitFailed after `timeout` seconds or when git cannot start, TooLarge over `max_output` bytes."""
        where = [f"--git-dir={git_dir}"] if git_dir is not None else []
        config = safety.config(remote, token) | dict(settings or {})
        with self._clock.busy():
            try:
                process = await asyncio.create_subprocess_exec(
                    self._program,
                    "--no-pager",
                    *where,
                    *args,
                    cwd=self._home,
                    env=safety.environment(self._environ, str(self._home), config),
                    stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise GitFailed(
                    f"{self._program} cannot be started: {getattr(error, 'strerror', None) or error}"
                ) from None
            try:
                _bound_files(process.pid)
                async with self._clock.timeout(timeout):
                    data, errors = await _exchange(process, stdin, max_output)
            except TimeoutError:
                raise GitFailed(f"git {args[0]} was not done after {timeout:.0f} seconds") from None
            except _Overflow:
                raise TooLarge(f"git {args[0]} wrote more than {max_output} bytes") from None
            finally:
                await _end(process)
        text = safety.censored(errors.decode("utf-8", "replace"), token)
        assert process.returncode is not None
        return Output(process.returncode, data, _one_line(text))


def failure(what: str, output: Output) -> ProwError:
    """The error that an unexpected exit means."""
    said = f"{what}: {output.error or f'git ended with {output.code}'}"
    if _ABSENT.search(output.error):
        return NoSuchRef(said)
    if _CLOSED.search(output.error):
        return NoAccess(said)
    if _DAMAGE.search(output.error):
        return Broken(said)
    return GitFailed(said)


def parse_version(text: str) -> tuple[int, int] | None:
    """`git version 2.39.5 (Apple Git-154)` → (2, 39)."""
    found = re.match(r"git version (\d+)\.(\d+)", text, re.ASCII)
    return (int(found[1]), int(found[2])) if found else None


class _Overflow(Exception):
    pass


async def _exchange(process: asyncio.subprocess.Process, stdin: bytes, max_output: int) -> tuple[bytes, bytes]:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_feed(process.stdin, stdin))
            errors = group.create_task(_tail(process.stderr))
            data = group.create_task(_all(process.stdout, max_output))
            group.create_task(process.wait())
    except* _Overflow:
        raise _Overflow from None
    return data.result(), errors.result()


async def _feed(pipe: asyncio.StreamWriter | None, data: bytes) -> None:
    if pipe is None:
        return
    with suppress(OSError, RuntimeError):  # git may end before it has read everything
        pipe.write(data)
        await pipe.drain()
        pipe.close()
        await pipe.wait_closed()


async def _all(pipe: asyncio.StreamReader | None, limit: int) -> bytes:
    assert pipe is not None
    data = bytearray()
    while piece := await pipe.read(_READ):
        data += piece
        if len(data) > limit:
            raise _Overflow
    return bytes(data)


async def _tail(pipe: asyncio.StreamReader | None) -> bytes:
    assert pipe is not None
    data = bytearray()
    while piece := await pipe.read(_READ):
        data += piece
        del data[:-_STDERR_KEPT]
    return bytes(data)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave nothing behind: helpers of git live in its session."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
    transport = process._transport  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio closes pipes only so
    transport.close()


def _bound_files(pid: int) -> None:
    """No file that git writes may exceed the bound."""
    if hasattr(resource, "prlimit"):
        with suppress(OSError, ValueError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))


def _one_line(text: str) -> str:
    """The end of what git said; progress and hints left out."""
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines()]
    told = [line for line in lines if line and not line.startswith(("hint:", "warning:", "Warning:"))]
    joined = "; ".join(told)
    return joined if len(joined) <= _SHOWN else "…" + joined[-_SHOWN:]
