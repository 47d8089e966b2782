"""Starting entrypoints and waiting for them, before and after a restart of ours.

An entrypoint gets a lock with its start: this process takes it and hands the descriptor over, so there is no moment at which a
running entrypoint has no lock. It is a session of its own and survives us. While we live we wait on a pidfd of our own child;
after a restart we wait for the lock. To stop it a byte goes into its control FIFO, which this side keeps open, so the byte
waits when the entrypoint does not look yet.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from prow.engines.local.folder import JobFolder, take_lock
from prow.lib.errors import ProwError
from prow.podutils.options import EntrypointOptions

_LOCK_FD = 3


class StillRunning(ProwError):
    """The lock is held: an entrypoint of this run is alive."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One container of a run. `name` is that of its files; `sandbox_name` that of its sandbox, where it has one."""

    name: str
    options: EntrypointOptions
    sandbox_name: str = ""
    relayed: bool = False
    notes: tuple[str, ...] = ()


class Running:
    """A started entrypoint. `wait` once, then `close`."""

    def __init__(self, command: Command, folder: JobFolder, *, pidfd: int | None) -> None:
        self.command = command
        self._lock = folder.lock_file(command.name)
        self._pidfd = pidfd
        self._control = os.open(folder.control_file(command.name), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def stop(self) -> None:
        """End the command as SIGTERM does. Repeating it does no harm."""
        try:
            os.write(self._control, b"T")
        except BlockingIOError:  # the FIFO is full of the same wish
            return

    async def wait(self) -> None:
        """Return when the entrypoint has ended."""
        if self._pidfd is None:
            await _lock_is_free(self._lock)
            return
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        loop.add_reader(self._pidfd, over.set)
        try:
            await over.wait()
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)  # noqa: ASYNC222 - it has ended, nothing waits
        finally:
            loop.remove_reader(self._pidfd)

    def close(self) -> None:
        os.close(self._control)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


def start(program: Path, folder: JobFolder, command: Command, env: Mapping[str, str]) -> Running:
    """Start one entrypoint; `env` is the environment of whatever makes the sandbox. Raises `StillRunning`. May block."""
    lock = take_lock(folder.lock_file(command.name))
    if lock is None:
        raise StillRunning(f"{folder.path}: the entrypoint of {command.name} is still running")
    try:
        control = folder.control_file(command.name)
        control.unlink(missing_ok=True)
        os.mkfifo(control, 0o600)
        options = folder.tools / f"{command.name}.json"
        own = {"lock_fd": _LOCK_FD, "control": str(control), "relayed": command.relayed, "notes": command.notes}
        options.touch(mode=0o600)
        options.write_bytes(msgspec.json.encode(msgspec.to_builtins(command.options) | own))
        null = str(Path(os.devnull))
        pid = os.posix_spawn(
            program,
            [str(program), "--options", str(options)],
            dict(env),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, null, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, null, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, lock, _LOCK_FD),
            ],
            setsid=True,
            setsigmask=(),
        )
        return Running(command, folder, pidfd=os.pidfd_open(pid))
    finally:
        os.close(lock)


def find(folder: JobFolder, command: Command) -> Running | None:
    """The entrypoint that an earlier process of ours started, if it is alive."""
    if not folder.control_file(command.name).exists():
        return None
    lock = take_lock(folder.lock_file(command.name))
    if lock is not None:
        os.close(lock)
        return None
    return Running(command, folder, pidfd=None)


async def _lock_is_free(path: Path) -> None:
    """Wait for the lock in a thread of its own: it may take hours, and the pool's threads are waited for at exit."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def wait() -> None:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
        finally:
            os.close(fd)
        try:
            loop.call_soon_threadsafe(over.set)
        except RuntimeError:  # the loop was closed meanwhile: nobody waits any more
            return

    threading.Thread(target=wait, name=f"lock-{path.name}", daemon=True).start()
    await over.wait()
