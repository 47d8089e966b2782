"""What every chapter of the demo shares: waiting for what must come true, and looking at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from prow.cli.demo.narrator import Narrator, StepFailed
from prow.cli.demo.world import BOT, Stage
from prow.jobs.index import JobRow
from prow.lib.clock import Clock
from prow.sim.state import Status
from prow.sim.verbs import PullStory, RepoStory

SOON = 15.0
LONG = 60.0
REPORT = "<!-- test report -->"


class Play:
    """One performance. `config`: the folder of the config files, which an operator may edit. `link_works` fetches an address and
    says whether it answers; `runs`: the ProwJobs of a job's name, as the index has them."""

    def __init__(
        self,
        stage: Stage,
        narrator: Narrator,
        *,
        clock: Clock,
        config: Path,
        link_works: Callable[[str], object],
        runs: Callable[[str], Iterable[JobRow]],
    ) -> None:
        self.stage = stage
        self.say = narrator
        self.clock = clock
        self.config = config
        self.runs = runs
        self._link_works = link_works

    @property
    def repo(self) -> RepoStory:
        return self.stage.repo

    async def wait(self, pr: PullStory, holds: Callable[[PullStory], bool], what: str) -> None:
        try:
            await pr.wait_for(holds, what, within=LONG)
        except AssertionError as error:
            raise StepFailed(str(error)) from error

    async def wait_for_jobs(self, holds: Callable[[], bool], what: str, *, within: float = SOON) -> None:
        """The index has no waiting of its own: it is looked at ten times a second."""
        give_up = self.clock.monotonic() + within
        while not holds():
            if self.clock.monotonic() > give_up:
                raise StepFailed(f"expected {what} within {within:g} s")
            await self.clock.sleep(0.1)

    async def page(self, link: str) -> None:
        works = self._link_works(link)
        if hasattr(works, "__await__"):
            works = await works
        if not works:
            raise StepFailed(f"the link does not work: {link}")


def jobs_of(pr: PullStory) -> dict[str, Status]:
    """Statuses of jobs: all but tide's own."""
    return {context: status for context, status in pr.statuses.items() if context != "tide"}


def state(pr: PullStory, context: str) -> str:
    status = pr.statuses.get(context)
    return status.state if status else ""


def description(pr: PullStory, context: str = "tide") -> str:
    status = pr.statuses.get(context)
    return status.description if status else ""


def report(pr: PullStory) -> str:
    return next((c.body for c in pr.comments_by(BOT) if REPORT in c.body), "")
