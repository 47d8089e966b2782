"""The demo with somebody's own repository: which jobs it has, and a story that takes their results as they come."""

from __future__ import annotations

from pathlib import Path

from prow.cli import checkout
from prow.cli.demo.play import LONG, SOON, jobs_of
from prow.cli.demo.story import Tested
from prow.cli.demo.world import CONTRIBUTOR, MAINTAINER, ORG
from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.job import Presubmit
from prow.config.load import load
from prow.jobs.rules import How, select_presubmits
from prow.lib.errors import UsageError
from prow.model.prowjob import KUBERNETES_AGENT
from prow.sim.state import Repo
from prow.sim.verbs import PullStory

_FILE = "PROW-DEMO.md"
_ENDED = frozenset({"success", "failure", "error"})
_JOBS_TAKE = 3600.0
_NEWS_EVERY = 30.0


def name_of(clone: Path, wanted: str, config_path: str, job_config_path: str) -> str:
    """What the repository is called: as wanted, as the config that was given calls it, or by its folder. `UsageError` for no name."""
    checkout.check_name(wanted)
    if wanted:
        return wanted
    folder = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in clone.resolve().name).strip(
        "-."
    )
    if config_path:
        try:
            known = load(config_path, job_config_path).presubmits
        except ConfigError as error:
            raise UsageError(str(error)) from error
        origin = checkout.origin(clone)
        if origin in known:
            return origin
        alike = [name for name in known if name.partition("/")[2] == folder]
        if len(alike) == 1:
            return alike[0]
    return f"{ORG}/{folder or 'repository'}"


def check(clone: Path) -> None:
    """Raise `UsageError` for what the demo cannot play with."""
    for arguments, wrong in (
        (("rev-parse", "--git-dir"), "this is no git repository"),
        (("rev-parse", "--verify", "--quiet", "HEAD"), "this repository has no commit yet"),
        (("symbolic-ref", "--short", "HEAD"), "no branch is checked out there: switch to one first"),
    ):
        if not checkout.git(clone, *arguments):
            raise UsageError(f"--clone {clone}: {wrong}")


def presubmits(config: Config, repo: Repo, head: str) -> tuple[Presubmit, ...]:
    """The repository's jobs that can run on this machine for its default branch. Raises `UsageError` for a wrong `.prow.yaml`."""
    try:
        own = checkout.with_own_jobs(config, repo.full_name, repo.path, head)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    jobs = own.presubmits.get(repo.full_name, ())
    return tuple(j for j in jobs if j.agent == KUBERNETES_AGENT and j.runs_on_branch(repo.default_branch))


class Own(Tested):
    """A small change, tested by whatever jobs there are."""

    async def play(self, jobs: tuple[Presubmit, ...]) -> None:
        say, repo = self.say, self.repo.repo
        chosen = select_presubmits(jobs, branch=repo.default_branch, filters=(How.ALL,), files=(_FILE,))
        wanted = [choice.job for choice in chosen if choice.runs]
        say.chapter("1. A first-time contributor opens a pull request")
        say.person(CONTRIBUTOR, "opens a pull request: Try Prow")
        async with say.step("the pull request waits for a member's okay", within=LONG) as answers:
            pr = await self.repo.open_pull_request(
                CONTRIBUTOR, title="Try Prow", files={_FILE: "Tested by Prow.\n"}, branch="prow-demo"
            )
            await self.wait(pr, lambda p: "needs-ok-to-test" in p.labels, "label needs-ok-to-test")
            answers.append("adds needs-ok-to-test, and a comment that says what happens next")
        say.chapter("2. A maintainer lets it be tested")
        say.person(MAINTAINER, "comments /ok-to-test")
        async with say.step("the label changes", within=SOON) as answers:
            await pr.comment(MAINTAINER, "/ok-to-test")
            await self.wait(pr, lambda p: "ok-to-test" in p.labels, "label ok-to-test")
            answers.append("replaces needs-ok-to-test by ok-to-test")
        if not jobs:
            say.note(
                f"{'':10}  There is no job to run for branch {repo.default_branch}. Jobs come from the repository's .prow.yaml, or from a\n"
                f"{'':10}  config that names it as {repo.full_name}: --config-path and --job-config-path."
            )
        elif not wanted:
            command = jobs[0].rerun_command
            say.bot("no job runs by itself for this change")
            say.person(MAINTAINER, f"comments {command}")
            await pr.comment(MAINTAINER, command)
            await self._results(pr, jobs[:1])
        else:
            await self._results(pr, wanted)
            say.chapter("3. The contributor pushes again")
            say.person(CONTRIBUTOR, "pushes another commit")
            await pr.push({_FILE: "Tested by Prow, twice.\n"})
            await self._results(pr, wanted)
        await self.hold(pr)

    async def _results(self, pr: PullStory, jobs: list[Presubmit] | tuple[Presubmit, ...]) -> None:
        """The jobs start on the newest commit, and end as they may."""
        contexts = {job.context for job in jobs if not job.skip_report}
        async with self.say.step("the jobs start", within=LONG) as answers:
            await self.wait(pr, lambda p: contexts <= p.statuses.keys(), f"statuses of {', '.join(sorted(contexts))}")
            answers.append(f"starts {', '.join(sorted(job.name for job in jobs))}")
        async with self.say.step("all jobs end", within=_JOBS_TAKE) as answers:
            while _open(pr, contexts):
                try:
                    await pr.wait_for(lambda p: not _open(p, contexts), "the jobs to end", within=_NEWS_EVERY)
                except AssertionError:
                    self.say.bot(f"still runs {', '.join(_open(pr, contexts))}")
            answers += [f"reports: {c} {s.state}: {s.target_url}" for c, s in jobs_of(pr).items() if c in contexts]


def _open(pr: PullStory, contexts: set[str]) -> list[str]:
    return sorted(c for c in contexts if c not in pr.statuses or pr.statuses[c].state not in _ENDED)
