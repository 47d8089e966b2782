"""What sinker sees and removes of runs on this machine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from prow.engines.local.folder import JobFolder, take_lock
from prow.engines.local.leftovers import Leftovers
from prow.jobs.engine import Execution, Phase
from prow.model.prowjob import ProwJob


class Knows:
    """An engine that knows some runs."""

    name = "knows"

    def __init__(self, *executions: Execution) -> None:
        self._executions = executions
        self.aborted: list[str] = []
        self.forgotten: list[str] = []

    def handles(self, job: ProwJob) -> bool:
        raise NotImplementedError

    async def start(self, job: ProwJob) -> Execution:
        raise NotImplementedError

    def watch(self) -> AsyncIterator[Execution]:
        raise NotImplementedError

    async def executions(self) -> tuple[Execution, ...]:
        return self._executions

    async def abort(self, name: str) -> None:
        self.aborted.append(name)

    async def forget(self, name: str) -> None:
        self.forgotten.append(name)


def folder(state: Path, name: str, build_id: str) -> JobFolder:
    made = JobFolder(state / "jobs" / name / build_id)
    made.clear()
    (made.path / "job.json").write_text("this is no record")
    return made


async def test_runs_that_the_engine_knows_are_stopped_or_forgotten(tmp_path: Path) -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    going = Execution(name="going", build_id="1", phase=Phase.RUNNING, started_at=start)
    over = Execution(name="over", build_id="1", phase=Phase.SUCCEEDED, started_at=start)
    for name in ("going", "over"):
        folder(tmp_path, name, "1")
    engine = Knows(going, over)
    leftovers = Leftovers(engine, tmp_path)
    found = await leftovers.all()
    assert [(run.name, run.build_id, run.started) for run in found] == [
        ("going", "1", start.timestamp()),
        ("over", "1", start.timestamp()),
    ]
    for run in found:
        await leftovers.remove(run)
    assert (engine.aborted, engine.forgotten) == (["going"], ["over"])


async def test_what_the_engine_does_not_know_is_deleted(tmp_path: Path) -> None:
    folder(tmp_path, "unreadable", "1")
    folder(tmp_path, "again", "1")
    folder(tmp_path, "again", "2")
    engine = Knows(Execution(name="again", build_id="2", phase=Phase.RUNNING))
    leftovers = Leftovers(engine, tmp_path)
    for run in await leftovers.all():
        if (run.name, run.build_id) != ("again", "2"):
            await leftovers.remove(run)
    assert not engine.aborted
    assert sorted(str(path.relative_to(tmp_path / "jobs")) for path in (tmp_path / "jobs").glob("*/*")) == ["again/2"]
    assert not (tmp_path / "jobs" / "unreadable").exists()


async def test_a_folder_in_which_a_command_lives_is_left_alone(tmp_path: Path) -> None:
    made = folder(tmp_path, "unreadable", "1")
    leftovers = Leftovers(Knows(), tmp_path)
    (run,) = await leftovers.all()
    lock = take_lock(made.lock_file("test"))
    assert lock is not None
    await leftovers.remove(run)
    assert made.path.exists()
    os.close(lock)
    await leftovers.remove(run)
    assert not made.path.exists()
