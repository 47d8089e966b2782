"""Runs the git program: no shell, a session of its own, bounded output and time, an environment made by `safety`.

A process that exceeds its time or output, or whose caller is cancelled, is killed with everything it started. A token reaches git
as a file that exists in memory alone and that only git and its children have open: it is in no argument, environment or folder. Where the
system has no such files it is in git's environment.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from prow.git import metrics, safety
from prow.git.errors import GitFailed, TookTooLong, TooLarge
from prow.git.failures import Output, one_line, parse_version
from prow.lib.clock import Clock
from prow.lib.errors import UsageError

MINIMUM = (2, 38)
_READ = 1 << 16
_STDERR_KEPT = 1 << 16
LARGEST_FILE = 16 << 30
MOST_MEMORY = 4 << 30
MEMORY_FILES = hasattr(os, "memfd_create")
"""Only Linux has them."""


class Git:
    """The git program of this machine. Make it with `open`.

    `largest_file`: bytes of any file that git may write. `most_memory`: bytes that one process of it may fill.
    `memory_files`: whether tokens are given in such files.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        program: str,
        home: Path,
        environ: Mapping[str, str],
        largest_file: int = LARGEST_FILE,
        most_memory: int = MOST_MEMORY,
        memory_files: bool = MEMORY_FILES,
    ) -> None:
        self._clock = clock
        self._program = program
        self._home = home
        self._environ = dict(environ)
        self._largest_file = largest_file
        self._most_memory = most_memory
        self._memory_files = memory_files

    @classmethod
    async def open(
        cls,
        clock: Clock,
        *,
        home: Path,
        program: str = "git",
        environ: Mapping[str, str] | None = None,
        largest_file: int = LARGEST_FILE,
        most_memory: int = MOST_MEMORY,
        memory_files: bool = MEMORY_FILES,
    ) -> Git:
        """`home`: an existing folder of ours. Raises UsageError when git is missing or too old."""
        environ = os.environ if environ is None else environ
        git = cls(
            clock,
            program=program,
            home=home,
            environ=environ,
            largest_file=largest_file,
            most_memory=most_memory,
            memory_files=memory_files,
        )
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
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float = 60.0,
        max_output: int = 64 << 20,
    ) -> Output:
        """Run `git args`. Raises TookTooLong after `timeout` seconds, GitFailed when git cannot start, TooLarge over `max_output` bytes."""
        with self._clock.busy(), self._told(safety.secret_header(remote, token)) as (secret, descriptors):
            process = await self._started(
                args,
                git_dir=git_dir,
                settings=safety.config(remote) | dict(settings or {}),
                env={**(env or {}), **secret},
                descriptors=descriptors,
                piped=bool(stdin),
            )
            try:
                async with self._clock.timeout(timeout):
                    data, errors = await _exchange(process, stdin, max_output)
            except TimeoutError:
                raise TookTooLong(f"git {_command(args)} was not done after {timeout:.0f} seconds") from None
            except _Overflow:
                raise TooLarge(f"git {_command(args)} wrote more than {max_output} bytes") from None
            finally:
                await end(process)
        text = safety.censored(errors.decode("utf-8", "replace"), token)
        assert process.returncode is not None
        return Output(process.returncode, data, one_line(text))

    async def start(self, args: Sequence[str], *, git_dir: Path) -> asyncio.subprocess.Process:
        """Start a git that answers again and again; the caller feeds it, reads it and ends it. It knows no remote and no token."""
        return await self._started(
            args, git_dir=git_dir, settings=safety.config(""), env={}, descriptors=(), piped=True
        )

    def _told(self, header: tuple[str, str] | None) -> AbstractContextManager[tuple[Mapping[str, str], Sequence[int]]]:
        """Environment and open files with which git sends this header."""
        if header is None:
            return nullcontext(({}, ()))
        server, value = header
        if self._memory_files:
            return _in_memory(server, value)
        return nullcontext(({"GIT_CONFIG_PARAMETERS": f"'http.{server}.extraheader={value}'"}, ()))

    async def _started(
        self,
        args: Sequence[str],
        *,
        git_dir: Path | None,
        settings: Mapping[str, str],
        env: Mapping[str, str],
        descriptors: Sequence[int],
        piped: bool,
    ) -> asyncio.subprocess.Process:
        where = [f"--git-dir={git_dir}"] if git_dir is not None else []
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                "--no-pager",
                *where,
                *args,
                cwd=self._home,
                env=safety.environment(self._environ, str(self._home), settings) | dict(env),
                stdin=asyncio.subprocess.PIPE if piped else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                pass_fds=descriptors,
            )
        except (OSError, ValueError) as error:
            raise GitFailed(f"{self._program} cannot be started: {getattr(error, 'strerror', None) or error}") from None
        metrics.PROCESSES.labels(_command(args)).inc()
        _bound(process.pid, self._largest_file, self._most_memory)
        return process


@contextmanager
def _in_memory(server: str, value: str) -> Iterator[tuple[Mapping[str, str], Sequence[int]]]:
    """What makes git send a header: the environment that names its one config file, and that file, which has no name elsewhere."""
    descriptor = os.memfd_create("git-config", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f'[http "{server}"]\n\textraHeader = "{value}"\n'.encode())
        yield {"GIT_CONFIG_GLOBAL": f"/proc/self/fd/{descriptor}"}, (descriptor,)
    finally:
        os.close(descriptor)


def _command(args: Sequence[str]) -> str:
    """Settings (`-c name=value`) stand before it."""
    return args[2] if args[0] == "-c" else args[0]


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


async def end(process: asyncio.subprocess.Process) -> None:
    """Leave nothing behind: helpers of git live in its session."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
    transport = process._transport  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio closes pipes only so
    transport.close()


def _bound(pid: int, largest_file: int, most_memory: int) -> None:
    """What git and its helpers may fill. No image of a process that knows a token is left on the disk."""
    bounds = {
        resource.RLIMIT_FSIZE: largest_file,
        resource.RLIMIT_DATA: most_memory,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in bounds.items():
        with suppress(OSError, ValueError, AttributeError):
            resource.prlimit(pid, kind, (most, most))
