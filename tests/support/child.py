"""A `prow` subcommand as a process of its own. Its log is kept in a file and heard line by line: nobody has to ask whether it is up."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from prow.lib.clock import SystemClock

_PATIENCE = 30.0
_LONGEST_LINE = 1 << 22


class ProwProcess:
    """`log`: where what it says is added."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._ready = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(), name=f"log-{log.name}")

    @classmethod
    async def start(cls, command: str, flags: Mapping[str, object], *, log: Path) -> ProwProcess:
        arguments: Sequence[str] = [f"--{name}={value}" for name, value in flags.items()]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "prow", command, *arguments, stderr=asyncio.subprocess.PIPE, limit=_LONGEST_LINE
        )
        return cls(process, log)

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._log.open("ab", buffering=0) as log:
            async for line in self._process.stderr:
                log.write(line)
                if b'"Ready."' in line:
                    self._ready.set()

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def ready(self) -> None:
        """Return when it says that it is."""
        tasks = {asyncio.create_task(self._ready.wait()), asyncio.create_task(self._process.wait())}
        async with SystemClock().timeout(_PATIENCE):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        if not self._ready.is_set():
            raise AssertionError(f"prow did not start: {self._log.read_text()[-2000:]}")

    def signal(self, how: signal.Signals) -> None:
        if self.running:
            self._process.send_signal(how)

    async def ended(self) -> int:
        """Its exit code. Jobs that it leaves may still hold its log."""
        return await self._process.wait()
