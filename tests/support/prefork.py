"""Processes of prow that start at once: forked off a process that has imported all of it, where each would need most of a second for that.

They are processes like others, with files, environment and exit codes of their own; what starts them is `main`, as ever. Stories start
dozens of them. That `python -m prow` does the same is tried where commands are.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_LARGEST = 1 << 17
_STDERR, _TOLD = range(2)


class Process:
    """`returncode`: None while it runs; minus a signal's number when that ended it, as in asyncio."""

    def __init__(self, pid: int, told: asyncio.StreamReader, pipe: asyncio.BaseTransport) -> None:
        self.returncode: int | None = None
        self._pid = pid
        self._told = told
        self._pipe = pipe
        self._ended = asyncio.create_task(self._end(), name=f"prefork-{pid}")

    async def _end(self) -> int:
        try:
            self.returncode = os.waitstatus_to_exitcode(int(await self._told.readline()))
        finally:
            self._pipe.close()
        return self.returncode

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def send_signal(self, how: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self._pid, how)


async def start(arguments: Sequence[str], *, stderr: int) -> Process:
    """`prow` with these arguments, in this folder and environment; `stderr`: where it says what it says."""
    reading, writing = os.pipe()
    told = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(told), os.fdopen(reading, "rb", buffering=0)
    )
    wish = json.dumps([list(arguments), str(Path.cwd()), dict(os.environ)]).encode()
    try:
        socket.send_fds(_parent(), [wish], [stderr, writing])
    finally:
        os.close(writing)
    return Process(int(await told.readline()), told, pipe)


@cache
def _parent() -> socket.socket:
    """Where wishes go; the process behind it ends with this one."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _LARGEST)
    command = [sys.executable, "-m", __name__, str(its.fileno())]
    process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()])
    its.close()

    def end() -> None:
        mine.close()
        process.wait()

    atexit.register(end)
    return mine


def _serve(wishes: socket.socket) -> None:
    """Fork a minder for each wish, which forks what was wished for and tells how it ended. Returns in what was wished for."""
    while True:
        wish, files, _, _ = socket.recv_fds(wishes, _LARGEST, 2)
        if not wish:
            os._exit(0)
        if os.fork() == 0:
            wishes.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            child = os.fork()
            if child == 0:
                _become(*json.loads(wish), files=files)
                return
            os.close(files[_STDERR])
            os.write(files[_TOLD], b"%d\n" % child)
            os.write(files[_TOLD], b"%d\n" % os.waitpid(child, 0)[1])
            os._exit(0)
        for file in files:
            os.close(file)


def _become(arguments: list[str], folder: str, environment: dict[str, str], *, files: list[int]) -> None:
    os.close(files[_TOLD])
    os.dup2(files[_STDERR], 2)
    os.close(files[_STDERR])
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["prow", *arguments]


def _run() -> None:
    import gc  # noqa: PLC0415
    import importlib  # noqa: PLC0415

    from prow.cli.main import COMMANDS, main  # noqa: PLC0415

    for module, _ in COMMANDS.values():
        importlib.import_module(module)
    importlib.import_module("prow.cli.compose")
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _serve(socket.socket(fileno=int(sys.argv[1])))
    main()


if __name__ == "__main__":
    _run()
