"""A `prow` subcommand as a process of its own. Its log is kept in a file and heard line by line: nobody has to ask whether it is up."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from prow.lib.clock import SystemClock
from tests.support import prefork

_PATIENCE = 30.0
_LONGEST_LINE = 1 << 22
_READY = b'"Ready."'
_ENDED = b"(the process has ended)\n"


class ProwProcess:
    """`log`: where what it says is added. Jobs that outlive it may go on writing there."""

    def __init__(self, process: prefork.Process, said: asyncio.StreamReader, mine: BinaryIO, log: Path) -> None:
        self._process = process
        self._mine = mine
        self._log = log
        self._ready, self._heard = asyncio.Event(), asyncio.Event()
        self._said = asyncio.Condition()
        self._listening = asyncio.create_task(self._listen(said), name=f"log-{log.name}")

    @classmethod
    async def start(cls, command: str, flags: Mapping[str, object], *, log: Path) -> ProwProcess:
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        reading, writing = os.pipe()
        said = asyncio.StreamReader(limit=_LONGEST_LINE)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(said), os.fdopen(reading, "rb", buffering=0)
        )
        process = await prefork.start([command, *arguments], stderr=writing)
        return cls(process, said, os.fdopen(writing, "wb", buffering=0), log)

    async def _listen(self, said: asyncio.StreamReader) -> None:
        with self._log.open("ab", buffering=0) as log:
            async for line in said:
                if line.endswith(_ENDED):
                    self._heard.set()
                    continue
                log.write(line)
                if _READY in line:
                    self._ready.set()
                async with self._said:
                    self._said.notify_all()

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def ready(self) -> None:
        """Return when it says that it is."""
        tasks = {asyncio.create_task(self._ready.wait()), asyncio.create_task(self.ended())}
        async with SystemClock().timeout(_PATIENCE):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        if not self._ready.is_set():
            raise AssertionError(f"prow did not start: {self._log.read_text()[-2000:]}")

    async def says(self, *texts: str) -> None:
        """Return when one line of its log has all of these."""

        def said() -> bool:
            lines = self._log.read_text().splitlines() if self._log.exists() else ()
            return any(all(text in line for text in texts) for line in lines)

        async with SystemClock().timeout(_PATIENCE), self._said:
            await self._said.wait_for(said)

    def signal(self, how: signal.Signals) -> None:
        if self.running:
            self._process.send_signal(how)

    async def ended(self) -> int:
        """Its exit code, when it has ended and everything that it said was heard."""
        code = await self._process.wait()
        if not self._mine.closed:
            self._mine.write(_ENDED)  # nothing of its own can come after this
            self._mine.close()
        await self._heard.wait()
        return code
