"""Requests that are merged: what is asked for while one runs becomes the next one, for all who wait. One runs at a time on the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from prow.git.errors import GitFailed
from prow.git.locks import Alone
from prow.lib.errors import Permanent

Work = Callable[[Sequence[str]], Awaitable[None]]
_Outcomes = dict[tuple[str, ...], Exception | None]


class _Batch:
    def __init__(self) -> None:
        self.members: list[tuple[tuple[str, ...], asyncio.Future[None]]] = []

    def all_told(self, error: Exception | None) -> _Outcomes:
        return {wants: error for wants, _ in self.members}

    def settle(self, outcomes: _Outcomes) -> None:
        for wants, done in self.members:
            _settle(done, outcomes[wants])


class Batches:
    """`work`: does what all of a batch want, while nobody else holds `alone`."""

    def __init__(self, name: str, *, alone: Alone, work: Work) -> None:
        self._name = name
        self._alone = alone
        self._work = work
        self._next: _Batch | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(self, wants: Sequence[str]) -> None:
        """Wait until it is done. Raises what `work` raises; GitFailed when the disk does not do its part."""
        if self._next is None:
            self._next = _Batch()
            task = asyncio.create_task(self._run(self._next), name=self._name)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next.members.append((tuple(wants), done))
        await done

    async def _run(self, batch: _Batch) -> None:
        try:
            async with self._alone.held():
                self._next = None
                together = tuple(dict.fromkeys(want for wants, _ in batch.members for want in wants))
                error = await self._outcome(together)
                outcomes = batch.all_told(error)
                if isinstance(error, Permanent) and len(outcomes) > 1:  # the fault of one is not the fault of all
                    outcomes = {wants: await self._outcome(wants) for wants in outcomes}
                batch.settle(outcomes)
        except GitFailed as error:  # of the lock
            batch.settle(batch.all_told(error))
        finally:
            if self._next is batch:
                self._next = None
            for _, done in batch.members:
                if not done.done():
                    done.cancel()

    async def _outcome(self, wants: Sequence[str]) -> Exception | None:
        try:
            await self._work(wants)
        except OSError as error:
            return GitFailed(f"{self._name}: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001 - who waits hears of it
            return error
        return None


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
